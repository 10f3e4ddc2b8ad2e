// What to do about a file of entries that cannot be read.

import Glibc
package import System

extension FileError {
    /// What to do about a source or a dump that cannot be read, as the end of a message.
    package var sourceRemedy: String {
        switch code {
        case ENOENT: "create it, or correct its path"
        case EACCES, EPERM: "run this as a user who may read it, or let this one (chmod, and its directories)"
        case ENOTDIR: "correct its path, of which a part is no directory"
        case ELOOP: "correct the symbolic links on its path, which lead in a circle"
        case EISDIR: "name a file, not a directory"
        case 0 where reason.hasPrefix("larger"): "split it"
        case 0: isUnsettled ? "" : "name a file of text, not a directory or a device"
        default: "see to the disk or file server that it is on"
        }
    }
}
