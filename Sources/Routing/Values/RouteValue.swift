// What the values of fqdnroutes and routesdb mean (SEMANTICS 5): patterns in a fixed order, the first that matches the
// whole value decides. The two relations differ in a few of them.

import Bytes

/// The meaning of a map's value; its fields are ranges in the text that the value stands in, too.
enum RouteValue {
    /// A route.
    case route(channel: TextRange, host: TextRange, user: TextRange)
    /// No route: the key counts as absent.
    case unusable
    /// The address is routed anew in this form.
    case again(TextRange)

    /// The meaning of a value of fqdnroutes for an address.
    @inline(__always)
    init(ofFullyQualifiedRoute value: TextRange, address: TextRange, in text: inout TextArena) {
        if text.equals(value, "ERROR") || text.starts(value, with: "ignore!") {
            self = .unusable
        } else if let reason = text.dropping("error!", from: value) {
            self = .route(channel: value.prefix(5), host: reason, user: address)
        } else {
            let reader = Reader(value: value, address: address, text: text)
            self =
                reader.channelAlone(&text) ?? reader.lotusGateway(&text) ?? reader.channelAndHost(text) ?? .unusable
        }
    }

    /// The meaning of a value of routesdb for an address.
    ///
    /// - Parameter now: the present time in seconds since 1970, for `delay!seconds`.
    @inline(__always)
    init(ofDomainRoute value: TextRange, address: TextRange, in text: inout TextArena, now: () -> Int64) {
        let reader = Reader(value: value, address: address, text: text)
        if let bitnet = reader.bitnet(&text) {
            self = bitnet
        } else if text.starts(value, with: "ignore!") {
            self = .unusable
        } else {
            self =
                reader.channelAlone(&text) ?? reader.lotusGateway(&text) ?? reader.delay(&text, now: now)
                ?? reader.channelAndHost(text) ?? reader.again(&text)
        }
    }
}

private struct Reader {
    static let bang = UInt8(ascii: "!")
    let value: TextRange
    let address: TextRange
    /// The first `!` of the value.
    let first: Int?

    @inline(__always)
    init(value: TextRange, address: TextRange, text: borrowing TextArena) {
        self.value = value
        self.address = address
        first = text.firstIndex(of: Self.bang, in: value)
    }

    /// The local part and the domain of the address: before and after its last `@`.
    private func parts(_ text: borrowing TextArena) -> (local: TextRange, domain: TextRange)? {
        guard let at = text.lastIndex(of: UInt8(ascii: "@"), in: address) else { return nil }
        return (address.lowerBound..<at, (at + 1)..<address.upperBound)
    }

    /// `channel!`: the domain of the address is the host for an SMTP channel, the local part for a gateway.
    @inline(__always)
    func channelAlone(_ text: inout TextArena) -> RouteValue? {
        guard value.count > 1, text.last(value) == Self.bang else { return nil }
        let channel = value.dropLast()
        if let parts = parts(text), !parts.domain.isEmpty {
            if text.starts(channel, with: "smtpgw") {
                return .route(channel: channel, host: parts.local, user: address)
            }
            if text.starts(channel, with: "smtp") { return .route(channel: channel, host: parts.domain, user: address) }
            if text.equals(channel, "dns") {
                return .route(channel: text.append("smtp"), host: parts.domain, user: address)
            }
        }
        return .route(channel: channel, host: text.append("-"), user: address)
    }

    /// `lotusgw!domain!gateway`: `user%domain@gateway` by SMTP.
    @inline(__always)
    func lotusGateway(_ text: inout TextArena) -> RouteValue? {
        guard let rest = text.dropping("lotusgw!", from: value) else { return nil }
        return lotusGateway(rest, &text)
    }

    private func lotusGateway(_ rest: TextRange, _ text: inout TextArena) -> RouteValue? {
        guard let parts = parts(text),
            let last = text.lastIndex(of: Self.bang, in: value), last > rest.lowerBound, last + 1 < value.upperBound
        else { return nil }
        let gateway = (last + 1)..<value.upperBound
        let start = text.end
        text.append(copyOf: parts.local)
        text.append(UInt8(ascii: "%"))
        text.append(copyOf: rest.lowerBound..<last)
        text.append(UInt8(ascii: "@"))
        text.append(copyOf: gateway)
        let user = start..<text.end
        return .route(channel: text.append("smtp"), host: gateway, user: user)
    }

