// The library, as those who write use it: one environment for one file, and one transaction at a time. Nothing is read through
// it that was not checked before, because it trusts its files.

import CLMDB
import Glibc
import Maps
import Synchronization
import System

/// An open environment, with the transaction that was begun.
@safe
final class LibraryEnvironment {
    /// How a file is used.
    enum Use {
        /// A file that nobody else knows of: without a lock file.
        case alone
        /// A file that others read and write.
        case shared(mode: UInt32)
    }

    private let path: String
    private var environment: OpaquePointer?
    private var transaction: OpaquePointer?
    private var database: MDB_dbi = 0
    private let key: FileLocation?

    /// So much room for growth is taken from the addresses; neither memory nor disk.
    private static let wantedSize = 64 << 30
    /// The files that this process has open: the library forbids to open one twice, because closing one of the two would take
    /// the locks of the other away.
    private static let open = Mutex<Set<FileLocation>>([])

    /// Opens a file; an empty or missing one becomes one of LMDB.
    init(_ path: String, _ use: Use) throws(LMDBFailure) {
        self.path = path
        let location = try? FileLocation(path)
        if let location {
            guard Self.open.withLock({ $0.insert(location).inserted }) else {
                throw LMDBFailure(code: EBUSY, text: "is open already in this process")
            }
        }
        key = location
        var size = Self.wantedSize
        while true {
            let code = unsafe Self.open(path, use, size, &environment)
            if code == 0 { break }
            // Where addresses are short (RLIMIT_AS) less has to do.
            guard code == ENOMEM, size > 1 << 28 else {
                forgetFile()
                throw Self.failure(code, path)
            }
            size /= 4
        }
    }

    deinit { close() }

    private static func open(_ path: String, _ use: Use, _ size: Int, _ opened: inout OpaquePointer?) -> Int32 {
        var environment: OpaquePointer?
        var code = unsafe mdb_env_create(&environment)
        guard code == 0, let handle = unsafe environment else { return code }
        unsafe mdb_env_set_assert(handle) { _, message in unsafe endForAssertion(unsafe message) }
        unsafe mdb_env_set_mapsize(handle, size)
        unsafe mdb_env_set_maxdbs(handle, 1)
        // As many readers as whoever opens the file first allows.
        unsafe mdb_env_set_maxreaders(handle, 1022)
        var flags = UInt32(MDB_NOSUBDIR)
        var mode: UInt32 = 0o600
        switch use {
        case .alone: flags |= UInt32(MDB_NOLOCK | MDB_NOSYNC)
        case .shared(let wanted): mode = wanted
        }
        code = unsafe mdb_env_open(handle, path, flags, mode)
        if code == 0 { unsafe opened = handle } else { unsafe mdb_env_close(handle) }
        return code
    }

    /// Whether a transaction was begun and not ended.
    var isInTransaction: Bool { unsafe transaction != nil }

    /// Begins to write; waits as long as another process writes.
    ///
    /// - Returns: the number of the transaction.
    func begin() throws(LMDBFailure) -> UInt64 {
        var begun: OpaquePointer?
        try check(unsafe mdb_txn_begin(environment, nil, 0, &begun))
        unsafe transaction = begun
        return unsafe UInt64(mdb_txn_id(begun))
    }

    /// Opens a database for the transaction.
    ///
    /// - Parameter name: nil for the one without a name.
    func openDatabase(_ name: String?, creating: Bool) throws(LMDBFailure) {
        let flags = creating && name != nil ? UInt32(MDB_CREATE) : 0
        try check(unsafe mdb_dbi_open(transaction, name, flags, &database))
        var found: UInt32 = 0
        try check(unsafe mdb_dbi_flags(transaction, database, &found))
        guard found & UInt32(TreeRecord.Flag.all) == 0 else {
            throw .refusal(
                "a key may have several values in it, or its keys have an order of their own; change it by its own program"
            )
        }
    }

    /// Clears places in the table of readers that killed processes left: they keep pages from being used again.
    func clearDeadReaders() {
        var count: Int32 = 0
        _ = unsafe mdb_reader_check(environment, &count)
    }

    /// Stores a value.
    ///
    /// - Parameter flags: of `mdb_put`.
    /// - Returns: false where the key is there and the flags forbid to replace its value.
    func put(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, flags: Int32 = 0) throws(LMDBFailure)
        -> Bool
    {
        var keyValue = unsafe Self.lend(key), dataValue = unsafe Self.lend(value)
        let code = unsafe mdb_put(transaction, database, &keyValue, &dataValue, UInt32(flags))
        if code == MDB_KEYEXIST { return false }
        try check(code)
        return true
    }

