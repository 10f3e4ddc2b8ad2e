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
        var name: [UInt8]?
        var isLocal = try maps.find(.thishost, host, into: &hit)
        // Names below .uucp are never replaced.
        if isLocal, !hasSuffix(host, ".uucp") {
            hit.substitute(noArguments)
            if !hit.value.isEmpty { name = hit.value }
        }
        let given = name ?? [UInt8](copying: host)
        if given.first == UInt8(ascii: "["), given.last == UInt8(ascii: "]") {
            let isOurs = AddressLiteral(given).map(rules.localAddresses.contains) ?? false
            return CanonicalHost(name: name, isLocal: isOurs, isLiteral: !isOurs)
        }
        if let canonical = name { isLocal = try maps.find(.thishost, canonical.span, into: &hit) }
        if let written = organisationSpelling(of: given) { name = written }
        let isHostname = given.count == rules.hostname.count && given.map(ASCII.lowercase) == rules.hostname
        return CanonicalHost(name: name, isLocal: isLocal || (isHostname && !given.isEmpty), isLiteral: false)
    }

    /// A name that ends in one of the organisation's domains, with that part as the settings write it.
    ///
    /// - Returns: nil if there is nothing to change.
    private func organisationSpelling(of name: [UInt8]) -> [UInt8]? {
        for domain in rules.organisationDomains where !domain.isEmpty && name.count >= domain.count {
            let start = name.count - domain.count
            guard start == 0 || name[start - 1] == UInt8(ascii: ".") else { continue }
            let tail = name[start...]
            guard !tail.elementsEqual(domain) else { return nil }
            if tail.lazy.map(ASCII.lowercase).elementsEqual(domain.lazy.map(ASCII.lowercase)) {
                return name[..<start] + domain
            }
        }
        return nil
    }

    private func hasSuffix(_ host: Span<UInt8>, _ suffix: StaticString) -> Bool {
        let suffix = suffix.bytes
        guard host.count >= suffix.count else { return false }
        let start = host.count - suffix.count
        for place in suffix.indices where ASCII.lowercase(host[start + place]) != suffix[place] {
            return false
        }
        return true
    }
}
