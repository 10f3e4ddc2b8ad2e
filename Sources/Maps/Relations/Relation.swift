// A relation: the maps of one name, in the order of dbases.conf. The first that has the key decides.

public import Files
public import MailAddress

/// The maps that dbases.conf gives one name, such as `fqdnaliases`.
///
/// Belongs to one worker. A relation without maps finds nothing.
public struct Relation {
    /// The name.
    public let name: String
    /// The maps, in the order in which they are looked into.
    public let maps: [RelationMap]
    /// Whether every map is plain and folds alike: the usual case, for which there is a short way.
    private let isPlain: Bool
    let folding: KeyFolding
    /// Whether the absence of a key itself can be the absence of all that the maps would look for.
    private let isSearchable: Bool
    /// Whether each map's values have `%N` substituted.
    private let substitutes: [Bool]
    private var texts: LoadedTexts
    /// What hashes keys for the text maps, where there are any.
    let hash: ByteHash?

    /// Puts a relation together.
    public init(name: String, maps: [(definition: MapDefinition, table: any Table)]) {
        self.name = name
        let all = maps.map { RelationMap(definition: $0.definition, table: $0.table) }
        self.maps = all
        let folding = all.first?.folding ?? .none
        self.folding = folding
        isPlain = all.allSatisfy { $0.isPlain && $0.folding == folding }
        // Where drivers derive keys that begin with a dot, nothing else than the key itself may be there.
        isSearchable = folding != .upper && all.allSatisfy { $0.isSearchable && $0.folding == folding }
        let (isPlain, isSearchable) = (isPlain, isSearchable)
        let texts = LoadedTexts(all.map(\.table)) { storage in
            isSearchable && (isPlain || !storage.search.hasDottedKeys)
        }
        self.texts = texts
        hash = texts.hash
        substitutes = all.map(\.definition.flags.substitutes)
    }

    /// Looks a key up in the maps, in order, until one has it; `%N` in its value is left to `MapHit.value`, so that
    /// arguments need to be put together for a hit only.
    ///
    /// - Parameters:
    ///   - key: where the key stands in the text; each map folds it as its flags say. An empty key is in no relation.
    ///   - text: gets the value as another piece.
    ///   - defaults: what the drivers try last, as they stand; without any, `.` is.
    ///   - now: the time, for caches that forget.
    /// - Returns: the answer of the first map that has the key; nil only where certainly none has.
    /// - Throws: `MapError` as soon as one map is not certain. Later maps are not asked: what they say would count only
    ///   if the earlier one did not have the key.
    public mutating func find(
        _ key: Range<Int>, in text: inout ByteBlock, defaults: [[UInt8]] = [], now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        guard !key.isEmpty, !maps.isEmpty else { return nil }
        let start = text.end
        let hit =
            if isPlain {
                try findPlain(text.append(key, folding), nil, in: &text)
            } else {
                try findByDrivers(key, in: &text, defaults: defaults, now: now)
            }
        // What was written to ask for the key serves for nothing more.
        if hit == nil { text.removeAll(from: start) }
        return hit
    }

    private mutating func findByDrivers(
        _ key: Range<Int>, in text: inout ByteBlock, defaults: [[UInt8]], now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        var folded: (key: DottedKey, folding: KeyFolding)?
        for index in maps.indices {
            let map = maps[index]
            let dotted: DottedKey
            if let folded, folded.folding == map.folding {
                dotted = folded.key
            } else {
                dotted = DottedKey(key, folding: map.folding, in: &text)
                folded = (dotted, map.folding)
            }
            let probe = Probe(map: map, text: try texts.storage(index, for: key, of: text))
            if var hit = try map.lookUp(dotted, through: probe, in: &text, defaults: defaults, now: now) {
                hit.map = index
                return hit
            }
        }
        return nil
    }

    /// Looks a key up as `find` does.
    mutating func find(_ key: SharedKey, in text: inout ByteBlock, now: MonotonicTime) throws(MapError) -> MapHit? {
        guard isPlain, folding == .lower || (folding == .none && key.isFolded), !key.folded.isEmpty else {
            return try find(key.original, in: &text, now: now)
        }
        return try findPlain(key.folded, key.hash, in: &text)
    }

    /// All maps, where they are loaded text maps that answer only for the key itself; otherwise empty.
    var loaded: [LoadedText] { texts.all }

    /// Looks a folded key up in maps that are all plain.
    private mutating func findPlain(
        _ key: Range<Int>, _ hash: KeyHash?, in text: inout ByteBlock
    ) throws(MapError) -> MapHit? {
        for index in substitutes.indices {
            guard let loaded = try texts.storage(index, for: key, of: text) else {
                guard var hit = try maps[index].ask(key, in: &text) else { continue }
                hit.map = index
                return hit
            }
            guard let value = loaded.value(of: key, hash, in: &text) else { continue }
            return MapHit(
                map: index, privilege: loaded.privilege, isTemplate: substitutes[index], value: value, key: key)
        }
        return nil
    }

    /// Lets the maps with the flag `-m` notice changed files.
    ///
    /// - Returns: whether what was loaded may be another now.
    mutating func refresh() -> Bool {
        var isChanged = false
        for map in maps where map.refresh() { isChanged = true }
        if isChanged { texts.forget() }
        return isChanged
    }
}
