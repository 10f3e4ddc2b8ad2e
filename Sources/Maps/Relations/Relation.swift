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

    /// Looks a key up in the maps, in order, until one has it; `%N` in its value is left to `MapHit.value`, so that
    /// arguments need to be put together for a hit only.
    ///
    /// - Parameters:
    ///   - key: where the key stands in the text; each map folds it as its flags say. An empty key is in no relation.
    ///   - text: gets the value as another piece.
    ///   - defaults: what the drivers try last, as they stand, in maps with the flag `:`; without any, `.` is.
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
                try findPlain(text.append(key, plainFolding), nil, in: &text)
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

    /// Looks up a key in lower case as `find` does.
    ///
    /// - Parameter hash: the key's hash.
    mutating func find(
        folded key: Range<Int>, _ hash: KeyHash, in text: inout ByteBlock, now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        guard isPlain, plainFolding != .upper, !key.isEmpty else { return try find(key, in: &text, now: now) }
        return try findPlain(key, hash, in: &text)
    }

    /// Whether certainly no map has a key in lower case; if false, that is not known.
    @inline(__always)
    func certainlyLacks(folded key: Range<Int>, of text: borrowing ByteBlock, _ hash: KeyHash) -> Bool {
        isPlain && plainFolding != .upper && texts.certainlyLack(key, of: text, hash)
    }

    /// Looks a folded key up in maps that are all plain.
    private mutating func findPlain(
        _ key: Range<Int>, _ hash: KeyHash?, in text: inout ByteBlock
    ) throws(MapError) -> MapHit? {
        for index in maps.indices {
            if var hit = try Probe(map: maps[index], text: texts.storage(index, for: key, of: text))
                .lookUp(key, hash, in: &text)
            {
                hit.map = index
                return hit
            }
        }
        return nil
    }

    /// Lets the maps with the flag `-m` notice changed files.
    mutating func refresh() {
        var isChanged = false
        for map in maps where map.refresh() { isChanged = true }
        if isChanged { texts.forget() }
    }
}
