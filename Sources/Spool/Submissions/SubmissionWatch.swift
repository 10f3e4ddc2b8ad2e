// Tells of submissions as they come in: the kernel knows when router/ gets a name (inotify(7)), by a descriptor, so that a
// service waits by one call for that, for the wish to end, and for the time at which it has other work.

import Glibc
package import System

/// Watches a spool's router directory.
package final class SubmissionWatch: Sendable {
    /// Can be read (poll(2)) as long as there is news that was not taken.
    package let descriptor: Int32
    private let path: String

    // A link or a rename into the directory, and the end of writing where a program writes there directly.
    private static let events = UInt32(IN_CREATE) | UInt32(IN_MOVED_TO) | UInt32(IN_CLOSE_WRITE)

    /// Begins to watch; of what comes in from now on the descriptor tells.
    ///
    /// - Parameter postOffice: the spool's path.
    package init(postOffice: String) throws(FileError) {
        path = postOffice + "/router"
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0, unsafe inotify_add_watch(descriptor, path, Self.events) >= 0 else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw FileError(operation: "watch", path: path, code: code)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Watches the directory that the path leads to now, after the spool was moved or made anew.
    package func follow() throws(FileError) {
        guard unsafe inotify_add_watch(descriptor, path, Self.events) >= 0 else {
            throw FileError(operation: "watch", path: path, code: errno)
        }
    }

    /// Takes what was told off the kernel's list, before the directory is read.
    package func takeEvents() {
        // What came in is found by listing the directory.
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var got = 0
        repeat {
            got = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        } while got > 0 || (got < 0 && errno == EINTR)
    }
}
