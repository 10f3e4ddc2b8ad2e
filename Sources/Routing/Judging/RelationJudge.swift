// Judges the entries of a map by the relation it belongs to: a key that is never asked for, or a value that the relation can
// never use, is found where it is written and not when mail comes.

import Bytes
public import Configuration
public import Maps

/// Says what is wrong with the entries of one map of the chain.
public struct RelationJudge: EntryJudge {
    let relation: RelationName
    /// How lookups fold the keys that they ask for.
    let folding: KeyFolding
    /// Whether `%N` in values is substituted.
    let substitutes: Bool
    /// Whether the keys that are asked for are those of the relation itself, not what a driver derives.
    private let judgesKeys: Bool
    /// Whether names are looked for by their suffixes, as keys that begin with a dot need.
    private let isSearched: Bool
    /// Whether the values are used.
    private let answer: RelationAnswer
    private let plain: PlainEntry

    /// A judge for a map.
    ///
    /// - Returns: nil where the chain does not ask the relation, so that nobody knows what its entries are for.
    public init?(_ definition: MapDefinition) {
        self.init(relation: definition.relation, flags: definition.flags)
    }

    /// A judge for the entries of a relation with some flags.
    public init?(relation name: String, flags: RelationFlags) {
        guard let relation = RelationName(rawValue: name), RelationName.chain.contains(relation) else { return nil }
        self.relation = relation
        // The addresses that step A asks for are in lower case whatever the flags.
        let isFolded = relation == .fqdnaliases || relation == .fqdnroutes
        folding = flags.folding == .none && isFolded ? .lower : flags.folding
        substitutes = flags.substitutes
        answer = flags.answer
        let hasDomains = relation == .routesdb || relation == .thishost
        isSearched = flags.driver != .none || !hasDomains
        judgesKeys = flags.driver == .none || (flags.driver == .pathalias && hasDomains)
        plain = PlainEntry(relation, substitutes: flags.substitutes)
    }

    /// The names of all that it may find, and of what a look at the whole site may.
    public var names: [Finding.Name] { Finding.Name.ofEntries + Finding.Name.ofSites }

    /// What is wrong with an entry.
    public func faults(ofKey key: Span<UInt8>, value: Span<UInt8>) -> [EntryFault] {
        if !isSearched, key.count > 0, key[0] == UInt8(ascii: ".") {
            let text = String(decoding: [UInt8](copying: key), as: UTF8.self)
            return [
                EntryFault(
                    .keyNeverAsked,
                    "nothing ever asks for the key '\(text)': the map has no search driver; write -d pathalias in its flags in"
                        + " dbases.conf")
            ]
        }
        if folding == .lower, plain.contains(key: key, value: value) { return [] }
        return faults(ofKey: [UInt8](copying: key), value: [UInt8](copying: value))
    }

    @inline(never)
    private func faults(ofKey key: [UInt8], value: [UInt8]) -> [EntryFault] {
        var faults: [EntryFault] = []
        if judgesKeys {
            faults = keyFaults(key, value: value)
            // One error of the key says enough: what follows it is often its consequence.
            if faults.contains(where: { $0.severity == .error }) { return faults }
        }
        switch answer {
        case .key: break
        case .valueOrKey where value.isEmpty: break
        case .value, .valueOrKey: faults += valueFaults(value, key: key)
        }
        return faults
    }

    private func keyFaults(_ key: [UInt8], value: [UInt8]) -> [EntryFault] {
        let judge = KeyJudge(key: key, value: value, relation: relation, folding: folding)
        let faults =
            switch relation {
            case .fqdnaliases, .fqdnroutes: judge.addressFaults()
            case .aliases: judge.nameFaults()
            case .routesdb, .thishost: judge.domainFaults()
            case .accounts, .include: [] as [EntryFault]
            }
        return faults.isEmpty ? SpellingJudge.faults(ofKey: key, folding: folding) : faults
    }

    private func valueFaults(_ value: [UInt8], key: [UInt8]) -> [EntryFault] {
        if let fault = separatorFault(value) { return [fault] }
        if relation != .thishost, value.isEmpty { return [noValue()] }
        let arguments = Placeholders(relation: relation, key: key)
        if substitutes, let doubled = Placeholders.doubledPercent(in: value) {
            // What else is wrong is looked for in the value that was probably meant.
            return [doubled] + valueFaults(Placeholders.withSinglePercents(value), key: key)
        }
        if let fault = substitutes ? arguments.fault(in: value) : Placeholders.faultWithoutFlag(in: value) {
            return [fault]
        }
        switch relation {
        case .fqdnroutes, .routesdb:
            return RouteJudge(relation: relation, key: key).faults(value, substituting: substitutes ? arguments : nil)
        case .fqdnaliases, .aliases:
            return ListJudge(relation: relation, key: key).faults(value, substituting: substitutes ? arguments : nil)
        case .thishost:
            return DomainJudge.faults(ofCanonicalName: value, substituting: substitutes ? arguments : nil)
        case .accounts, .include:
            return []
        }
    }

    private func noValue() -> EntryFault {
        let what = relation == .fqdnroutes || relation == .routesdb ? "channel!host!user" : "the addresses"
        return EntryFault(
            .noValue, "the key has no value; write \(what) behind it, with a blank between them, or remove the line")
    }

    /// What other formats write between key and value.
    private func separatorFault(_ value: [UInt8]) -> EntryFault? {
        // An encoded word (RFC 2047), as display names have it.
        guard !value.starts(with: "=?".utf8) else { return nil }
        for sign in ["=>", "->", "→", "⇒", ":=", "=", ": "] where value.starts(with: sign.utf8) {
            return EntryFault(
                .separator,
                "'\(sign.first == ":" && sign.count == 2 && sign.last == " " ? ":" : sign)' stands between key and"
                    + " value and would become part of the value; remove it")
        }
        return nil
    }
}
