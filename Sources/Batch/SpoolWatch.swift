// Waits for submissions: the kernel tells when router/ gets a name (inotify(7)), by a signal, so that one call waits for
// that, for the wish to end, and for the time at which held recipients and failed submissions are to be looked at.

public import Files
import Glibc

/// Watches a spool's router directory.
public final class SpoolWatch {
    private let descriptor: Int32
    private let signals: RunSignals

    /// Begins to watch; what comes in from now on ends a later wait.
    ///
    /// - Parameters:
    ///   - postOffice: the spool's path.
    ///   - signals: the signals, already blocked.
    public init(postOffice: String, signals: RunSignals) throws(FileError) {
        self.signals = signals
        let path = postOffice + "/router"
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        // A link or a rename into the directory, and the end of writing where a program writes there directly.
        let events = UInt32(IN_CREATE) | UInt32(IN_MOVED_TO) | UInt32(IN_CLOSE_WRITE)
        guard descriptor >= 0, unsafe inotify_add_watch(descriptor, path, events) >= 0,
            fcntl(descriptor, F_SETOWN, getpid()) == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK | O_ASYNC) == 0
        else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw FileError(operation: "watch", path: path, code: code)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Waits until something came in, the process is asked to end, or a time has passed.
    ///
    /// - Returns: false where the process is asked to end.
    public func wait(milliseconds: Int) -> Bool {
        switch signals.wait(milliseconds: milliseconds) {
        case .termination: return false
        case .timeout: return true
        case .input: break
        }
        // What came in is found by listing the directory: the events themselves are only taken off the queue.
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var got = 0
        repeat {
            got = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        } while got > 0 || (got < 0 && errno == EINTR)
        return true
    }
}
