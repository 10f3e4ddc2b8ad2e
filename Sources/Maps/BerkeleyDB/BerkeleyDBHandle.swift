// One open database file: the only place that reads through the library. It is confined to the thread of the worker
// that owns the table; nothing in it is locked.

import CBerkeleyDB
import Files
import Glibc

/// An open Berkeley DB btree or hash, for reading.
@safe
final class BerkeleyDBHandle {
    private typealias Get =
        @convention(c) (
            UnsafeMutablePointer<DB>?, UnsafeMutablePointer<DB_TXN>?, UnsafeMutablePointer<DBT>?,
            UnsafeMutablePointer<DBT>?, UInt32
        ) -> Int32

    /// nil once closed or abandoned.
    private var database: UnsafeMutablePointer<DB>?
    /// The access method's get, read out of the handle once instead of at each lookup.
    private let getFunction: Get
    private let messages: LibraryMessages
    private let inEnvironment: Bool
    /// Shows the calls to a supervisor; nil where there is none.
    private let calls: WatchedCalls?
    /// What lookups are marked with; good as long as `calls`.
    private let marks: WatchedCalls.Marks?
    /// Holds the key and its NUL during a lookup; at least one byte.
    private var scratch: UnsafeMutableRawBufferPointer

    /// Opens a file for reading, whether btree or hash.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - environment: the joined environment it lives in, and where that environment's texts go; nil for none.
    ///   - cacheSize: the bytes of page cache for a file outside of an environment.
    ///   - calls: shows the calls to a supervisor.
    init(
        path: String, environment: (handle: UnsafeMutablePointer<DB_ENV>, messages: LibraryMessages)?, cacheSize: Int,
        calls: WatchedCalls?
    ) throws(BerkeleyDBFailure) {
        let messages = unsafe environment?.messages ?? LibraryMessages()
        messages.forget()
        var created: UnsafeMutablePointer<DB>?
        let code = unsafe db_create(&created, environment?.handle, 0)
        guard code == 0, let database = unsafe created else {
            throw BerkeleyDBFailure(code: code == 0 ? ENOMEM : code, messages: messages)
        }
        if unsafe environment == nil {
            // db_create made a private environment for it.
            if let own = unsafe database.pointee.dbenv { unsafe messages.attach(to: own) }
            _ = unsafe database.pointee.set_cachesize(database, 0, UInt32(clamping: cacheSize), 1)
        }
        unsafe self.database = database
        unsafe self.getFunction = database.pointee.get
        self.messages = messages
        self.inEnvironment = unsafe environment != nil
        self.calls = calls
        marks = calls?.marks
        unsafe self.scratch = .allocate(byteCount: 512, alignment: 1)
        do {
            try open(path)
        } catch {
            close(afterPanic: error.isPanic)
            throw error
        }
    }

    deinit {
        close(afterPanic: false)
        unsafe scratch.deallocate()
    }

    /// Whether the file is still open: closing or forgetting an environment closes all files in it.
    var isOpen: Bool { unsafe database != nil }

    /// Looks a key up; the NUL that ends keys and values in ZMailer's files is added and dropped here.
    ///
    /// - Returns: whether the key exists.
    /// - Throws: for every answer of the library other than success and DB_NOTFOUND; then the handle must be closed.
    func get(_ key: Span<UInt8>, into value: inout [UInt8]) throws(BerkeleyDBFailure) -> Bool {
        guard let database = unsafe database else {
            throw BerkeleyDBFailure(code: EBADF, text: "the file was closed")
        }
        let length = key.count + 1
        guard let size = UInt32(exactly: length) else {
            throw BerkeleyDBFailure(code: ENAMETOOLONG, text: "a key of \(key.count) bytes is too long")
        }
        if unsafe scratch.count < length { growScratch(to: length) }
        unsafe key.withUnsafeBytes { unsafe scratch.copyMemory(from: $0) }
        // In bounds: scratch holds at least key.count + 1 bytes.
        unsafe scratch[key.count] = 0
        var keyThing = unsafe DBT()
        unsafe keyThing.data = scratch.baseAddress
        unsafe keyThing.size = size
        var valueThing = unsafe DBT()
        let code = unsafe try get(database, &keyThing, &valueThing)
        guard code == 0 else {
            if code == DB_NOTFOUND { return false }
            throw BerkeleyDBFailure(code: code, messages: messages)
        }
        // The library's memory: valid until the next call with this handle, which is why it is copied here.
        let found = unsafe UnsafeRawBufferPointer(start: valueThing.data, count: Int(valueThing.size))
        let hasNUL = unsafe found.last == 0
        value.removeAll(keepingCapacity: true)
        unsafe value.append(contentsOf: UnsafeRawBufferPointer(rebasing: found.prefix(found.count - (hasNUL ? 1 : 0))))
        return true
    }

