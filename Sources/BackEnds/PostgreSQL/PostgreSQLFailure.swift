// What the server's codes mean to an administrator, and what to do about each. Without a code it is the connection that failed.

import Glibc
import MapDescriptions
import Maps
import System

/// A failed question, before it is known which map and key it was about.
struct PostgreSQLFailure: Error {
    /// What becomes of the connection, and whether it is worth asking once more at once.
    enum Sequel: Sendable {
        /// The question failed; the connection is as good as before.
        case kept
        /// The connection is of no use any more; another may answer at once.
        case lost
        /// The connection is good, and the same question may be answered at once.
        case repeated
    }

    /// The number of the system that says the same; 0 for rules of our own.
    let code: Int32
    /// The cause and the remedy.
    let text: String
    /// Whether there was no answer in time.
    let isLate: Bool
    /// What follows from it.
    let sequel: Sequel

    /// A failure that the server did not report.
    init(_ text: String, code: Int32 = 0, isLate: Bool = false, sequel: Sequel = .kept) {
        self.text = text
        self.code = isLate ? ETIMEDOUT : code
        self.isLate = isLate
        self.sequel = sequel
    }

    /// What in a description cannot be used, or in an answer.
    init(_ fault: DescriptionFault) { self.init(fault.text) }

    /// A library that cannot be loaded.
    init(_ error: SharedLibraryError) { self.init(error.text) }

    /// The connection ended.
    init(ended message: String) {
        self.init("the connection failed: \(message)", code: ECONNRESET, sequel: .lost)
    }

    /// A failure that the server reported (appendix A of its manual).
    ///
    /// - Parameters:
    ///   - sqlstate: five letters and digits; empty where it said none.
    ///   - message: its own words.
    init(sqlstate: String, message: String) {
        let (cause, remedy, code, sequel) = Self.explanation(of: sqlstate)
        let isLate = ["57014", "55P03"].contains(sqlstate)
        let state = sqlstate.isEmpty ? "" : " (\(sqlstate))"
        self.init(
            "\(cause)\(remedy.isEmpty ? "" : "; " + remedy); PostgreSQL says: \(message)\(state)",
            code: code, isLate: isLate, sequel: sequel)
    }

    private static func explanation(
        of state: String
    ) -> (cause: String, remedy: String, code: Int32, sequel: Sequel) {
        switch state {
        case "42P01", "3F000":
            return (
                "the query names a table that is not there",
                "write its schema (schema.table), or say search_path in the description", EINVAL, .kept
            )
        case "42703": return ("the query names a column that is not there", "correct it", EINVAL, .kept)
        case "42501":
            return (
                "the role may not read what the query names", "GRANT SELECT on the table and USAGE on its schema",
                EACCES, .kept
            )
        case "42P18", "42804", "42883", "42601", "42846", "42P10", "42702":
            return ("the query cannot be asked", "correct it", EINVAL, .kept)
        case "57014":
            return (
                "no answer in time", "give the table an index on what is asked for, or ask less of it", ETIMEDOUT, .kept
            )
        case "55P03":
            return (
                "the table was locked by another session for too long",
                "end that session (pg_stat_activity, pg_locks), or let it commit sooner", ETIMEDOUT, .kept
            )
        case "57P01", "57P02", "57P03", "57P05":
            return ("the server is shutting down or starting up", "", ECONNRESET, .lost)
        case "53300": return ("the server has too many connections", "raise max_connections", EAGAIN, .lost)
        case "53000", "53100", "53200": return ("the server lacks memory or disk space", "", ENOSPC, .kept)
        // A plan that changed under it, or a statement that somebody dropped: they are made anew with the connection.
        case "0A000", "26000", "42P05": return ("the statement has to be prepared anew", "", EAGAIN, .lost)
        // A standby cancelled the query, or the server could not give it a snapshot.
        case "40001", "40P01", "40003": return ("the server cancelled the query", "", EAGAIN, .repeated)
        case "XX000", "XX001", "XX002":
            return ("the server found damage in its data", "restore it, or REINDEX", EUCLEAN, .kept)
        default:
            switch state.prefix(2) {
            case "08", "57": return ("the connection failed", "", ECONNRESET, .lost)
            case "28", "3D":
                return ("the server does not let us in", "correct user, password or dbname", EACCES, .lost)
            default: return ("the question failed", "", EINVAL, .kept)
            }
        }
    }

    /// Several lines as one.
    static func oneLine(_ text: String) -> String {
        text.split { $0 == "\n" || $0 == "\r" || $0 == "\t" }.map { $0.drop { $0 == " " } }.joined(separator: " ")
    }
}
