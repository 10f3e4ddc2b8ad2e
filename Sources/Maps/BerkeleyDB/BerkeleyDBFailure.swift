// What the library's codes mean to an administrator, and what to do about each.

import CBerkeleyDB
import Files
import Glibc

/// A failed call of Berkeley DB, before it is known which map and key it was about.
struct BerkeleyDBFailure: Error {
    /// errno where positive, the library's own code where negative.
    let code: Int32
    /// The cause and the remedy.
    let text: String

    /// A failure with a text of its own.
    init(code: Int32, text: String) {
        self.code = code
        self.text = text
    }

    /// A failure that the library reported.
    ///
    /// - Parameter messages: where the library's own words were collected.
    init(code: Int32, messages: LibraryMessages) {
        self.code = code
        let detail = messages.first.map { "; Berkeley DB says: \($0)" } ?? ""
        self.text = Self.explanation(of: code) + detail
    }

    /// A failure while a database is written: there a code of the system speaks of the disk, not of a map's contents.
    init(writing code: Int32, messages: LibraryMessages) {
        self.init(code: code, messages: messages)
        if code > 0 { self.init(code: code, text: unsafe String(cString: strerror(code))) }
    }

    /// A resource that hangs.
    init(_ failure: ResourceFailure) {
        code = ETIMEDOUT
        text = failure.text
    }

    /// A failure of the file system.
    init(_ error: FileError) {
        code = error.code
        text = error.code == 0 ? error.reason : Self.explanation(of: error.code)
    }

    /// Damage that was found in a page.
    ///
    /// - Parameter finding: what is wrong with it, as a clause.
    static func damage(page: UInt32, _ finding: String) -> BerkeleyDBFailure {
        BerkeleyDBFailure(
            code: DB_VERIFY_BAD,
            text: "damaged, page \(page): \(finding); compile the map again, or recover its environment "
                + "(`zroute db recover`)")
    }

    /// A file that is whole, as far as is known, and cannot be a map.
    static func refusal(_ text: String) -> BerkeleyDBFailure { BerkeleyDBFailure(code: EINVAL, text: text) }

    /// A file that is no database of the kinds that maps are.
    static func notAMap() -> BerkeleyDBFailure { BerkeleyDBFailure(code: EINVAL, messages: LibraryMessages()) }

    /// Whether the environment is beyond use until it was recovered: none of its handles may be used again.
    var isPanic: Bool { code == DB_RUNRECOVERY }

    private static func explanation(of code: Int32) -> String {
        switch code {
        case ENOENT: "no such file or directory; compile the map, or correct its path"
        case EACCES:
            "permission denied; readers need read access to the file, and write access to an environment's __db.* files"
        case EINVAL: "not a Berkeley DB btree or hash file that this library reads; compile the map again"
        case EISDIR: "is a directory; correct the path of the map"
        case ENOMEM: "out of memory or out of an environment's lock or cache space; raise the limit (DB_CONFIG)"
        case DB_PAGE_NOTFOUND:
            "page not found: the file is cut short, or is written to outside of its environment; compile the map again"
        case DB_RUNRECOVERY:
            "damaged; in an environment stop all its users and run `zroute db recover`, otherwise compile the map again"
        case DB_OLD_VERSION: "written in an older format; convert it with db5.3_upgrade, or compile the map again"
        case DB_VERSION_MISMATCH:
            "the environment was made by another version of Berkeley DB; use the same version in all its users"
        case DB_LOCK_DEADLOCK, DB_LOCK_NOTGRANTED: "a lock was not granted; try again"
        case DB_VERIFY_BAD: "damaged; compile the map again"
        default: unsafe String(cString: db_strerror(code))
        }
    }
}
