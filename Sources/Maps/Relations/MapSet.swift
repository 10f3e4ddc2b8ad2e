// All relations of a dbases.conf, for one worker, and the moment at which changed files are noticed.

public import Files
public import MailAddress

/// The relations of a dbases.conf, ready to be looked into by one worker.
public struct MapSet {
    /// A relation of a set, found once by its name.
    public struct RelationID: Sendable, Hashable {
        fileprivate let index: Int
    }

    /// The first is the empty relation, which stands for every name that dbases.conf does not have.
    private var relations: [Relation]
    private let indices: [String: Int]
    /// The hash function of the text maps.
    private let hash: ByteHash
    private var now = MonotonicTime(nanoseconds: 0)
    private var nextRefresh: MonotonicTime?

    /// How often changed files are looked for, so that a change is seen within a second.
    private static let refreshInterval: UInt64 = 500_000_000

    /// Makes the relations of a dbases.conf with tables of their own; no file is opened yet.
    public init(_ databases: DatabasesConf, tables: some TableFactory) {
        var relations = [Relation(name: "", maps: [])]
        var indices: [String: Int] = [:]
        for name in databases.relations {
            indices[name] = relations.count
            relations.append(
                Relation(
                    name: name,
                    maps: databases.definitions(of: name).map { ($0, tables.makeTable(for: $0)) }))
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
            for index in relations.indices { relations[index].refresh() }
        }
        nextRefresh = now.advanced(by: Self.refreshInterval)
    }

    /// Looks a key up in a relation and leaves `%N` to `MapHit.value`; see `Relation.find`.
    ///
    /// - Throws: `MapError` when a map cannot say whether it has the key.
    public mutating func find(
        _ key: Range<Int>, of text: inout ByteBlock, in relation: RelationID, defaults: [[UInt8]] = []
    ) throws(MapError) -> MapHit? {
        try relations[relation.index].find(key, in: &text, defaults: defaults, now: now)
    }

    /// The hash of a key, which serves for every relation that is asked for it.
    @inline(__always)
    public func hash(_ key: Range<Int>, of text: borrowing ByteBlock) -> KeyHash {
        text.withSpan(key) { hash($0) }
    }

    /// Whether certainly no map of a relation has a key in lower case; if false, that is not known.
    ///
    /// - Parameter hash: the key's hash.
    public func certainlyLacks(
        folded key: Range<Int>, of text: borrowing ByteBlock, _ hash: KeyHash, in relation: RelationID
    ) -> Bool {
        relations[relation.index].certainlyLacks(folded: key, of: text, hash)
    }

    /// Looks up a key in lower case as `find` does.
    ///
    /// - Parameter hash: the key's hash.
    /// - Throws: `MapError` when a map cannot say whether it has the key.
    public mutating func find(
        folded key: Range<Int>, of text: inout ByteBlock, _ hash: KeyHash, in relation: RelationID
    ) throws(MapError) -> MapHit? {
        try relations[relation.index].find(folded: key, hash, in: &text, now: now)
    }
}
