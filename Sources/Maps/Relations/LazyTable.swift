// A table that can be made only after reading another file, such as the sleepyenv.conf of a Berkeley DB environment.

public import Configuration
import MailAddress

/// Makes the real table at the first lookup; as long as that fails, so does every lookup.
///
/// A configuration that is put right is noticed without a restart.
public final class LazyTable: Table {
    /// What messages call the table.
    public let name: TableName
    private let make: () throws(ConfigurationError) -> any Table
    private var table: (any Table)?

    /// Prepares a table.
    ///
    /// - Parameters:
    ///   - name: what messages call it.
    ///   - make: makes the real table.
    public init(name: TableName, make: @escaping () throws(ConfigurationError) -> any Table) {
        self.name = name
        self.make = make
    }

    /// Looks a key up in the real table, which is made if there is none yet.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if let table { return try table.lookUp(key, into: &value) }
        let made: any Table
        do {
            made = try make()
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

    /// The real table's privilege; nobody's before there is one.
    public var privilege: UInt32 {
        table?.privilege ?? 65_534
    }
}
