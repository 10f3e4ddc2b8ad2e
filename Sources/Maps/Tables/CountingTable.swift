// Counts lookups, for metrics.

import Synchronization

/// The counts of the lookups in one map, by result, for all workers.
public final class LookupCounter: Sendable {
    private let foundCount = Atomic<Int>(0)
    private let absentCount = Atomic<Int>(0)
    private let failedCount = Atomic<Int>(0)

    /// The lookups that found their key.
    public var found: Int { foundCount.load(ordering: .relaxed) }
    /// Those whose key certainly does not exist.
    public var absent: Int { absentCount.load(ordering: .relaxed) }
    /// Those of which neither is certain.
    public var failed: Int { failedCount.load(ordering: .relaxed) }

    fileprivate func count(isFound: Bool) {
        if isFound {
            foundCount.wrappingAdd(1, ordering: .relaxed)
        } else {
            absentCount.wrappingAdd(1, ordering: .relaxed)
        }
    }

    fileprivate func countFailure() { failedCount.wrappingAdd(1, ordering: .relaxed) }
}

/// The counters of a process, one a map.
public final class LookupCounts: Sendable {
    private let counters = Mutex<[TableName: LookupCounter]>([:])

    /// No map yet.
    public init() {}

    /// Wraps a table in one that counts.
    public func counting(_ table: any Table) -> any Table {
        let counter = counters.withLock { counters in
            let counter = counters[table.name] ?? LookupCounter()
            counters[table.name] = counter
            return counter
        }
        return CountingTable(wrapping: table, counter: counter)
    }

    /// The maps and their counts, by relation and file.
    public var all: [(map: TableName, counter: LookupCounter)] {
        counters.withLock { $0 }.map { ($0.key, $0.value) }.sorted {
            ($0.map.relation, $0.map.file) < ($1.map.relation, $1.map.file)
        }
    }
}

/// A table that counts its lookups.
private final class CountingTable: Table {
    private let table: any Table
    private let counter: LookupCounter

    init(wrapping table: any Table, counter: LookupCounter) {
        self.table = table
        self.counter = counter
    }

    var name: TableName { table.name }

    var privilege: UInt32 { table.privilege }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        do {
            let isFound = try table.lookUp(key, into: &value)
            counter.count(isFound: isFound)
            return isFound
        } catch {
            counter.countFailure()
            throw error
        }
    }

    func refresh() -> Bool { table.refresh() }
}
