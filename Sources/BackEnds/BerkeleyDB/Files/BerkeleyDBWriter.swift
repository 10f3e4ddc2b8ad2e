// Writes a new database file outside of any environment: the compiler's output, which nobody reads before it is whole.

import CBerkeleyDB
import Glibc
import Maps

/// A database file being written.
@safe
final class BerkeleyDBWriter: MapFileWriter {
    private var database: UnsafeMutablePointer<DB>?
    private let messages = LibraryMessages()
    /// Hold a key and a value, each with its NUL, during a put.
    private var key: [UInt8] = [], value: [UInt8] = []
    /// Whether keys may be there already, so that each has to be searched for before it is put.
    private let isAddedTo: Bool

    /// Begins to fill a file.
    ///
    /// - Parameters:
    ///   - path: an empty file, which the caller created for this purpose, or a database to be added to.
    ///   - kind: the kind of database; nil for the one that the file is.
    ///   - cacheSize: the bytes of page cache.
    ///   - count: how many entries are to come; a hash table is laid out for as many.
    init(filling path: String, kind: DatabaseKind?, cacheSize: Int, count: Int) throws(BerkeleyDBFailure) {
        isAddedTo = kind == nil
        let database = unsafe try messages.makeDatabase()
        unsafe self.database = database
        _ = unsafe database.pointee.set_cachesize(database, 0, UInt32(clamping: cacheSize), 1)
        // Readers then notice every byte that changes on the disk; the file says by itself that it has checksums.
        if kind != nil { _ = unsafe database.pointee.set_flags(database, UInt32(DB_CHKSUM)) }
        if kind == .hash { _ = unsafe database.pointee.set_h_nelem(database, UInt32(clamping: count)) }
        do {
            let type = kind.map { $0 == .hash ? DB_HASH : DB_BTREE } ?? DB_UNKNOWN
            let flags = UInt32(kind == nil ? 0 : DB_CREATE | DB_TRUNCATE)
            try check(unsafe database.pointee.open(database, nil, path, nil, type, flags, 0))
        } catch {
            abandon()
            throw error
        }
    }

    deinit { abandon() }

    /// Adds an entry; the NUL that ends keys and values in ZMailer's files is added here.
    ///
    /// A new file is given each key once.
    ///
    /// - Returns: false if the key was in the file before; its value stays.
    package func put(key newKey: Span<UInt8>, value newValue: Span<UInt8>) throws(MapFileError) -> Bool {
        guard let database = unsafe database else { return false }
        Self.fill(&key, newKey)
        Self.fill(&value, newValue)
        let code = unsafe key.withUnsafeMutableBytes { keyBytes in
            unsafe value.withUnsafeMutableBytes { valueBytes in
                var keyThing = unsafe DBT()
                unsafe keyThing.data = keyBytes.baseAddress
                // In range: both are parts of a source, which is smaller than 4 GiB.
                unsafe keyThing.size = UInt32(clamping: keyBytes.count)
                var valueThing = unsafe DBT()
                unsafe valueThing.data = valueBytes.baseAddress
                unsafe valueThing.size = UInt32(clamping: valueBytes.count)
                let flags = isAddedTo ? UInt32(DB_NOOVERWRITE) : 0
                return unsafe database.pointee.put(database, nil, &keyThing, &valueThing, flags)
            }
        }
        if code == DB_KEYEXIST { return false }
        guard code == 0 else { throw failure(code) }
        return true
    }

    /// Writes out everything, and closes the file.
    package func finish() throws(MapFileError) {
        guard let closing = unsafe database else { return }
        unsafe database = nil
        let code = unsafe closing.pointee.close(closing, 0)
        guard code == 0 else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> MapFileError {
        MapFileError(BerkeleyDBFailure(writing: code, messages: messages).text)
    }

    private func abandon() {
        guard let closing = unsafe database else { return }
        unsafe database = nil
        _ = unsafe closing.pointee.close(closing, UInt32(DB_NOSYNC))
    }

    private func check(_ code: Int32) throws(BerkeleyDBFailure) {
        guard code == 0 else { throw BerkeleyDBFailure(writing: code, messages: messages) }
    }

    private static func fill(_ buffer: inout [UInt8], _ bytes: Span<UInt8>) {
        buffer.removeAll(keepingCapacity: true)
        unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
        buffer.append(0)
    }
}
