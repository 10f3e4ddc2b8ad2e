// Counts which entries of maps are found, for whoever wants to know which are not: tables around tables, made only where somebody
// asked for it.

import Bytes
import Synchronization

/// The entries that lookups of a process found, for all its workers.
public final class EntryUseCounts: Sendable {
    /// An entry, and how often it was found.
    public struct Use: Sendable {
        /// Its map.
        public let map: TableName
        /// Its key.
        public let key: [UInt8]
        /// How often it was found.
        public let count: Int
    }

    private let shards = Mutex<[EntryUseShard]>([])

    /// Nothing was found yet.
    public init() {}

    /// Wraps a table in one that counts what is found in it.
    public func counting(_ table: any Table) -> any Table {
        let shard = EntryUseShard(table.name)
        shards.withLock { $0.append(shard) }
        return UseCountingTable(wrapping: table, shard: shard)
    }

    /// What was found since this was asked last.
    public func take() -> [Use] {
        let shards = shards.withLock { shards in
            // A worker that is gone finds nothing more.
            let all = shards
            shards.removeAll { $0.isOver }
            return all
        }
        return shards.flatMap { shard in shard.take().map { Use(map: shard.map, key: $0.key, count: $0.value) } }
    }
}

/// What one worker found in one map; the worker and whoever takes it have it in turn, so that workers do not wait for each other.
final class EntryUseShard: Sendable {
    let map: TableName
    private let counts = Mutex<[[UInt8]: Int]>([:])
    private let hasEnded = Atomic(false)

    init(_ map: TableName) { self.map = map }

    /// Whether nothing more is counted.
    var isOver: Bool { hasEnded.load(ordering: .acquiring) }

    func count(_ key: [UInt8]) { counts.withLock { $0[key, default: 0] += 1 } }

    func end() { hasEnded.store(true, ordering: .releasing) }

    func take() -> [[UInt8]: Int] {
        counts.withLock { counts in
            defer { counts.removeAll() }
            return counts
        }
    }
}

/// A table that counts which keys it finds.
private final class UseCountingTable: Table {
    private let table: any Table
    private let shard: EntryUseShard

    init(wrapping table: any Table, shard: EntryUseShard) {
        self.table = table
        self.shard = shard
    }

    deinit { shard.end() }

    var name: TableName { table.name }

    var privilege: UInt32 { table.privilege }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        guard try table.lookUp(key, into: &value) else { return false }
        shard.count([UInt8](copying: key))
        return true
    }

    func refresh() -> Bool { table.refresh() }

    var isLive: Bool { table.isLive }
}
