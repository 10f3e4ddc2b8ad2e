// Tells damage of a file, which is there until somebody mends it, from failures that may pass.

import CBerkeleyDB
import Glibc

extension MapError {
    /// Whether the file itself is damaged, or no database at all.
    public var isDamage: Bool {
        [EINVAL, DB_VERIFY_BAD, DB_PAGE_NOTFOUND, DB_OLD_VERSION].contains(code)
    }
}
