// A relation: the maps of one name, in the order of dbases.conf. The first that has the key decides.

public import Files
import MailAddress

/// The maps that dbases.conf gives one name, such as `fqdnaliases`.
///
/// Belongs to one worker. A relation without maps finds nothing.
public struct Relation {
    /// The name.
    public let name: String
    /// The maps, in the order in which they are looked into.
    public let maps: [RelationMap]
    /// The key as folded last; kept, so that no lookup allocates.
    private var dottedKey = DottedKey()
    /// Whether every map is plain and folds alike: the usual case, for which there is a short way.
    private let isPlain: Bool
    private let plainFolding: KeyFolding
    private var texts: LoadedTexts
    /// What hashes keys for the text maps, where there are any.
    let hash: ByteHash?

    /// Puts a relation together.
    public init(name: String, maps: [(definition: MapDefinition, table: any Table)]) {
        self.name = name
        let all = maps.map { RelationMap(definition: $0.definition, table: $0.table) }
        self.maps = all
        let folding = all.first?.folding ?? .none
        plainFolding = folding
        isPlain = all.allSatisfy { $0.isPlain && $0.folding == folding }
        let texts = LoadedTexts(all.map(\.table))
        self.texts = texts
        hash = texts.hash
    }

    /// Looks a key up in the maps, in order, until one has it, and substitutes `%N` in its value.
    ///
    /// - Parameters:
    ///   - key: the key; each map folds it as its flags say. An empty key is in no relation.
    ///   - defaults: what the drivers try last, as they stand, in maps with the flag `:`; without any, `.` is.
    ///   - arguments: what `%1` to `%9` in the value stand for.
    ///   - now: the time, for caches that forget.
    ///   - hit: the answer, where there is one.
    /// - Returns: whether a map has the key; false only where certainly none has.
    /// - Throws: `MapError` as soon as one map is not certain. Later maps are not asked: what they say would count only
    ///   if the earlier one did not have the key.
    public mutating func lookUp(
        _ key: Span<UInt8>, defaults: [[UInt8]] = [], arguments: SubstitutionArguments = SubstitutionArguments(),
        now: MonotonicTime, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        guard try find(key, defaults: defaults, now: now, into: &hit) else { return false }
        hit.substitute(arguments)
        return true
    }

    /// Looks a key up as `lookUp` does, but leaves `%N` to a later `substitute`, so that arguments need to be put
    /// together for a hit only.
    public mutating func find(
        _ key: Span<UInt8>, defaults: [[UInt8]] = [], now: MonotonicTime, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        guard !key.isEmpty, !maps.isEmpty else { return false }
        if isPlain {
            dottedKey.set(key, folding: plainFolding)
            return try Self.findPlain(dottedKey, in: maps, &texts, into: &hit)
        }
        var folded: KeyFolding?
        for index in maps.indices {
            let map = maps[index]
            if folded != map.folding {
                dottedKey.set(key, folding: map.folding)
                folded = map.folding
            }
            let probe: Probe =
                if let text = try texts.storage(index, for: key) { .text(text) } else { .table(map.table) }
            guard try map.lookUp(&dottedKey, through: probe, defaults: defaults, now: now, into: &hit) else { continue }
            hit.map = index
            return true
        }
        return false
    }

    /// Looks up a key in lower case as `find` does.
    ///
    /// - Parameter hash: the key's hash.
    mutating func find(
        folded key: Span<UInt8>, _ hash: KeyHash, now: MonotonicTime, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        guard isPlain, plainFolding != .upper, !key.isEmpty else { return try find(key, now: now, into: &hit) }
        return try Self.findPlain(key, hash, in: maps, &texts, into: &hit)
    }

    /// Whether certainly no map has a key in lower case; if false, that is not known.
    @inline(__always)
    mutating func certainlyLacks(folded key: Span<UInt8>, _ hash: KeyHash) -> Bool {
        isPlain && plainFolding != .upper && texts.certainlyLack(key, hash)
    }

    private static func findPlain(
        _ dottedKey: borrowing DottedKey, in maps: [RelationMap], _ texts: inout LoadedTexts, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        try findPlain(dottedKey.bytes.span.extracting(dottedKey.whole), nil, in: maps, &texts, into: &hit)
    }

    /// Looks a folded key up in maps that are all plain.
    private static func findPlain(
        _ key: Span<UInt8>, _ hash: KeyHash?, in maps: [RelationMap], _ texts: inout LoadedTexts, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        for index in maps.indices {
            let isFound =
                if let text = try texts.storage(index, for: key) {
                    text.lookUp(key, hash, into: &hit)
                } else {
                    try hit.find(key, in: maps[index].table)
                }
            guard isFound else { continue }
            maps[index].complete(&hit)
            hit.setKey(key)
            hit.map = index
            return true
        }
        return false
    }

    /// Lets the maps with the flag `-m` notice changed files.
    mutating func refresh() {
        var isChanged = false
        for map in maps where map.refresh() { isChanged = true }
        if isChanged { texts.forget() }
    }
}
