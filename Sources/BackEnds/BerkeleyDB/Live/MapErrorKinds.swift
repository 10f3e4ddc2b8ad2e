// Tells damage of a file, which is there until somebody mends it, and work that was to end, from failures that may pass.

package import Maps
import CBerkeleyDB
import Glibc

extension MapError {
    /// Whether the file itself is damaged, or no database at all.
    package var isDamage: Bool {
        [EINVAL, DB_VERIFY_BAD, DB_PAGE_NOTFOUND, DB_OLD_VERSION].contains(code)
    }

    /// The error of work that was to end.
    package static func stopped(_ table: TableName) -> MapError {
        MapError(table: table, code: ECANCELED, text: BerkeleyDBFailure.stopped.text)
    }

    /// Whether there is no answer because the work was to end (`CallObserver.isStopRequested`).
    package var isStop: Bool { code == ECANCELED }
}
