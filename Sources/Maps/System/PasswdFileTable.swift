// The accounts of a file in the form of passwd(5), which the setting LOCALUSERS names.

import Files
import MailAddress

/// Account names of a passwd file, as keys without values.
public final class PasswdFileTable: Table {
    /// What messages call this table.
    public let name: TableName
    private let path: String
    private var accounts: Set<[UInt8]> = []
    private var identity: FileIdentity?

    /// The largest file accepted.
    private static let limit = 256 << 20

    /// Accounts of the file at a path.
    public init(path: String) {
        self.path = path
        name = TableName(relation: "accounts", backEnd: "passwd", file: path)
    }

    /// Whether the key exists; throws `MapError` where that is not certain.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if identity == nil { try load() }
        value.removeAll(keepingCapacity: true)
        return accounts.contains([UInt8](copying: key))
    }

    private func load() throws(MapError) {
        do {
            let file = try readFile(path, limit: Self.limit)
            accounts = []
            for line in file.bytes.split(separator: UInt8(ascii: "\n")) {
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { continue }
                accounts.insert(Array(line[..<colon]))
            }
            identity = file.identity
        } catch {
            throw MapError(
                table: name, code: error.code,
                text: "\(error.operation): \(error.reason); LOCALUSERS must name a readable passwd file")
        }
    }

    /// Notices a changed file.
    public func refresh() -> Bool {
        guard let identity, (try? FileIdentity(path: path)) != identity else { return false }
        self.identity = nil
        return true
    }

    /// Accounts carry no authority.
    public var privilege: UInt32 { 65534 }
}
