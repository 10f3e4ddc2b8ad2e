// What the library's codes mean to an administrator, and what to do about each.

import Glibc
import Maps
import System

/// A failed call of SQLite, before it is known which map and key it was about.
struct SQLiteFailure: Error {
    /// The number of the system that says the same as the library's code; 0 for rules of our own.
    let code: Int32
    /// The cause and the remedy.
    let text: String
    /// Whether the file itself is not what it should be, so that it has to be looked at as a whole again.
    let isDamage: Bool
    /// Whether there was no answer in time.
    let isLate: Bool

    /// A failure that the library did not report.
    init(_ text: String, code: Int32 = 0, isDamage: Bool = false, isLate: Bool = false) {
        self.code = code
        self.text = text
        self.isDamage = isDamage
        self.isLate = isLate
    }

    /// A failure that the library reported.
    ///
    /// - Parameters:
    ///   - message: its own words.
    ///   - time: how long it was waited for, as messages show it.
    init(code: Int32, message: String, time: String) {
        let primary = code & SQLiteCode.primary
        let (cause, remedy) = Self.explanation(of: code, time: time)
        self.init(
            "\(cause)\(remedy.isEmpty ? "" : "; " + remedy); SQLite says: \(message) (\(code))",
            code: Self.number(of: code),
            isDamage: [SQLiteCode.corrupt, SQLiteCode.notADatabase].contains(primary),
            isLate: [SQLiteCode.busy, SQLiteCode.interrupted].contains(primary))
    }

    /// A failure of the file system.
    init(_ error: FileError) {
        self.init(
            error.isMissing
                ? "there is no such file; make the map, or correct its path" : "\(error.operation): \(error.reason)",
            code: error.code)
    }

    /// A library that cannot be loaded.
    init(_ error: SharedLibraryError) { self.init(error.text) }

    /// What damage of the file itself is called.
    static let damageCode = EUCLEAN

    private static func number(of code: Int32) -> Int32 {
        switch code & SQLiteCode.primary {
        case SQLiteCode.busy, SQLiteCode.locked, SQLiteCode.interrupted: ETIMEDOUT
        case SQLiteCode.noMemory: ENOMEM
        case SQLiteCode.readOnly, SQLiteCode.cannotOpen: EACCES
        case SQLiteCode.inputOutput: EIO
        case SQLiteCode.corrupt, SQLiteCode.notADatabase: damageCode
        case SQLiteCode.full: ENOSPC
        default: EINVAL
        }
    }

    private static func explanation(of code: Int32, time: String) -> (cause: String, remedy: String) {
        switch code {
        case SQLiteCode.readOnlyRollback:
            return (
                "a program died while it changed the database, and left a journal that has to be rolled back",
                "open it once as a user who may write it, as with `sqlite3 FILE 'SELECT 1 FROM sqlite_schema'`"
            )
        case SQLiteCode.readOnlyDirectory:
            return (
                "the database is in WAL mode, and its files -wal and -shm are neither there nor may they be made",
                "let readers write to its directory, or run `PRAGMA journal_mode=delete` on it"
            )
        default: break
        }
        switch code & SQLiteCode.primary {
        case SQLiteCode.busy, SQLiteCode.locked:
            return (
                "locked by a program that is writing to it, for \(time)",
                "end that program, or continue it; in WAL mode (`PRAGMA journal_mode=wal`) readers never wait for writers"
            )
        case SQLiteCode.interrupted:
            return ("no answer within \(time)", "give the table an index on what is asked for, or ask less of it")
        case SQLiteCode.noMemory: return ("out of memory", "")
        case SQLiteCode.readOnly: return ("may not be written", "give readers the rights that SQLite needs")
        case SQLiteCode.inputOutput:
            return (
                "the disk or file server under it failed",
                "repair that, and look for damage with `PRAGMA integrity_check`"
            )
        case SQLiteCode.corrupt:
            return ("damaged, or cut short", "compile the map again, or put a whole copy in its place")
        case SQLiteCode.notADatabase:
            return ("not a SQLite database", "compile the map again, or correct its path")
        case SQLiteCode.full: return ("no space left on device", "make room")
        case SQLiteCode.cannotOpen:
            return (
                "cannot be opened",
                "see that readers may read the file, and write to its directory if it is in WAL mode"
            )
        case SQLiteCode.error: return ("the question cannot be asked", "correct the query, or the table that it asks")
        default: return ("SQLite failed", "")
        }
    }
}
