// The system's accounts, through the name service: whoever it cannot ask is not absent, but uncertain.

import Glibc
import MailAddress

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
