// The back ends `btree` and `bhash`: files of ZMailer's makedb, of our own newdb, of db5.3_load and of Exim's
// exim_dbmbuild. All end keys and values with a NUL; the file itself tells btree from hash.

import Bytes
import CBerkeleyDB
import Glibc
package import Maps
import System

/// A Berkeley DB file, in or out of an environment.
///
/// The file is opened at the first lookup. Whatever the library answers other than found and DB_NOTFOUND is thrown; the
/// file is then closed, and opened anew at the next lookup, so that a repaired file is noticed.
package final class BerkeleyDBTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// The file's owner, or nobody where others may write it; nobody before the file was opened.
    package private(set) var privilege: UInt32 = nobody

    /// The page cache of one file, at most; less is taken for a smaller file.
    ///
    /// A cache that holds the whole file makes random lookups twice as fast as none; one that holds half of it was
    /// measured to gain nothing. So small files are held whole, and large ones cost little memory.
    package static let standardCacheLimit = 8 << 20

    /// The largest file without checksums that is checked as a whole when it is opened: that takes less than a millisecond.
    private static let mostPagesToCheck: UInt32 = 128

    private let path: String
    private let environment: BerkeleyDBEnvironment?
    private let cacheLimit: Int
    /// Shows the calls to a supervisor; nil where there is none.
    private let calls: WatchedCalls?
    private var reader: DatabaseReader?
    /// The open file where it lives in an environment.
    private var handle: BerkeleyDBHandle?
    /// The file as it was when it was opened, or at the last attempt.
    private var identity: FileIdentity?
    private var hasFailed = false

    /// Names a file; nothing is opened yet.
    ///
    /// - Parameters:
    ///   - name: what messages call the map, and the path of its file; a relative path inside an environment counts from
    ///     the environment's directory, as in the library.
    ///   - environment: the environment that the file lives in; nil for none.
    ///   - cacheLimit: the most bytes of page cache for a file outside of an environment.
    ///   - watch: watches the worker that the table belongs to, for calls that hang; for a table inside an environment
    ///     the environment's counts.
    package init(
        name: TableName, environment: BerkeleyDBEnvironment? = nil,
        cacheLimit: Int = BerkeleyDBTable.standardCacheLimit, watch: CallWatch? = nil
    ) {
        self.name = name
        self.environment = environment
        self.cacheLimit = cacheLimit
        if let environment, !name.file.utf8.starts(with: "/".utf8) {
            path = environment.settings.home + "/" + name.file
        } else {
            path = name.file
        }
        let resource =
            if let environment { environment.resource } else {
                watch.map { WatchedResource(.file(name.file), watch: $0) }
            }
        calls = resource.map { WatchedCalls(name, $0) }
    }

    deinit { close(afterPanic: false) }

    /// Looks a key up; the file is opened first where it is not open.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if let calls, !calls.isUnchanged { try prepare(calls, key) }
        do throws(BerkeleyDBFailure) {
            if let reader, handle?.isOpen ?? true { return try find(key, reader, into: &value) }
            guard let calls else { return try find(key, try open(), into: &value) }
            let reader = try calls.preparing(for: key) { () throws(BerkeleyDBFailure) in try open() }
            return try find(key, reader, into: &value)
        } catch {
            close(afterPanic: error.isPanic)
            hasFailed = true
            throw MapError(
                error, table: name, key: Array(copying: key), inEnvironment: environment?.settings.home)
        }
    }

    /// Every lookup passes here, and is shown to the supervisor: a disk may hang as well as an environment.
    @inline(__always)
    private func find(
        _ key: Span<UInt8>, _ reader: DatabaseReader, into value: inout [UInt8]
    ) throws(BerkeleyDBFailure) -> Bool {
        guard let calls else { return try read(key, reader, into: &value) }
        let result: Result<Bool, BerkeleyDBFailure>
        do throws(ResourceFailure) {
            // The key is the caller's, who waits.
            result = try unsafe key.withUnsafeBytes { bytes throws(ResourceFailure) in
                try unsafe calls.call(key: bytes) {
                    Result { () throws(BerkeleyDBFailure) in try read(key, reader, into: &value) }
                }
            }
        } catch {
            throw BerkeleyDBFailure(error)
        }
        return try result.get()
    }

    @inline(__always)
    private func read(
        _ key: Span<UInt8>, _ reader: DatabaseReader, into value: inout [UInt8]
    ) throws(BerkeleyDBFailure) -> Bool {
        guard let pages = handle?.pages else { return try reader.find(key, into: &value) }
        return try pages.reading { () throws(BerkeleyDBFailure) in try reader.find(key, into: &value) }
    }

    /// Enters nothing that hangs; what was open in an environment that has been recovered since is forgotten.
    @inline(never)
    private func prepare(_ calls: WatchedCalls, _ key: Span<UInt8>) throws(MapError) {
        do {
            guard try !calls.ask() else { return }
        } catch {
            throw MapError(table: name, key: Array(copying: key), code: ETIMEDOUT, text: error.text)
        }
        environment?.forget()
    }

    /// Closes the file where it was replaced; inside an environment always answers true, see there.
    package func refresh() -> Bool {
        let environmentReplaced = environment?.isReplaced ?? false
        let now = try? FileIdentity(path: path)
        if environmentReplaced {
            environment?.leave()
            handle = nil
            reader = nil
        } else if now != identity, environment == nil || !isSameFile(now) {
            close(afterPanic: false)
        }
        let changed = environmentReplaced || now != identity || hasFailed
        identity = now
        // Inside an environment others change the file under us, and no time stamp tells before they write it out.
        return changed || environment != nil
    }

    private func isSameFile(_ other: FileIdentity?) -> Bool {
        other?.device == identity?.device && other?.inode == identity?.inode
    }

    private func open() throws(BerkeleyDBFailure) -> DatabaseReader {
        hasFailed = false
        identity = nil
        // Taken before the file is opened: if it is replaced meanwhile, the next refresh sees a difference.
        let identity: FileIdentity
        do {
            identity = try FileIdentity(path: path)
        } catch {
            throw BerkeleyDBFailure(error)
        }
        self.identity = identity
        guard !identity.isDirectory else {
            throw BerkeleyDBFailure(FileError(operation: "open", path: path, code: EISDIR))
        }
        // Opening a fifo would wait for its writer.
        guard identity.isRegularFile else {
            throw BerkeleyDBFailure(code: EINVAL, text: "not a regular file; correct the path of the map")
        }
        let opened = try open(identity)
        reader = opened
        // What was examined and what was opened must be one file; the next lookup tries again.
        guard let now = try? FileIdentity(path: path), isSameFile(now) else {
            throw BerkeleyDBFailure(code: EAGAIN, text: "was replaced while it was opened; try again")
        }
        privilege = identity.privilege
        return opened
    }

    private func open(_ identity: FileIdentity) throws(BerkeleyDBFailure) -> DatabaseReader {
        // The library believes what the first page says, so it is read before the library reads it.
        let (pages, file) = try watched { () throws(BerkeleyDBFailure) in
            let pages = try FilePages(path)
            return (pages, try DatabaseReader(pages, cacheLimit: environment == nil ? cacheLimit : 0))
        }
        if let environment {
            let opened = try environment.open(path: path, calls: calls)
            handle = opened
            guard let pages = opened.pages else { throw BerkeleyDBFailure(code: EBADF, text: "the file was closed") }
            return try watched { () throws(BerkeleyDBFailure) in
                try pages.reading { () throws(BerkeleyDBFailure) in
                    try DatabaseReader(pages, pageSize: pages.pageSize, cacheLimit: cacheLimit)
                }
            }
        }
        let header = file.pages.header
        // Not in an environment: there pages may be in its cache alone.
        try pages.isAsLongAsItSays(header)
        // Without checksums, what is amiss elsewhere in the file tells that it is damaged; small files are cheap to check.
        if !header.layout.hasChecksums, header.lastPage < Self.mostPagesToCheck {
            try watched { () throws(BerkeleyDBFailure) in try DatabaseInspection.check(file) }
        }
        return file
    }

    /// Shows to the supervisor what may wait for the disk.
    private func watched<Answer>(
        _ body: () throws(BerkeleyDBFailure) -> Answer
    ) throws(BerkeleyDBFailure) -> Answer {
        guard let calls else { return try body() }
        let result: Result<Answer, BerkeleyDBFailure>
        do throws(ResourceFailure) {
            result = try calls.call { Result { () throws(BerkeleyDBFailure) in try body() } }
        } catch {
            throw BerkeleyDBFailure(error)
        }
        return try result.get()
    }

    private func close(afterPanic: Bool) {
        reader = nil
        guard let closing = handle else { return }
        handle = nil
        environment?.close(closing, afterPanic: afterPanic)
    }
}
