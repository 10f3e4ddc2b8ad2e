// Canonicalisation, first half (SEMANTICS 7): which host of an address is the one to look at now.

import Bytes
import MailSyntax
import Maps

/// The part of an address that decides where it goes next, as offsets into the text.
enum RoutingForm {
    /// `local@domain`: the offset of the last `@` outside quotes.
    case domain(at: Int)
    /// `@host:rest` or `@host,rest`: the host, and where the rest begins.
    case route(host: TextRange, rest: Int)
    /// `host!rest`: the offset of the first `!`.
    case bang(at: Int)
    /// `local%host`: the offset of the last `%`.
    case percent(at: Int)
    /// A local part without any host, or a command, a file or an include.
    case localForm

    init(_ address: TextRange, of text: borrowing TextArena, isUnquoted: Bool) {
        guard let first = text.first(address), !isUnquoted, first != UInt8(ascii: "|") else {
            self = .localForm
            return
        }
        if first == UInt8(ascii: "@") {
            self = RoutingForm.route(in: address, of: text)
            return
        }
        if text.starts(address, with: ":include:") {
            self = .localForm
            return
        }
        var offsets = (at: -1, bang: -1, percent: -1)
        var inQuotes = false
        var escaped = false
        for offset in address {
            let byte = text[offset]
            if escaped {
                escaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\") where inQuotes: escaped = true
            case UInt8(ascii: "\""): inQuotes.toggle()
            case _ where inQuotes: break
            case UInt8(ascii: "@"): offsets.at = offset
            case UInt8(ascii: "!") where offsets.bang < 0: offsets.bang = offset
            case UInt8(ascii: "%"): offsets.percent = offset
            default: break
            }
        }
        if offsets.at >= 0 {
            self = .domain(at: offsets.at)
        } else if first == UInt8(ascii: "/") {
            self = .localForm
        } else if offsets.bang >= 0 {
            self = .bang(at: offsets.bang)
        } else if offsets.percent >= 0 {
            self = .percent(at: offsets.percent)
        } else {
            self = .localForm
        }
    }

    /// The first host of a source route; separators inside a domain literal are part of it.
    private static func route(in address: TextRange, of text: borrowing TextArena) -> RoutingForm {
        var inLiteral = false
        let start = address.lowerBound + 1
        for offset in start..<address.upperBound {
            switch text[offset] {
            case UInt8(ascii: "["): inLiteral = true
            case UInt8(ascii: "]"): inLiteral = false
            case UInt8(ascii: ":"), UInt8(ascii: ","):
                if !inLiteral { return .route(host: start..<offset, rest: offset + 1) }
            default: break
            }
        }
        return .localForm
    }
}

// Canonicalisation, second half (SEMANTICS 6.1): the map thishost says which names are ours, and under which name we
// know them. That name must itself be ours, or the mail goes out to it.

/// What thishost and the settings say of a host.
struct CanonicalHost {
    /// The name to go on with, where it is another than the one given.
    var name: TextRange?
    /// Whether it is this host.
    var isLocal: Bool
    /// Whether it is an IP address in brackets, which goes by no map.
    var isLiteral: Bool
}

extension Resolver {
    /// The canonical form of a host, and whether it is ours.
    mutating func canonicalHost(_ host: TextRange) throws(ResolutionFailure) -> CanonicalHost {
        trace?.record(.step(.thisHost))
        let canonical = try named(host)
        if trace != nil { record(canonical, for: host) }
        return canonical
    }

    /// What thishost says of a host, and under which name.
    @inline(__always)
    private mutating func named(_ host: TextRange) throws(ResolutionFailure) -> CanonicalHost {
        guard let hit = try maps.findThisHost(host, of: &text) else {
            return try examined(host, name: nil, isLocal: false)
        }
        // Names below .uucp are never replaced.
        guard !hasSuffix(host, Self.uucp) else { return try examined(host, name: nil, isLocal: true) }
        let name = try value(of: hit, in: .thishost, growingAtMost: mostSubstituted)
        try checkGrowth(of: name)
        guard !name.isEmpty else { return try examined(host, name: nil, isLocal: true) }
        let isLocal = try maps.findThisHost(name, of: &text) != nil
        return try examined(name, name: name, isLocal: isLocal)
    }

    private static var uucp: [UInt8] { Array(".uucp".utf8) }

    /// What the settings add to what thishost said.
    private mutating func examined(
        _ host: TextRange, name: TextRange?, isLocal: Bool
    ) throws(ResolutionFailure) -> CanonicalHost {
        if host.count > 1, text.first(host) == UInt8(ascii: "["), text.last(host) == UInt8(ascii: "]") {
            let isOurs = AddressLiteral(text[host]).map(rules.localAddresses.contains) ?? false
            return CanonicalHost(name: name, isLocal: isOurs, isLiteral: !isOurs)
        }
        if let spelled = organisationSpelling(of: host) {
            var isOurs = isLocal || isHostname(host) || isHostname(spelled)
            if !isOurs { isOurs = try maps.findThisHost(spelled, of: &text) != nil }
            return CanonicalHost(name: spelled, isLocal: isOurs, isLiteral: false)
        }
        return CanonicalHost(name: name, isLocal: isLocal || isHostname(host), isLiteral: false)
    }

    private func isHostname(_ host: TextRange) -> Bool {
        !host.isEmpty && host.count == rules.hostname.count && hasSuffix(host, rules.hostname)
    }

    /// A name that ends in one of the organisation's domains, with `orgdomain` in the place of that part.
    ///
    /// - Returns: nil if there is nothing to change.
    private mutating func organisationSpelling(of host: TextRange) -> TextRange? {
        for domain in rules.organisationDomains where !domain.isEmpty && host.count >= domain.count {
            let start = host.upperBound - domain.count
            guard start == host.lowerBound || text[start - 1] == UInt8(ascii: "."), hasSuffix(host, domain) else {
                continue
            }
            let written = rules.organisationDomain.isEmpty ? domain : rules.organisationDomain
            if text.equals(start..<host.upperBound, written) { return nil }
            let spelled = text.append(copyOf: host.lowerBound..<start)
            text.append(written)
            return spelled.lowerBound..<text.end
        }
        return nil
    }

    /// Whether a host ends in a suffix, without regard to case.
    private func hasSuffix(_ host: TextRange, _ suffix: [UInt8]) -> Bool {
        guard host.count >= suffix.count else { return false }
        let start = host.upperBound - suffix.count
        // From the end, where names that differ mostly do.
        for offset in suffix.indices.reversed()
        where ASCII.lowercase(text[start + offset]) != ASCII.lowercase(suffix[offset]) {
            return false
        }
        return true
    }
}
