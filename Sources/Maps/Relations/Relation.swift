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
    /// The maps' tables, where every map is plain and folds alike: the usual case, for which there is a short way.
    private let plainTables: [any Table]
    private let plainFolding: KeyFolding

    /// Puts a relation together.
    public init(name: String, maps: [(definition: MapDefinition, table: any Table)]) {
        self.name = name
        let all = maps.map { RelationMap(definition: $0.definition, table: $0.table) }
        self.maps = all
        let folding = all.first?.folding ?? .none
        plainFolding = folding
        plainTables = all.allSatisfy { $0.isPlain && $0.folding == folding } ? all.map(\.table) : []
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
        guard !key.isEmpty else { return false }
        guard plainTables.isEmpty else { return try findPlain(key, into: &hit) }
        var folded: KeyFolding?
        for index in maps.indices {
            let map = maps[index]
            if folded != map.folding {
                dottedKey.set(key, folding: map.folding)
                folded = map.folding
            }
            guard try map.lookUp(&dottedKey, defaults: defaults, now: now, into: &hit) else { continue }
            hit.map = index
            return true
        }
        return false
    }

    /// Looks a key up in maps that are all plain and fold alike.
    private mutating func findPlain(_ key: Span<UInt8>, into hit: inout MapHit) throws(MapError) -> Bool {
        dottedKey.set(key, folding: plainFolding)
        let bytes = dottedKey.bytes.span.extracting(dottedKey.whole)
        for index in plainTables.indices where try plainTables[index].lookUp(bytes, into: &hit.value) {
            hit.setKey(bytes, argumentZero: bytes)
            maps[index].complete(&hit)
            hit.map = index
            return true
        }
        return false
    }

    /// Lets the maps with the flag `-m` notice changed files.
    func refresh() {
        for map in maps { map.refresh() }
    }
}
