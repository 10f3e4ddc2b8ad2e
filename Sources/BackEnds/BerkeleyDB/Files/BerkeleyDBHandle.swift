// One database file that is open inside an environment: its pages are read through the library's cache, which the
// updating program shares. It is confined to the thread of the worker that owns the table; nothing in it is locked.

import CBerkeleyDB
import Glibc
import Maps
import System

/// A Berkeley DB btree or hash that is open in an environment, for reading.
@safe
final class BerkeleyDBHandle {
    /// nil once closed or abandoned.
    private var database: UnsafeMutablePointer<DB>?
    /// Its pages; nil where it is not open.
    private(set) var pages: PoolPages?
    private let messages: LibraryMessages
    /// Shows the calls to a supervisor; nil where there is none.
    private let calls: WatchedCalls?

    /// Opens a file for reading, whether btree or hash.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - environment: the joined environment it lives in, and where that environment's texts go.
    ///   - calls: shows the calls to a supervisor.
    init(
        path: String, environment: (handle: UnsafeMutablePointer<DB_ENV>, messages: LibraryMessages),
        calls: WatchedCalls?
    ) throws(BerkeleyDBFailure) {
        let messages = unsafe environment.messages
        unsafe database = try messages.makeDatabase(in: environment.handle)
        self.messages = messages
        self.calls = calls
        do {
            try open(path)
        } catch {
            close(afterPanic: error.isPanic)
            throw error
        }
    }

    deinit { close(afterPanic: false) }

    /// Whether the file is still open: closing or forgetting an environment closes all files in it.
    var isOpen: Bool { unsafe database != nil }

    /// Leaves the file open without an owner, where closing it would hang.
    func forget() {
        unsafe database = nil
        pages = nil
    }

    /// Closes the file; a second time does nothing.
    ///
    /// - Parameter afterPanic: whether the library gave DB_RUNRECOVERY.
    func close(afterPanic: Bool) {
        guard let closing = unsafe database else { return }
        forget()
        // Closing would hang as well: the handle is leaked. A handle inside a panicked environment is given up: closing it
        // would only answer DB_RUNRECOVERY again.
        if afterPanic || calls?.resource.isLost ?? false { return }
        // DB_NOSYNC: a reader has nothing to write, and must not pay for flushing a writer's pages.
        _ = try? messages.noting(watchedBy: calls) { unsafe closing.pointee.close(closing, UInt32(DB_NOSYNC)) }
    }

    private func open(_ path: String) throws(BerkeleyDBFailure) {
        guard let database = unsafe database else { return }
        // DB_NOMMAP: the library maps small files that are opened for reading, and a mapped file that somebody
        // truncates kills the process with SIGBUS.
        let flags = UInt32(DB_RDONLY | DB_NOMMAP)
        let code = try messages.noting(watchedBy: calls) {
            unsafe database.pointee.open(database, nil, path, nil, DB_UNKNOWN, flags, 0)
        }
        guard code == 0 else { throw BerkeleyDBFailure(code: code, messages: messages) }
        var kind = DB_UNKNOWN
        _ = unsafe database.pointee.get_type(database, &kind)
        guard kind == DB_BTREE || kind == DB_HASH else {
            throw BerkeleyDBFailure(code: EINVAL, text: "neither a btree nor a hash file", remedy: .replace)
        }
        pages = unsafe PoolPages(of: database, messages: messages)
    }
}
