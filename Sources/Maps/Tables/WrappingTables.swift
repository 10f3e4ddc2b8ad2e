// Tables around tables, of which no back end knows. The first makes lookups visible (option --trace).

import Bytes
public import Configuration
import Glibc
import Synchronization

/// One lookup in one table, as a trace shows it.
public struct TableLookup: Sendable {
    /// What became of a lookup.
    public enum Outcome: Sendable {
        /// The key exists and has this value.
        case found([UInt8])
        /// The key certainly does not exist.
        case absent
        /// Neither is certain.
        case failed(MapError)
    }

    /// The table.
    public let table: TableName
    /// The key that was looked up.
    public let key: [UInt8]
    /// What the table answered.
    public let outcome: Outcome
}

/// A table that reports each of its lookups.
public final class TracingTable: Table {
    private let table: any Table
    private let report: (TableLookup) -> Void

    /// Wraps a table.
    ///
    /// - Parameters:
    ///   - table: the table that answers.
    ///   - report: is given each lookup after it was answered.
    public init(wrapping table: any Table, report: @escaping (TableLookup) -> Void) {
        self.table = table
        self.report = report
    }

    /// What messages call the table: the name of the one inside.
    public var name: TableName { table.name }

    /// The privilege of the table inside.
    public var privilege: UInt32 { table.privilege }

    /// Looks a key up in the table inside, and reports the answer.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let bytes = Array(copying: key)
        do {
            let isFound = try table.lookUp(key, into: &value)
            report(TableLookup(table: name, key: bytes, outcome: isFound ? .found(value) : .absent))
            return isFound
        } catch {
            report(TableLookup(table: name, key: bytes, outcome: .failed(error)))
            throw error
        }
    }

    /// Refreshes the table inside.
    public func refresh() -> Bool { table.refresh() }

    /// As the table inside.
    public var isLive: Bool { table.isLive }
}

// Counts lookups, for metrics.

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

    var isLive: Bool { table.isLive }
}

// Failure on purpose (option --fail-map): shows what becomes of an address when a map breaks, without breaking one.

/// A table whose lookups fail: all of them, or those of one key.
public final class FailingTable: Table {
    private let table: any Table
    private let failingKey: [UInt8]?

    /// Wraps a table.
    ///
    /// - Parameters:
    ///   - table: the table that answers the lookups which do not fail.
    ///   - key: the key whose lookups fail; nil for every key.
    public init(wrapping table: any Table, key: [UInt8]? = nil) {
        self.table = table
        failingKey = key
    }

    /// What messages call the table: the name of the one inside.
    public var name: TableName { table.name }

    /// The privilege of the table inside.
    public var privilege: UInt32 { table.privilege }

    /// Why every lookup fails.
    public static let reason = "failure injected by --fail-map"

    /// Fails, or looks the key up in the table inside.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let bytes = Array(copying: key)
        guard failingKey == nil || failingKey == bytes else { return try table.lookUp(key, into: &value) }
        throw MapError(table: name, key: bytes, code: EIO, text: Self.reason)
    }

    /// Refreshes the table inside.
    public func refresh() -> Bool { table.refresh() }

    /// As the table inside.
    public var isLive: Bool { table.isLive }
}

// A table that can be made only after reading another file, such as the sleepyenv.conf of a Berkeley DB environment.

/// Makes the real table at the first lookup; as long as that fails, so does every lookup.
///
/// A configuration that is put right is noticed without a restart.
public final class LazyTable: Table {
    /// What messages call the table.
    public let name: TableName
    private let make: () -> Result<any Table, ConfigurationError>
    private var table: (any Table)?

    /// Prepares a table.
    ///
    /// - Parameters:
    ///   - name: what messages call it.
    ///   - make: makes the real table.
    public init(name: TableName, make: @escaping () -> Result<any Table, ConfigurationError>) {
        self.name = name
        self.make = make
    }

    /// Looks a key up in the real table, which is made if there is none yet.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if let table { return try table.lookUp(key, into: &value) }
        let made: any Table
        do {
            made = try make().get()
        } catch {
            throw MapError(table: name, key: [UInt8](copying: key), text: error.description)
        }
        table = made
        return try made.lookUp(key, into: &value)
    }

    /// Lets the real table notice a changed file.
    public func refresh() -> Bool {
        table?.refresh() ?? false
    }

    /// As the real table; one that was not asked yet has nothing to notice.
    public var isLive: Bool { table?.isLive ?? false }

    /// The real table's privilege; nobody's before there is one.
    public var privilege: UInt32 {
        table?.privilege ?? nobody
    }
}

// ZMailer's type `incore`: a relation in memory, empty when the program starts.

/// A table in memory, empty at first.
public final class IncoreTable: Table {
    /// What messages call the table.
    public let name: TableName
    /// Nobody's: no file's owner vouches for the entries.
    public let privilege = nobody

    private var entries: [[UInt8]: [UInt8]] = [:]

    /// Makes an empty table.
    public init(name: TableName) {
        self.name = name
    }

    /// The value of a key; nil removes the key.
    public subscript(key: [UInt8]) -> [UInt8]? {
        get { entries[key] }
        set { entries[key] = newValue }
    }

    /// Looks a key up.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) -> Bool {
        guard !entries.isEmpty, let found = entries[Array(copying: key)] else { return false }
        value = found
        return true
    }

    /// Answers false: there is no file to change.
    public func refresh() -> Bool { false }
}
