// What the library's codes mean to an administrator, and what to do about each.

import CBerkeleyDB
import Glibc
package import Maps
import System

/// A failed call of Berkeley DB, before it is known which map and key it was about.
struct BerkeleyDBFailure: Error {
    /// errno where positive, the library's own code where negative.
    let code: Int32
    private let cause: String
    private let remedy: MapRemedy
    /// What the library itself said, as a clause of a message.
    private let detail: String

    /// A failure with a text of its own.
    ///
    /// - Parameter remedy: what to do, where that depends on the kind of map.
    init(code: Int32, text: String, remedy: MapRemedy = .none) {
        self.code = code
        cause = text
        self.remedy = remedy
        detail = ""
    }

    /// A failure that the library reported.
    ///
    /// - Parameters:
    ///   - messages: where the library's own words were collected.
    ///   - subject: what the code is about, where that is not the map.
    init(code: Int32, messages: LibraryMessages, subject: String = "") {
        self.code = code
        detail = messages.first.map { "; Berkeley DB says: \($0)" } ?? ""
        let known = Self.explanation(of: code)
        cause = subject + known.cause
        remedy = known.remedy
    }

    /// The cause, and the remedy for a compiled map.
    var text: String { cause + remedy.compiled + detail }

    /// The cause, and the remedy for a map.
    ///
    /// - Parameter home: the environment that the map lives in; nil for a compiled map.
    func text(for table: TableName, inEnvironment home: String?) -> String {
        cause + remedy.text(for: table, inEnvironment: home) + detail
    }

    /// A failure while a database is written: there a code of the system speaks of the disk, not of a map's contents.
    init(writing code: Int32, messages: LibraryMessages) {
        self.init(code: code, messages: messages)
        if code > 0 { self.init(code: code, text: unsafe String(cString: strerror(code))) }
    }

    /// A resource that hangs.
    init(_ failure: ResourceFailure) {
        self.init(code: ETIMEDOUT, text: failure.text)
    }

    /// A failure of the file system.
    init(_ error: FileError) {
        guard error.code != 0 else {
            self.init(code: 0, text: error.reason)
            return
        }
        let known = Self.explanation(of: error.code)
        self.init(code: error.code, text: known.cause, remedy: known.remedy)
    }

    /// The work ended before it was done, because it was to end.
    static let stopped = BerkeleyDBFailure(code: ECANCELED, text: MapError.stopText)

    /// Damage that was found in a page.
    ///
    /// - Parameter finding: what is wrong with it, as a clause.
    static func damage(page: UInt32, _ finding: String) -> BerkeleyDBFailure {
        BerkeleyDBFailure(
            code: DB_VERIFY_BAD, text: "damaged, page \(page): \(finding)", remedy: .replace)
    }

    /// A file that is whole, as far as is known, and cannot be a map.
    static func refusal(_ text: String, _ remedy: MapRemedy = .none) -> BerkeleyDBFailure {
        BerkeleyDBFailure(code: EINVAL, text: text, remedy: remedy)
    }

    /// A file that is no database of the kinds that maps are.
    static func notAMap() -> BerkeleyDBFailure { BerkeleyDBFailure(code: EINVAL, messages: LibraryMessages()) }

    /// Whether the environment is beyond use until it was recovered: none of its handles may be used again.
    var isPanic: Bool { code == DB_RUNRECOVERY }

    private static func explanation(of code: Int32) -> (cause: String, remedy: MapRemedy) {
        switch code {
        case ENOENT: ("no such file or directory", .make)
        case EINVAL: ("not a Berkeley DB btree or hash file that this library reads", .replace)
        case DB_PAGE_NOTFOUND:
            ("page not found: the file is cut short, or is written to outside of its environment", .replace)
        case DB_RUNRECOVERY, DB_VERIFY_BAD: ("damaged", .replace)
        case DB_OLD_VERSION: ("written in an older format", .upgrade)
        default: (text(of: code), .none)
        }
    }

    private static func text(of code: Int32) -> String {
        switch code {
        case EACCES:
            "permission denied; readers need read access to the file, and write access to an environment's __db.* files"
        case EISDIR: "is a directory; correct the path of the map"
        case ENOMEM: "out of memory or out of an environment's lock or cache space; raise the limit (DB_CONFIG)"
        case DB_VERSION_MISMATCH:
            "the environment was made by another version of Berkeley DB; use the same version in all its users"
        case DB_LOCK_DEADLOCK, DB_LOCK_NOTGRANTED: "a lock was not granted; try again"
        default: unsafe String(cString: db_strerror(code))
        }
    }
}

// Tells damage of a file, which is there until somebody mends it, from failures that may pass.

extension MapError {
    /// Whether the file itself is damaged, or no database at all.
    package var isDamage: Bool {
        [EINVAL, DB_VERIFY_BAD, DB_PAGE_NOTFOUND, DB_OLD_VERSION].contains(code)
    }
}
