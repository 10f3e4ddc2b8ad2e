// What the values of fqdnroutes and routesdb mean (SEMANTICS 5): patterns in a fixed order, the first that matches the
// whole value decides. The two relations differ in a few of them.

import MailAddress

/// The meaning of a map's value.
enum RouteValue: Equatable {
    /// A route.
    case route(Route)
    /// No route: the key counts as absent.
    case unusable
    /// The address is routed anew in this form.
    case again([UInt8])

    /// The meaning of a value of fqdnroutes for an address.
    init(ofFullyQualifiedRoute value: [UInt8], address: [UInt8], privilege: UInt32) {
        let reader = Reader(value: value, address: address, privilege: privilege)
        let errorPrefix = Array("error!".utf8)
        if value == Array("ERROR".utf8) || value.starts(with: "ignore!".utf8) {
            self = .unusable
        } else if value.count > errorPrefix.count, value.starts(with: errorPrefix) {
            self = reader.route(value[..<5], value[6...], address[...])
        } else {
            self = reader.channelAlone ?? reader.lotusGateway ?? reader.channelAndHost ?? .unusable
        }
    }

    /// The meaning of a value of routesdb for an address.
    ///
    /// - Parameter now: the present time in seconds since 1970, for `delay!seconds`.
    init(ofDomainRoute value: [UInt8], address: [UInt8], privilege: UInt32, now: @escaping () -> Int64) {
        let reader = Reader(value: value, address: address, privilege: privilege)
        if let bitnet = reader.bitnet {
            self = bitnet
        } else if value.starts(with: "ignore!".utf8) {
            self = .unusable
        } else {
            self =
                reader.channelAlone ?? reader.lotusGateway ?? reader.delay(now: now) ?? reader.channelAndHost
                ?? reader.again
        }
    }
}

private struct Reader {
    static let bang = UInt8(ascii: "!")
    let value: [UInt8]
    let address: [UInt8]
    let privilege: UInt32

    func route(_ channel: ArraySlice<UInt8>, _ host: ArraySlice<UInt8>, _ user: ArraySlice<UInt8>) -> RouteValue {
        .route(Route(channel: Array(channel), host: Array(host), user: Array(user), privilege: privilege))
    }

    /// The local part and the domain of the address: before and after its last `@`.
    private var parts: (local: ArraySlice<UInt8>, domain: ArraySlice<UInt8>)? {
        guard let at = address.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        return (address[..<at], address[(at + 1)...])
    }

    /// `channel!`: the domain of the address is the host for an SMTP channel, the local part for a gateway.
    var channelAlone: RouteValue? {
        guard value.count > 1, value.last == Self.bang else { return nil }
        let channel = value.dropLast()
        if let parts, !parts.domain.isEmpty {
            if channel.starts(with: "smtpgw".utf8) { return route(channel, parts.local, address[...]) }
            if channel.starts(with: "smtp".utf8) { return route(channel, parts.domain, address[...]) }
            if channel.elementsEqual("dns".utf8) { return route(Array("smtp".utf8)[...], parts.domain, address[...]) }
        }
        return route(channel, Array("-".utf8)[...], address[...])
    }

    /// `lotusgw!domain!gateway`: `user%domain@gateway` by SMTP.
    var lotusGateway: RouteValue? {
        let prefix = Array("lotusgw!".utf8)
        guard value.starts(with: prefix), let parts, let last = value.lastIndex(of: Self.bang), last > prefix.count,
            last + 1 < value.count
        else { return nil }
        let gateway = value[(last + 1)...]
        let user = parts.local + [UInt8(ascii: "%")] + value[prefix.count..<last] + [UInt8(ascii: "@")] + gateway
        return route(Array("smtp".utf8)[...], gateway, user[...])
    }

    /// `channel!host` and `channel!host!user`; further `!` belong to the user.
    var channelAndHost: RouteValue? {
        guard let first = value.firstIndex(of: Self.bang), first > 0 else { return nil }
        let rest = value[(first + 1)...]
        guard let second = rest.firstIndex(of: Self.bang) else {
            return rest.isEmpty ? nil : route(value[..<first], rest, address[...])
        }
        guard second > rest.startIndex else { return nil }
        return route(value[..<first], rest[..<second], rest[(second + 1)...])
    }

    /// `delay!seconds`: held until then.
    func delay(now: () -> Int64) -> RouteValue? {
        let prefix = Array("delay!".utf8)
        guard value.starts(with: prefix), value.count > prefix.count else { return nil }
        let seconds = Int64(String(decoding: value[prefix.count...], as: UTF8.self)) ?? 0
        let (sum, overflow) = now().addingReportingOverflow(max(seconds, 0))
        let due = overflow ? Int64.max : sum
        return route(Array("hold".utf8)[...], Array(String(due).utf8)[...], address[...])
    }

    /// The channels of BITNET, which put user and host together.
    var bitnet: RouteValue? {
        guard let first = value.firstIndex(of: Self.bang), first > 0, first + 1 < value.count else { return nil }
        let channel = value[..<first]
        let names = ["bsmtp3nd", "bsmtp3", "bsmtp3rfc", "bsmtp3ndrfc"]
        if names.contains(where: { channel.elementsEqual($0.utf8) }) {
            guard let last = value.lastIndex(of: Self.bang), last > first + 1, last + 1 < value.count else {
                return nil
            }
            let host = value[(first + 1)..<last] + [UInt8(ascii: "@")] + value[(last + 1)...]
            return route(channel, host[...], address[...])
        }
        guard channel.elementsEqual("defrt1".utf8) else { return nil }
        let host = value[(first + 1)...]
        let path = BangPath.of(address).split(separator: Self.bang, omittingEmptySubsequences: false)
        guard path.count >= 2, let user = path.last, !user.isEmpty else { return nil }
        let node = path[path.count - 2]
        let who = user + [UInt8(ascii: "@")] + node
        return path.count == 2
            ? route(channel, (node.isEmpty ? [] : user + [UInt8(ascii: "@")] + host)[...], who[...])
            : route(Array("bsmtp3".utf8)[...], (Array("mailer@".utf8) + host)[...], who[...])
    }

    /// Anything else with a `!` is a UUCP path, through which the address is routed anew.
    var again: RouteValue {
        guard let last = value.lastIndex(of: Self.bang), last > 0, last + 1 < value.count else { return .unusable }
        return .again(value[(last + 1)...] + [Self.bang] + BangPath.of(address))
    }
}