    /// `channel!host` and `channel!host!user`; further `!` belong to the user.
    @inline(__always)
    func channelAndHost(_ text: borrowing TextArena) -> RouteValue? {
        guard let first, first > value.lowerBound else { return nil }
        let channel = value.lowerBound..<first
        let rest = (first + 1)..<value.upperBound
        guard let second = text.firstIndex(of: Self.bang, in: rest) else {
            return rest.isEmpty ? nil : .route(channel: channel, host: rest, user: address)
        }
        guard second > rest.lowerBound else { return nil }
        return .route(channel: channel, host: rest.lowerBound..<second, user: (second + 1)..<value.upperBound)
    }

    /// `delay!seconds`: held until then.
    @inline(__always)
    func delay(_ text: inout TextArena, now: () -> Int64) -> RouteValue? {
        guard let rest = text.dropping("delay!", from: value) else { return nil }
        return delay(rest, &text, now: now)
    }

    private func delay(_ rest: TextRange, _ text: inout TextArena, now: () -> Int64) -> RouteValue {
        let seconds = Int64(String(decoding: text[rest], as: UTF8.self)) ?? 0
        let (sum, overflow) = now().addingReportingOverflow(max(seconds, 0))
        let due = overflow ? Int64.max : sum
        return .route(channel: text.append("hold"), host: text.append(Array(String(due).utf8)), user: address)
    }

    /// The channels of BITNET, which put user and host together.
    @inline(__always)
    func bitnet(_ text: inout TextArena) -> RouteValue? {
        guard let first, first > value.lowerBound, first + 1 < value.upperBound else { return nil }
        let channel = value.lowerBound..<first
        guard text.starts(channel, with: "bsmtp3") || text.equals(channel, "defrt1") else { return nil }
        return bitnet(channel, first, &text)
    }

    private func bitnet(_ channel: TextRange, _ first: Int, _ text: inout TextArena) -> RouteValue? {
        let names: [StaticString] = ["bsmtp3nd", "bsmtp3", "bsmtp3rfc", "bsmtp3ndrfc"]
        for name in names where text.equals(channel, name) {
            guard let last = text.lastIndex(of: Self.bang, in: value), last > first + 1, last + 1 < value.upperBound
            else { return nil }
            let start = text.end
            text.append(copyOf: (first + 1)..<last)
            text.append(UInt8(ascii: "@"))
            text.append(copyOf: (last + 1)..<value.upperBound)
            return .route(channel: channel, host: start..<text.end, user: address)
        }
        guard text.equals(channel, "defrt1") else { return nil }
        let host = text[(first + 1)..<value.upperBound]
        let path = BangPath.of(text[address]).split(separator: Self.bang, omittingEmptySubsequences: false)
        guard path.count >= 2, let user = path.last, !user.isEmpty else { return nil }
        let node = path[path.count - 2]
        let who = text.append(user + [UInt8(ascii: "@")] + node)
        if path.count == 2 {
            let range = text.append(node.isEmpty ? [] : user + [UInt8(ascii: "@")] + host)
            return .route(channel: channel, host: range, user: who)
        }
        return .route(channel: text.append("bsmtp3"), host: text.append(Array("mailer@".utf8) + host), user: who)
    }

    /// Anything else with a `!` is a UUCP path, through which the address is routed anew.
    func again(_ text: inout TextArena) -> RouteValue {
        guard let last = text.lastIndex(of: Self.bang, in: value), last > value.lowerBound, last + 1 < value.upperBound
        else { return .unusable }
        let path = BangPath.of(text[address])
        let start = text.end
        text.append(copyOf: (last + 1)..<value.upperBound)
        text.append(Self.bang)
        text.append(path)
        return .again(start..<text.end)
    }
}

// Any address as a path of `!` (RFC 976), which the values of routesdb need in two rare places.

/// UUCP paths.
enum BangPath {
    /// `a!b!user` for an address: source routes, `@` and `%` all become `!`, the nearest host first.
    static func of(_ address: [UInt8]) -> [UInt8] {
        var route: [UInt8] = []
        var mailbox = address[...]
        if mailbox.first == UInt8(ascii: "@"), let colon = mailbox.firstIndex(of: UInt8(ascii: ":")) {
            let hosts = mailbox[..<colon].split { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: ",") }
            for host in hosts { route += host + [UInt8(ascii: "!")] }
            mailbox = mailbox[(colon + 1)...]
        }
        guard let at = mailbox.lastIndex(of: UInt8(ascii: "@")) else { return route + mailbox }
        route += mailbox[(at + 1)...] + [UInt8(ascii: "!")]
        var local = mailbox[..<at]
        while let percent = local.lastIndex(of: UInt8(ascii: "%")), local.first != UInt8(ascii: "\"") {
            route += local[(percent + 1)...] + [UInt8(ascii: "!")]
            local = local[..<percent]
        }
        return route + local
    }
}