    /// The value of a key, with what this transaction has changed.
    func get(_ key: [UInt8]) throws(LMDBFailure) -> [UInt8]? {
        var found = unsafe MDB_val()
        let code = unsafe key.withUnsafeBytes { bytes in
            var keyValue = unsafe Self.lend(bytes)
            return unsafe mdb_get(transaction, database, &keyValue, &found)
        }
        if code == MDB_NOTFOUND { return nil }
        try check(code)
        return unsafe Array(UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size))
    }

    /// Removes a key.
    ///
    /// - Returns: false if it was not there.
    func delete(_ key: [UInt8]) throws(LMDBFailure) -> Bool {
        let code = unsafe key.withUnsafeBytes { bytes in
            var keyValue = unsafe Self.lend(bytes)
            return unsafe mdb_del(transaction, database, &keyValue, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try check(code)
        return true
    }

    /// Makes what the transaction has changed the last state of the file, on the disk.
    func commit() throws(LMDBFailure) {
        guard let ending = unsafe transaction else { return }
        unsafe transaction = nil
        try check(unsafe mdb_txn_commit(ending))
    }

    /// Forgets what the transaction has changed.
    func abort() {
        guard let ending = unsafe transaction else { return }
        unsafe transaction = nil
        unsafe mdb_txn_abort(ending)
    }

    /// Closes the file; what was not committed is forgotten.
    func close() {
        abort()
        guard let closing = unsafe environment else { return }
        unsafe environment = nil
        unsafe mdb_env_close(closing)
        forgetFile()
    }

    private func forgetFile() {
        if let key { Self.open.withLock { _ = $0.remove(key) } }
    }

    /// The library only reads the bytes of what it is given, whatever the pointer's type says.
    private static func lend(_ bytes: UnsafeRawBufferPointer) -> MDB_val {
        unsafe MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    private func check(_ code: Int32) throws(LMDBFailure) {
        guard code != 0 else { return }
        throw Self.failure(code, path)
    }

    private static func failure(_ code: Int32, _ path: String) -> LMDBFailure {
        let text =
            switch code {
            case EACCES, EPERM:
                "permission denied; whoever changes the map writes to it and to its lock file \(path)-lock, and makes that in"
                    + " its directory where it is missing: give them these rights"
            case EROFS: "the file system is read-only, so the map cannot be changed there"
            case MDB_READERS_FULL:
                "the table of readers in \(path)-lock is full; end programs that have the file open, or remove dead ones with"
                    + " `mdb_stat -rr`"
            case MDB_MAP_FULL: "there are not enough addresses for a larger file; raise the limit (ulimit -v)"
            case MDB_BAD_VALSIZE: "a key that LMDB cannot store: it has from 1 to \(KeyLimit.bytes) bytes"
            case MDB_CORRUPTED, MDB_PAGE_NOTFOUND: "damaged; put another file in its place with newdb or db load"
            case MDB_INVALID: "no file of LMDB; correct its path, or make it anew with newdb"
            case MDB_VERSION_MISMATCH: "made by a version of LMDB with another format; make it anew"
            case MDB_INCOMPATIBLE: "its lock file, or its flags, are of another kind of file; remove \(path)-lock"
            default: unsafe String(cString: mdb_strerror(code))
            }
        return LMDBFailure(code: code, text: text)
    }
}

/// What the library found cannot be, and its memory cannot be trusted any more; the file is as it was before the transaction.
private func endForAssertion(_ message: UnsafePointer<CChar>?) {
    let reason = unsafe message.map { unsafe String(cString: $0) } ?? "unknown"
    let text =
        "zroute: LMDB found its file or memory damaged, and nothing was stored: \(reason); check it with db verify\n"
    _ = unsafe Array(text.utf8).withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    _exit(75)
}

/// How long keys can be.
enum KeyLimit {
    /// The most bytes of a key as it is stored, in every file of the library as Debian and others build it.
    static let bytes = 511

    /// Why a key cannot be stored, and what to do; nil if it can.
    ///
    /// - Parameter count: its bytes without the NUL that is stored behind it.
    static func refusal(ofKey count: Int) -> String? {
        guard count > 0 else { return "a key without a byte, which LMDB cannot store; remove it" }
        guard count >= bytes else { return nil }
        return
            "a key of \(count) bytes, and with the NUL behind it LMDB stores \(bytes) at most; keep it in a map of another type"
    }
}
