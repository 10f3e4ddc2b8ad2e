// The accounts of a file in the form of passwd(5), which the setting LOCALUSERS names.

public import Files
import MailAddress

/// Account names of a passwd file, as keys without values.
public final class PasswdFileTable: Table {
    /// What messages call this table.
    public let name: TableName
    private var file: SettlingFile
    private var accounts: Set<[UInt8]>?
    private var hasWaited = false

    /// The largest file accepted.
    private static let limit = 256 << 20

    /// Accounts of the file at a path.
    ///
    /// - Parameter clock: by which the age of the file is judged.
    public init(path: String, clock: FileClock = .system) {
        file = SettlingFile(path, limit: Self.limit, clock: clock)
        name = TableName(relation: "accounts", backEnd: "passwd", file: path)
    }

    /// Whether the key exists; throws `MapError` where that is not certain.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if accounts == nil { try load() }
        value.removeAll(keepingCapacity: true)
        return accounts?.contains([UInt8](copying: key)) ?? false
    }

    private func load() throws(MapError) {
        do throws(FileError) {
            guard hasWaited else {
                hasWaited = true
                return take(try file.read().bytes)
            }
            switch try file.look() {
            case .settled(let bytes, _): take(bytes)
            case .unsettled(let file): throw FileError(file)
            case .unchanged:
                file.forget()
                take(try file.read().bytes)
            }
        } catch {
            throw MapError(
                table: name, code: error.code,
                text: "\(error.operation): \(error.reason); LOCALUSERS must name a readable passwd file")
        }
    }

    private func take(_ bytes: [UInt8]) {
        var accounts: Set<[UInt8]> = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { continue }
            accounts.insert(Array(line[..<colon]))
        }
        self.accounts = accounts
    }

    /// Notices a changed file, as soon as its content is believed.
    public func refresh() -> Bool {
        guard accounts != nil else { return false }
        do {
            switch try file.look() {
            case .unchanged: return false
            case .settled(let bytes, _): take(bytes)
            case .unsettled(let file):
                guard file.isEndless else { return false }
                accounts = nil
            }
        } catch {
            accounts = nil
        }
        return true
    }

    /// Accounts carry no authority.
    public var privilege: UInt32 { 65534 }
}
