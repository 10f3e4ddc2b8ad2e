// What is asked of the chain's maps beside the way of an address: the value of one relation, and whether a domain is served.

public import Bytes
import Maps
public import System

extension Resolver {
    /// The relation of a name; one that has no key where dbases.conf does not have the name.
    public func relation(named name: String) -> NamedRelation { NamedRelation(name, id: maps.id(of: name)) }

    /// Looks one key up in one relation as the chain does: by the search driver of its maps, and in the case that the chain asks
    /// it in.
    ///
    /// - Parameters:
    ///   - output: gets the value as the map has it: `%N` stands for nothing here, where no address is on its way.
    ///   - now: the time, by which changed maps are noticed and caches forget.
    /// - Returns: false only where the key certainly does not exist.
    /// - Throws: `ResolutionFailure.map` where a map cannot say.
    public mutating func find(
        _ key: Span<UInt8>, in relation: NamedRelation, into output: inout TextArena, now: MonotonicTime = .coarse()
    ) throws(ResolutionFailure) -> Bool {
        beginQuestion(length: key.count, now: now)
        var place = text.append(key)
        if relation.isFullyQualified { place = text.lowercase(of: place) }
        guard let hit = try maps.find(relation, place, of: &text) else { return false }
        text.withSpan(hit.value) { _ = output.append($0) }
        return true
    }

    /// Whether a domain is served here: it is this host, the fully qualified maps have `@domain`, routesdb has it other than by
    /// a default key, or one of other relations does.
    ///
    /// - Parameters:
    ///   - domain: a domain, a domain literal in brackets, or `.domain` for the names below one.
    ///   - others: relations whose keys are domains, and `.domain` for those below it.
    /// - Returns: false only where that is certain.
    /// - Throws: `ResolutionFailure.map` where a map cannot say.
    public mutating func serves(
        domain: Span<UInt8>, others: [NamedRelation], now: MonotonicTime = .coarse()
    ) throws(ResolutionFailure) -> Bool {
        beginQuestion(length: domain.count, now: now)
        text.append(UInt8(ascii: "@"))
        let host = text.append(domain)
        let key = text.lowercase(of: 0..<host.upperBound)
        // What an address in the domain would be, for values that are read by it.
        let address = text.append(UInt8(ascii: "-")).lowerBound..<text.append(copyOf: key).upperBound
        if let hit = try maps.findFullyQualified(key, of: &text, from: 0) {
            guard hit.relation == 1 else { return true }
            if case .unusable = RouteValue(ofFullyQualifiedRoute: hit.value, address: address, in: &text) {
            } else {
                return true
            }
        }
        let canonical = try canonicalHost(host)
        if canonical.isLocal { return true }
        if !canonical.isLiteral, try routesDomain(canonical.name ?? host, address) { return true }
        for relation in others where try hasDomain(key.dropFirst(), relation) { return true }
        return false
    }

    /// Whether routesdb has an entry for a domain, or for names below one that the domain is below.
    private mutating func routesDomain(_ host: TextRange, _ address: TextRange) throws(ResolutionFailure) -> Bool {
        let defaults = DefaultKeys.recipient
        guard let hit = try maps.find(.routesdb, host, of: &text, defaults: defaults) else { return false }
        if defaults.keys.contains(where: { text.equals(hit.key, $0) }) { return false }
        if case .unusable = RouteValue(ofDomainRoute: hit.value, address: address, in: &text, now: { 0 }) {
            return false
        }
        return true
    }

    private mutating func hasDomain(_ domain: TextRange, _ relation: NamedRelation) throws(ResolutionFailure) -> Bool {
        var key = domain
        while !key.isEmpty {
            if try maps.find(relation, key, of: &text) != nil { return true }
            guard let dot = text.firstIndex(of: UInt8(ascii: "."), in: key.dropFirst()) else { return false }
            key = dot..<domain.upperBound
        }
        return false
    }
}
