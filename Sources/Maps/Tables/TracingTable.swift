// Makes lookups visible (option --trace) without any back end knowing of it.

import MailAddress

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
}
