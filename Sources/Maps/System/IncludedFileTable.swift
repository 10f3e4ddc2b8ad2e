// The files that `:include:` names, as a table: the key is the path, the value what the file holds. A file that cannot
// be read is a failed lookup like any other: its members are people.

import Files
import MailAddress

/// The contents of included files.
public final class IncludedFileTable: Table {
    /// What messages call this table.
    public let name = TableName(relation: "include", backEnd: "file", file: "")
    /// The owner of the file read last, or nobody where others may write it.
    public private(set) var privilege: UInt32 = 65534

    /// The largest file accepted.
    private static let limit = 64 << 20

    /// Files by their paths.
    public init() {}

    /// Reads the file whose path is the key; throws `MapError` where it cannot be read.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let path = String(decoding: [UInt8](copying: key), as: Unicode.UTF8.self)
        do {
            let file = try readFile(path, limit: Self.limit)
            value = file.bytes
            privilege = file.identity.mode & 0o022 == 0 ? file.identity.owner : 65534
            return true
        } catch {
            throw MapError(
                table: TableName(relation: "include", backEnd: "file", file: path), code: error.code,
                text: "\(error.operation): \(error.reason); the list must be readable, or its :include: go")
        }
    }

    /// Nothing is kept between lookups.
    public func refresh() -> Bool { false }
}
