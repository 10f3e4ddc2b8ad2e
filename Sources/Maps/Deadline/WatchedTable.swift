// Puts a deadline on tables that know nothing of it, such as the accounts of the system behind a directory server.

import Glibc
import MailAddress

/// A table whose lookups are shown to a supervisor.
public final class WatchedTable: Table {
    private let table: any Table
    private let resource: WatchedResource
    private let calls: WatchedCalls

    /// Wraps a table.
    ///
    /// - Parameters:
    ///   - table: the table that answers; it belongs to the watched worker.
    ///   - resource: what its lookups depend on.
    public init(wrapping table: any Table, resource: WatchedResource) {
        self.table = table
        self.resource = resource
        calls = WatchedCalls(table.name, resource)
    }

    /// What messages call the table: the name of the one inside.
    public var name: TableName { table.name }

    /// The privilege of the table inside.
    public var privilege: UInt32 { table.privilege }

    /// Looks the key up in the table inside, unless that hung before and is not yet well.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let result: Result<Bool, MapError>
        do throws(ResourceFailure) {
            _ = try resource.ask()
            // The key is the caller's, who waits.
            result = try unsafe key.withUnsafeBytes { bytes throws(ResourceFailure) in
                try unsafe calls.call(key: bytes) {
                    Result { () throws(MapError) in try table.lookUp(key, into: &value) }
                }
            }
        } catch {
            throw MapError(table: name, key: [UInt8](copying: key), code: ETIMEDOUT, text: error.text)
        }
        return try result.get()
    }

    /// Refreshes the table inside.
    public func refresh() -> Bool { table.refresh() }
}
