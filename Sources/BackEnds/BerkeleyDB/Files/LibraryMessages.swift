// Keeps Berkeley DB's own error texts off standard error: a file of random bytes alone makes it print 97 lines. The
// first text of a call usually names the cause, so that one is kept for the message to the administrator.

import CBerkeleyDB
import Maps

/// Collects what the library says about one handle.
final class LibraryMessages {
    /// The first text since the last `forget`.
    private(set) var first: String?

    /// What the library has printed since `collectLines`.
    private(set) var lines: [String] = []
    /// So many lines are kept.
    private static let mostLines = 100_000

    /// Keeps what the library prints of an environment, whose texts come here already.
    func collectLines(of environment: UnsafeMutablePointer<DB_ENV>) {
        unsafe environment.pointee.set_msgcall(environment) { environment, text in
            // `attach` has set app_private, to an object that outlives the handle.
            guard let context = unsafe environment?.pointee.app_private, let text = unsafe text else { return }
            let messages = unsafe Unmanaged<LibraryMessages>.fromOpaque(context).takeUnretainedValue()
            if messages.lines.count < LibraryMessages.mostLines { messages.lines.append(unsafe String(cString: text)) }
        }
    }

    /// Forgets the text of an earlier call.
    func forget() {
        if first != nil { first = nil }
    }

    /// Makes a call that may wait or fail inside the library; of what was said before it nothing is kept.
    ///
    /// - Parameter calls: shows the call to a supervisor; nil where there is none.
    /// - Throws: where the worker was given up, before or during the call.
    func noting(
        watchedBy calls: WatchedCalls?, _ call: () -> Int32
    ) throws(BerkeleyDBFailure) -> Int32 {
        forget()
        guard let calls else { return call() }
        do {
            return try calls.call(call)
        } catch {
            throw BerkeleyDBFailure(error)
        }
    }

    /// Directs an environment's texts to this object, which must live as long as the environment's handle.
    func attach(to environment: UnsafeMutablePointer<DB_ENV>) {
        unsafe environment.pointee.app_private = Unmanaged.passUnretained(self).toOpaque()
        unsafe environment.pointee.set_errcall(environment) { environment, _, text in
            // app_private was set right above, to an object that outlives the handle.
            guard let context = unsafe environment?.pointee.app_private, let text = unsafe text else { return }
            let messages = unsafe Unmanaged<LibraryMessages>.fromOpaque(context).takeUnretainedValue()
            if messages.first == nil { messages.first = unsafe String(cString: text) }
        }
    }
}
