// The accounts of a file in the form of passwd(5), which the setting LOCALUSERS names.

import Bytes
import Configuration
import Glibc
public import System

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
                return try take(try file.read().bytes)
            }
            switch try file.look() {
            case .settled(let bytes, _): try take(bytes)
            case .unsettled(let file): throw FileError(file)
            case .unchanged:
                file.forget()
                try take(try file.read().bytes)
            }
        } catch {
            throw MapError(
                table: name, code: error.code,
                text: "\(error.operation): \(error.reason); LOCALUSERS must name a readable passwd file")
        }
    }

    /// Takes the names; a file that is none of accounts must not make everybody unknown.
    private func take(_ bytes: [UInt8]) throws(FileError) {
        var accounts: Set<[UInt8]> = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            guard !name.isEmpty, name.count < line.count, !name.contains(where: { $0 <= 0x20 }) else {
                throw FileError(
                    operation: "read", path: self.name.file, reason: "line \(number) does not begin with a name and ':'"
                )
            }
            // The name without it would be no account, and its mail bounce.
            if name.contains(where: { $0 >= 0x7F }), let character = UnseenCharacter(in: name) {
                throw FileError(
                    operation: "read", path: self.name.file, reason: "line \(number): \(character.explanation)")
            }
            accounts.insert(Array(name))
        }
        guard !accounts.isEmpty else {
            throw FileError(operation: "read", path: self.name.file, reason: "it names no account")
        }
        self.accounts = accounts
    }

    /// Notices a changed file, as soon as its content is believed.
    public func refresh() -> Bool {
        guard accounts != nil else { return false }
        do {
            switch try file.look() {
            case .unchanged: return false
            case .settled(let bytes, _): try take(bytes)
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

// The system's accounts, through the name service: whoever it cannot ask is not absent, but uncertain.

/// Account names of the system, as keys without values.
public final class SystemAccountsTable: Table {
    /// What messages call this table.
    public let name = TableName(relation: "accounts", backEnd: "system", file: "passwd")

    /// The accounts that getpwnam(3) knows.
    public init() {}

    /// Whether the key exists; throws `MapError` where that is not certain.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        value.removeAll(keepingCapacity: true)
        // No account has such a name: a C string ends at a NUL.
        let bytes = [UInt8](copying: key)
        guard !bytes.isEmpty, !bytes.contains(0), WellFormedUTF8.isValid(key) else { return false }
        let user = String(decoding: bytes, as: Unicode.UTF8.self)
        var size = 1024
        while true {
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>? = nil
            var buffer = [CChar](repeating: 0, count: size)
            // The entry points into the buffer, and neither is read: only whether one was found.
            let code = unsafe getpwnam_r(user, &entry, &buffer, buffer.count, &found)
            if code == ERANGE, size < 1 << 20 {
                size *= 4
                continue
            }
            // POSIX lets an absent name answer 0 or one of these.
            let isFound = unsafe found != nil
            if !isFound, ![0, ENOENT, ESRCH].contains(code) {
                throw MapError(
                    table: name, key: bytes, code: code,
                    text: "\(unsafe String(cString: strerror(code))); check the name service, or set LOCALUSERS")
            }
            return isFound
        }
    }

    /// Nothing is kept between lookups.
    public func refresh() -> Bool { false }

    /// Accounts carry no authority.
    public var privilege: UInt32 { 65534 }
}
