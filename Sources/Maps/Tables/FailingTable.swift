// Failure on purpose (option --fail-map): shows what becomes of an address when a map breaks, without breaking one.

import Glibc
import MailAddress

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

    /// Fails, or looks the key up in the table inside.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let bytes = Array(copying: key)
        guard failingKey == nil || failingKey == bytes else { return try table.lookUp(key, into: &value) }
        throw MapError(table: name, key: bytes, code: EIO, text: "failure injected by --fail-map")
    }

    /// Refreshes the table inside.
    public func refresh() -> Bool { table.refresh() }
}
