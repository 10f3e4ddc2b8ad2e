// Canonicalisation, second half (SEMANTICS 6.1): the map thishost says which names are ours, and under which name we
// know them. That name must itself be ours, or the mail goes out to it.

import MailAddress
import Maps

/// What thishost and the settings say of a host.
struct CanonicalHost {
    /// The name to go on with, where it is another than the one given.
    var name: [UInt8]?
    /// Whether it is this host.
    var isLocal: Bool
    /// Whether it is an IP address in brackets, which goes by no map.
    var isLiteral: Bool
}

extension Resolver {
    /// The canonical form of a host, and whether it is ours.
    mutating func canonicalHost(_ host: Span<UInt8>) throws(ResolutionFailure) -> CanonicalHost {
        trace?.record(.step(.thisHost))
        guard try maps.find(.thishost, host, into: &hit) else { return examined(host, name: nil, isLocal: false) }
        // Names below .uucp are never replaced.
        guard !hasSuffix(host, ".uucp") else { return examined(host, name: nil, isLocal: true) }
        hit.substitute(noArguments)
        guard !hit.value.isEmpty else { return examined(host, name: nil, isLocal: true) }
        let name = hit.value
        let isLocal = try maps.find(.thishost, name.span, into: &hit)
        return examined(name.span, name: name, isLocal: isLocal)
    }

    /// What the settings add to what thishost said.
    private func examined(_ host: Span<UInt8>, name: [UInt8]?, isLocal: Bool) -> CanonicalHost {
        if host.count > 1, host[0] == UInt8(ascii: "["), host[host.count - 1] == UInt8(ascii: "]") {
            let isOurs = AddressLiteral([UInt8](copying: host)).map(rules.localAddresses.contains) ?? false
            return CanonicalHost(name: name, isLocal: isOurs, isLiteral: !isOurs)
        }
        let isHostname = host.count == rules.hostname.count && hasSuffix(host, rules.hostname)
        return CanonicalHost(
            name: organisationSpelling(of: host) ?? name, isLocal: isLocal || (isHostname && !host.isEmpty),
            isLiteral: false)
    }

    /// A name that ends in one of the organisation's domains, with that part as the settings write it.
    ///
    /// - Returns: nil if there is nothing to change.
    private func organisationSpelling(of host: Span<UInt8>) -> [UInt8]? {
        for domain in rules.organisationDomains where !domain.isEmpty && host.count >= domain.count {
            let start = host.count - domain.count
            guard start == 0 || host[start - 1] == UInt8(ascii: "."), hasSuffix(host, domain) else { continue }
            for place in domain.indices where host[start + place] != domain[place] {
                return [UInt8](copying: host.extracting(0..<start)) + domain
            }
            return nil
        }
        return nil
    }

    private func hasSuffix(_ host: Span<UInt8>, _ suffix: StaticString) -> Bool {
        hasSuffix(host, suffix.bytes)
    }

    /// Whether a host ends in a suffix, without regard to case.
    private func hasSuffix(_ host: Span<UInt8>, _ suffix: [UInt8]) -> Bool {
        guard host.count >= suffix.count else { return false }
        let start = host.count - suffix.count
        // From the end, where names that differ mostly do.
        for place in suffix.indices.reversed()
        where ASCII.lowercase(host[start + place]) != ASCII.lowercase(suffix[place]) {
            return false
        }
        return true
    }
}
