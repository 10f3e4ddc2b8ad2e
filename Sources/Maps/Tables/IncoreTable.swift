// ZMailer's type `incore`: a relation in memory, empty when the program starts.

import MailAddress

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
