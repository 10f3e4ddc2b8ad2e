// Canonicalisation, second half (SEMANTICS 6.1): the map thishost says which names are ours, and under which name we
// know them. That name must itself be ours, or the mail goes out to it.

import MailAddress
import Maps

/// What thishost and the settings say of a host.
struct CanonicalHost {
    /// The name to go on with, where it is another than the one given.
    var name: Piece?
    /// Whether it is this host.
    var isLocal: Bool
    /// Whether it is an IP address in brackets, which goes by no map.
    var isLiteral: Bool
}

extension Resolver {
    /// The canonical form of a host, and whether it is ours.
    mutating func canonicalHost(_ host: Piece) throws(ResolutionFailure) -> CanonicalHost {
        trace?.record(.step(.thisHost))
        guard let hit = try maps.findThisHost(host, of: &text) else {
            return try examined(host, name: nil, isLocal: false)
        }
        // Names below .uucp are never replaced.
        guard !hasSuffix(host, Self.uucp) else { return try examined(host, name: nil, isLocal: true) }
        let name = try value(of: hit, growingAtMost: mostSubstituted)
        try checkGrowth(of: name)
        guard !name.isEmpty else { return try examined(host, name: nil, isLocal: true) }
        let isLocal = try maps.findThisHost(name, of: &text) != nil
        return try examined(name, name: name, isLocal: isLocal)
    }

    private static var uucp: [UInt8] { Array(".uucp".utf8) }

    /// What the settings add to what thishost said.
    private mutating func examined(
        _ host: Piece, name: Piece?, isLocal: Bool
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

    private func isHostname(_ host: Piece) -> Bool {
        !host.isEmpty && host.count == rules.hostname.count && hasSuffix(host, rules.hostname)
    }

    /// A name that ends in one of the organisation's domains, with `orgdomain` in the place of that part.
    ///
    /// - Returns: nil if there is nothing to change.
    private mutating func organisationSpelling(of host: Piece) -> Piece? {
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
    private func hasSuffix(_ host: Piece, _ suffix: [UInt8]) -> Bool {
        guard host.count >= suffix.count else { return false }
        let start = host.upperBound - suffix.count
        // From the end, where names that differ mostly do.
        for place in suffix.indices.reversed()
        where ASCII.lowercase(text[start + place]) != ASCII.lowercase(suffix[place]) {
            return false
        }
        return true
    }
}
