// All relations of a dbases.conf, for one worker, and the moment at which changed files are noticed.

public import Bytes
public import System

/// The relations of a dbases.conf, ready to be looked into by one worker.
public struct MapSet: ~Copyable {
    /// A relation of a set, found once by its name.
    public struct RelationID: Sendable, Hashable {
        fileprivate let index: Int
    }

    /// The first is the empty relation, which stands for every name that dbases.conf does not have.
    private var relations: [Relation]
    private let indices: [String: Int]
    /// Counts how often what was loaded may have become another.
    public var generation = 0
    /// The hash function of the maps that are held in memory.
    public let hash: ByteHash
    private var now = MonotonicTime(nanoseconds: 0)
    private var nextRefresh: MonotonicTime?

    /// How often changed files are looked for, so that a change is seen within a second.
    private static let refreshInterval: UInt64 = 500_000_000

    /// Makes the relations of a dbases.conf with tables of their own; no file is opened yet.
    ///
    /// - Parameter keepsAnswers: whether maps keep answers as their flags say; otherwise each lookup asks the table.
    public init(_ databases: DatabasesConf, tables: some TableFactory, keepsAnswers: Bool = true) {
        var relations = [Relation(name: "", maps: [])]
        var indices: [String: Int] = [:]
        for name in databases.relations {
            indices[name] = relations.count
            relations.append(
                Relation(
                    name: name,
                    maps: databases.definitions(of: name).map { ($0, tables.makeTable(for: $0)) },
                    keepsAnswers: keepsAnswers))
        }
        hash = relations.lazy.compactMap(\.hash).first ?? ByteHash()
        self.relations = relations
        self.indices = indices
    }

    /// The relation of a name; one that finds nothing where dbases.conf does not have the name.
    public func relation(_ name: String) -> RelationID {
        RelationID(index: indices[name] ?? 0)
    }

    /// The maps of a relation, for messages and the trace.
    public func maps(of relation: RelationID) -> [RelationMap] {
        relations[relation.index].maps
    }

    /// Starts an address: only here do maps with the flag `-m` turn to a changed file, at most every half second, so
    /// that all lookups for one address see one generation of each map.
    public mutating func beginAddress(now: MonotonicTime = .coarse()) {
        self.now = now
        if let nextRefresh, now < nextRefresh { return }
        if nextRefresh != nil {
            var isChanged = false
            for index in relations.indices where relations[index].refresh() { isChanged = true }
            if isChanged { generation &+= 1 }
        }
        nextRefresh = now.advanced(by: Self.refreshInterval)
    }

    /// Looks a key up in a relation and leaves `%N` to `MapHit.value`; see `Relation.find`.
    ///
    /// - Throws: `MapError` when a map cannot say whether it has the key.
    public mutating func find(
        _ key: Range<Int>, of text: inout TextArena, in relation: RelationID, defaults: [[UInt8]] = []
    ) throws(MapError) -> MapHit? {
        try relations[relation.index].find(key, in: &text, defaults: defaults, now: now)
    }

    /// Relations that are asked one after another for the same keys.
    public func group(_ relations: [RelationID]) -> RelationGroup {
        RelationGroup(relations.map(\.index))
    }

    /// Looks a key up in the relations of a group, in order, until one has it; see `Relation.find`.
    ///
    /// - Parameters:
    ///   - key: where the key stands in the text.
    ///   - isFolded: whether the key is in lower case already.
    ///   - text: gets the value as another piece.
    ///   - group: relations of this set.
    ///   - first: the index in the group of the first relation that is asked.
    /// - Returns: the answer, with the index of its relation in the group; nil only where certainly none has the key.
    /// - Throws: `MapError` when a map cannot say whether it has the key.
    @inlinable @inline(__always)
    public mutating func find(
        _ key: Range<Int>, isFolded: Bool, of text: inout TextArena, in group: inout RelationGroup, from first: Int = 0
    ) throws(MapError) -> MapHit? {
        let folded = isFolded ? key : text.lowercase(of: key)
        let shared = SharedKey(
            original: key, folded: folded, hash: text.withSpan(folded) { hash($0) })
        guard group.isReady(for: shared, generation: generation) else {
            return try find(shared, of: &text, in: &group, from: first)
        }
        // Nearly every key is in none of them, which is soon known.
        return group.filter.mayContain(shared.hash) ? group.hit(of: shared, in: &text, from: first) : nil
    }

    /// Asks a relation for a key that is not known to be absent.
    @inline(never)
    public mutating func find(
        _ key: SharedKey, of text: inout TextArena, in group: inout RelationGroup, from first: Int
    ) throws(MapError) -> MapHit? {
        for index in group.relations.indices.dropFirst(first) {
            if var hit = try relations[group.relations[index]].find(key, in: &text, now: now) {
                hit.relation = index
                return hit
            }
        }
        // All have been asked, and so all are loaded.
        if first == 0 { group.prepare(relations, hash, generation: generation) }
        return nil
    }
}
