// One database that is changed while others read it: what `zroute db` works with. Inside a CDB environment every change
// is seen whole or not at all; outside of it nobody else may use the file meanwhile.

import CBerkeleyDB
import Glibc
package import Maps
import System

/// An open database, for one thread of one command.
///
/// Keys and values are the stored bytes, with their NUL. Where the observer wants the work to end, the next step of it
/// throws an error that says so (`MapError.isStop`); syncing and closing are always done.
@safe
package final class LiveDatabase: LiveMap {
    /// What the map is opened for.
    package enum Access: Sendable {
        /// Only looking keys up.
        case read
        /// Everything but making the file.
        case write
        /// Everything; a missing file is made, of this kind and with this mode.
        case create(DatabaseKind, mode: UInt32)
    }

    /// What messages call the map.
    package let name: TableName

    private let environment: LiveEnvironment?
    /// What keeps others from writing; nil where they may.
    private var holder: Cursor?
    /// The directory of its environment; nil for none.
    private let home: String?
    private let observer: (any CallObserver)?
    private let messages: LibraryMessages
    private var database: UnsafeMutablePointer<DB>?
    /// Looks keys up; nil where the database is not open.
    private var reader: (pages: PoolPages, reader: DatabaseReader)?
    /// The kind of file that it is.
    package let kind: DatabaseKind

    /// Opens a database.
    ///
    /// - Parameters:
    ///   - name: what messages call it, and the absolute path of its file.
    ///   - environment: the environment that it lives in; nil for none.
    ///   - observer: watches calls that may never return.
    package init(
        _ name: TableName, environment: EnvironmentSettings?, access: Access, observer: (any CallObserver)? = nil
    ) throws(MapError) {
        self.name = name
        self.observer = observer
        home = environment?.home
        do throws(BerkeleyDBFailure) {
            var joined: LiveEnvironment?
            if let settings = environment {
                var creates = true
                if case .read = access { creates = false }
                joined = try LiveEnvironment(settings, create: creates, observer: observer)
            }
            self.environment = joined
            let messages = joined?.messages ?? LibraryMessages()
            self.messages = messages
            let opened = unsafe try Self.open(name.file, joined, access, messages, observer)
            unsafe database = opened
            let pages = unsafe PoolPages(of: opened, messages: messages)
            reader = try pages.reading { () throws(BerkeleyDBFailure) in
                (pages, try DatabaseReader(pages, pageSize: pages.pageSize, cacheLimit: 1 << 20))
            }
            var kind = DB_UNKNOWN
            _ = unsafe opened.pointee.get_type(opened, &kind)
            self.kind = kind == DB_HASH ? .hash : .btree
        } catch {
            throw MapError(error, table: name, inEnvironment: environment?.home)
        }
    }

    deinit { try? close() }

    package var dumpType: String { kind.dumpType }

    /// Looks a key up.
    ///
    /// - Returns: nil if it certainly does not exist.
    package func get(_ key: [UInt8]) throws(MapError) -> [UInt8]? {
        try stopIfRequested()
        guard let (pages, reader) = reader else {
            throw MapError(table: name, key: key, code: EBADF, text: "the file was closed")
        }
        observer?.callBegins()
        defer { observer?.callEnded() }
        do {
            return try pages.reading { () throws(BerkeleyDBFailure) in try reader.find(stored: key) }
        } catch {
            throw fail(error, key)
        }
    }

    /// Stores a value in the place of the one the key has, if any; it is durable after `sync`.
    package func put(_ key: [UInt8], _ value: [UInt8]) throws(MapError) {
        try stopIfRequested()
        // The library trusts the pages that lead to the key; damage in them may kill it.
        _ = try get(key)
        let code = unsafe try withDatabase(key) { database in
            unsafe withThing(key) { keyThing in
                unsafe withThing(value) { valueThing in
                    unsafe database.pointee.put(database, nil, &keyThing, &valueThing, 0)
                }
            }
        }
        try check(code, key)
    }

    /// Removes a key.
    ///
    /// - Returns: false if it did not exist.
    package func delete(_ key: [UInt8]) throws(MapError) -> Bool {
        try stopIfRequested()
        guard try get(key) != nil else { return false }
        let code = unsafe try withDatabase(key) { database in
            unsafe withThing(key) { keyThing in unsafe database.pointee.del(database, nil, &keyThing, 0) }
        }
        if code == DB_NOTFOUND { return false }
        try check(code, key)
        return true
    }

    /// Does something else that belongs to the work on this map, and that may wait without end, under the same eyes.
    package func watching<Answer>(_ body: () throws(MapError) -> Answer) throws(MapError) -> Answer {
        observer?.callBegins()
        defer { observer?.callEnded() }
        return try body()
    }

    /// Writes every change out to the disk.
    package func sync() throws(MapError) {
        try check(unsafe withDatabase(nil) { database in unsafe database.pointee.sync(database, 0) }, nil)
    }

    /// Closes the file; what was not synced may be written out or not.
    package func close() throws(MapError) {
        guard let closing = unsafe database else { return }
        unsafe database = nil
        reader = nil
        observer?.callBegins()
        let code = unsafe closing.pointee.close(closing, UInt32(DB_NOSYNC))
        observer?.callEnded()
        environment?.close()
        try check(code, nil)
    }

    /// Checks the file's structure, while nobody can change it.
    ///
    /// Inside an environment the right to write is held during the check: readers go on, other writers wait for it.
    package func verify() throws(MapError) {
        try stopIfRequested()
        let cursor = environment == nil ? nil : try Cursor(self, flags: DB_WRITECURSOR)
        defer { cursor?.close() }
        if environment != nil { try sync() }
        do {
            try DatabaseCheck.verify(name.file, observer: observer)
        } catch {
            throw MapError(error, table: name, inEnvironment: home)
        }
    }

    /// Inside an environment the right to write is held; outside of one nobody else has the file.
    ///
    /// Whoever waits to write holds up lookups, so that this must be short.
    package func holdingWriters(_ body: () -> Void) throws(MapError) {
        try stopIfRequested()
        holder = environment == nil ? nil : try Cursor(self, flags: DB_WRITECURSOR)
        body()
        holder?.close()
        holder = nil
    }

    /// Goes through all entries, those of a B-tree in the order of their keys.
    ///
    /// Of a B-tree a bounded number of entries is read at a time and then handed on, with no lock held: a reader that
    /// stands still holds up writers, and waiting writers hold up other readers. A key that exists throughout is handed
    /// on once. A hash table has no order to go on in: it is read in one go, and held in memory.
    package func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws(MapError) -> Void) throws(MapError) {
        var last: [UInt8]?
        while true {
            let batch = try readBatch(after: last)
            for entry in batch.entries { try body(entry.key, entry.value) }
            guard !batch.isLast, let end = batch.entries.last else { return }
            last = end.key
        }
    }

    private typealias Batch = (entries: [(key: [UInt8], value: [UInt8])], isLast: Bool)

    private func readBatch(after last: [UInt8]?) throws(MapError) -> Batch {
        // A second cursor would wait for those who wait for the one that holds them up.
        let cursor = if let holder { holder } else { try Cursor(self, flags: 0) }
        defer { if holder == nil { cursor.close() } }
        var entries: [(key: [UInt8], value: [UInt8])] = []
        var entry = try last == nil ? cursor.first() : cursor.next(from: last)
        if let found = entry, found.key == last { entry = try cursor.next() }
        while let found = entry {
            entries.append(found)
            if kind == .btree, entries.count == Self.batchSize { return (entries, false) }
            entry = try cursor.next()
        }
        return (entries, true)
    }

    /// The page cache of a file outside of any environment.
    private static let privateCacheSize: UInt32 = 16 << 20
    /// Some milliseconds' work.
    private static let batchSize = 1000

    /// Pages are at least half full in a btree; a hash table is laid out for twice as many entries when it grows.
    package func room(key: Int, value: Int) -> Int {
        let factor = kind == .btree ? 2 : 4
        // Past a quarter of a page it lies on pages of its own.
        func own(_ count: Int) -> Int {
            count > Self.usualPageSize / 4 ? count + 2 * Self.usualPageSize : count * factor
        }
        return own(key) + own(value) + Self.entryOverhead * factor
    }

    /// The usual size of a page, from which the library departs only to larger ones for larger blocks of the disk.
    private static let usualPageSize = 4096
    /// What the library puts on a page for an entry besides key and value.
    private static let entryOverhead = 10

    // MARK: The library

    /// A cursor; inside an environment it holds a lock from its opening to its closing.
    @safe
    private final class Cursor {
        private let map: LiveDatabase
        private var cursor: UnsafeMutablePointer<DBC>?

        init(_ map: LiveDatabase, flags: Int32) throws(MapError) {
            self.map = map
            var opened: UnsafeMutablePointer<DBC>?
            let code = unsafe try map.withDatabase(nil) { database in
                unsafe database.pointee.cursor(database, nil, &opened, UInt32(flags))
            }
            try map.check(code, nil)
            unsafe cursor = opened
        }

        func close() {
            guard let closing = unsafe cursor else { return }
            unsafe cursor = nil
            map.observer?.callBegins()
            _ = unsafe closing.pointee.close(closing)
            map.observer?.callEnded()
        }

        /// The first entry.
        func first() throws(MapError) -> (key: [UInt8], value: [UInt8])? { try get(nil, DB_FIRST) }

        /// The next entry, or the first one not before a key.
        func next(from start: [UInt8]? = nil) throws(MapError) -> (key: [UInt8], value: [UInt8])? {
            try get(start, start == nil ? DB_NEXT : DB_SET_RANGE)
        }

        private func get(
            _ start: [UInt8]?, _ flags: Int32
        ) throws(MapError) -> (key: [UInt8], value: [UInt8])? {
            guard let cursor = unsafe cursor else { return nil }
            try map.stopIfRequested()
            var found: (key: [UInt8], value: [UInt8])?
            map.observer?.callBegins()
            let code = unsafe withThing(start ?? []) { keyThing in
                var valueThing = unsafe DBT()
                let code = unsafe cursor.pointee.get(cursor, &keyThing, &valueThing, UInt32(flags))
                if code == 0 { found = unsafe (copy(keyThing), copy(valueThing)) }
                return code
            }
            map.observer?.callEnded()
            if code == DB_NOTFOUND { return nil }
            try map.check(code, start)
            return found
        }
    }

    /// Work ends between two calls: one that is interrupted leaves its locks behind.
    private func stopIfRequested() throws(MapError) {
        if observer.isStopRequested { throw .stopped(name) }
    }

    /// Every call that may wait inside the library passes here.
    private func withDatabase(
        _ key: [UInt8]?, _ call: (UnsafeMutablePointer<DB>) -> Int32
    ) throws(MapError) -> Int32 {
        guard let database = unsafe database else {
            throw MapError(table: name, key: key, code: EBADF, text: "the file was closed")
        }
        messages.forget()
        observer?.callBegins()
        defer { observer?.callEnded() }
        return unsafe call(database)
    }

    private func check(_ code: Int32, _ key: [UInt8]?) throws(MapError) {
        guard code != 0 else { return }
        throw fail(BerkeleyDBFailure(writing: code, messages: messages), key)
    }

    private func fail(_ failure: BerkeleyDBFailure, _ key: [UInt8]?) -> MapError {
        if failure.isPanic {
            // After a panic no handle may be used again, closing them included.
            unsafe database = nil
            reader = nil
            environment?.abandon()
        }
        let shown = key.map { $0.last == 0 ? Array($0.dropLast()) : $0 }
        return MapError(failure, table: name, key: shown, inEnvironment: home)
    }

    private static func open(
        _ path: String, _ environment: LiveEnvironment?, _ access: Access, _ messages: LibraryMessages,
        _ observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) -> UnsafeMutablePointer<DB> {
        var kind = DB_UNKNOWN
        var flags = DB_NOMMAP
        var mode: UInt32 = 0
        switch access {
        case .read: flags |= DB_RDONLY
        case .write: break
        case .create(let wanted, let wantedMode):
            // Of a file that exists the library is to find out itself what it is.
            if unsafe Glibc.access(path, F_OK) != 0, errno == ENOENT {
                kind = wanted == .hash ? DB_HASH : DB_BTREE
                flags |= DB_CREATE
                mode = wantedMode
            }
        }
        if flags & DB_CREATE == 0 {
            // The library believes what the first page says. Outside of an environment the file is all that there is, and
            // all of it can be checked.
            if environment == nil {
                try DatabaseInspection.check(file: path)
            } else {
                _ = try DatabaseReader(try FilePages(path), cacheLimit: 0)
            }
        }
        let opening = unsafe try messages.makeDatabase(in: environment?.handle)
        if environment == nil {
            _ = unsafe opening.pointee.set_cachesize(opening, 0, privateCacheSize, 1)
        }
        if flags & DB_CREATE != 0 { _ = unsafe opening.pointee.set_flags(opening, UInt32(DB_CHKSUM)) }
        messages.forget()
        observer?.callBegins()
        let code = unsafe opening.pointee.open(
            opening, nil, path, nil, kind, UInt32(flags), Int32(truncatingIfNeeded: mode & 0o777))
        observer?.callEnded()
        var failure = code == 0 ? nil : BerkeleyDBFailure(code: code, messages: messages)
        if failure == nil { failure = unsafe refusal(opening) }
        guard let failure else { return unsafe opening }
        if failure.isPanic, let environment {
            environment.abandon()
        } else {
            _ = unsafe opening.pointee.close(opening, UInt32(DB_NOSYNC))
        }
        throw failure
    }

    /// Why a database is none that lookups could use.
    private static func refusal(_ database: UnsafeMutablePointer<DB>) -> BerkeleyDBFailure? {
        var kind = DB_UNKNOWN
        _ = unsafe database.pointee.get_type(database, &kind)
        guard kind == DB_BTREE || kind == DB_HASH else {
            return BerkeleyDBFailure(code: EINVAL, text: "neither a btree nor a hash file", remedy: .replace)
        }
        guard unsafe database.pointee.get_multiple(database) == 0 else {
            return BerkeleyDBFailure(code: EINVAL, text: "holds several databases; give the map a file of its own")
        }
        var flags: UInt32 = 0
        _ = unsafe database.pointee.get_flags(database, &flags)
        guard flags & UInt32(DB_DUP | DB_DUPSORT) == 0 else {
            return BerkeleyDBFailure(code: EINVAL, text: "allows several values for a key; make it without")
        }
        return nil
    }
}

/// Lends bytes to the library for one call.
private func withThing(_ bytes: [UInt8], _ body: (inout DBT) -> Int32) -> Int32 {
    guard let size = UInt32(exactly: bytes.count) else { return ENAMETOOLONG }
    return unsafe bytes.withUnsafeBytes { buffer in
        var thing = unsafe DBT()
        // The library only reads the bytes of what it is given, whatever the pointer's type says.
        unsafe thing.data = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
        unsafe thing.size = size
        return unsafe body(&thing)
    }
}

/// Copies what the library answered, which is valid until the next call.
private func copy(_ thing: DBT) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: thing.data, count: Int(thing.size)))
}