    /// Every lookup inside the library passes here.
    @inline(__always)
    private func get(
        _ database: UnsafeMutablePointer<DB>, _ key: inout DBT, _ value: inout DBT
    ) throws(BerkeleyDBFailure) -> Int32 {
        messages.forget()
        guard let marks else { return unsafe getFunction(database, nil, &key, &value, 0) }
        // The key without its NUL; scratch stays as it is during the call.
        let bytes = unsafe UnsafeRawBufferPointer(start: key.data, count: Int(key.size) - 1)
        guard unsafe marks.enter(key: bytes) else {
            return try inLibrary { unsafe getFunction(database, nil, &key, &value, 0) }
        }
        let code = unsafe getFunction(database, nil, &key, &value, 0)
        guard marks.exit() else { throw BerkeleyDBFailure(calls?.gaveUp() ?? .abandoned) }
        return code
    }

    /// Leaves the file open without an owner, where closing it would hang.
    func forget() {
        unsafe database = nil
    }

    /// Closes the file; a second time does nothing.
    ///
    /// - Parameter afterPanic: whether the library gave DB_RUNRECOVERY.
    func close(afterPanic: Bool) {
        guard let closing = unsafe database else { return }
        unsafe database = nil
        // Closing would hang as well: the handle is leaked.
        if calls?.resource.isLost ?? false { return }
        if afterPanic {
            // A handle inside a panicked environment is given up: closing it would only answer DB_RUNRECOVERY again.
            if inEnvironment { return }
            // A private environment is ours alone, and was only read: letting it forget its panic is safe, and without
            // that close would leak the file descriptor and the cache, once for each attempt.
            if let own = unsafe closing.pointee.dbenv { _ = unsafe own.pointee.set_flags(own, UInt32(DB_NOPANIC), 1) }
        }
        // DB_NOSYNC: a reader has nothing to write, and must not pay for flushing a writer's pages.
        _ = try? inLibrary { unsafe closing.pointee.close(closing, UInt32(DB_NOSYNC)) }
    }

    private func open(_ path: String) throws(BerkeleyDBFailure) {
        guard let database = unsafe database else { return }
        // DB_NOMMAP: the library maps small files that are opened for reading, and a mapped file that somebody
        // truncates kills the process with SIGBUS.
        let flags = UInt32(DB_RDONLY | DB_NOMMAP)
        let code = try inLibrary { unsafe database.pointee.open(database, nil, path, nil, DB_UNKNOWN, flags, 0) }
        guard code == 0 else { throw BerkeleyDBFailure(code: code, messages: messages) }
        var kind = DB_UNKNOWN
        _ = unsafe database.pointee.get_type(database, &kind)
        guard kind == DB_BTREE || kind == DB_HASH else {
            throw BerkeleyDBFailure(code: EINVAL, text: "neither a btree nor a hash file", remedy: .replace)
        }
        // In a file of several databases the keys are the databases' names: every lookup would be a false absence.
        guard unsafe database.pointee.get_multiple(database) == 0 else {
            throw BerkeleyDBFailure(code: EINVAL, text: "holds several databases; give the map a file of its own")
        }
    }

    /// Every other call that may wait or fail inside the library passes here.
    private func inLibrary(_ call: () -> Int32) throws(BerkeleyDBFailure) -> Int32 {
        messages.forget()
        guard let calls else { return call() }
        do {
            return try calls.call(call)
        } catch {
            throw BerkeleyDBFailure(error)
        }
    }

    private func growScratch(to length: Int) {
        unsafe scratch.deallocate()
        unsafe scratch = .allocate(byteCount: length, alignment: 1)
    }
}
