// Structural checks of a database file, outside of any environment: what the library's own verification finds. A walk
// alone finds too little: it ends early, without an error, at pages that were zeroed.

import CBerkeleyDB
import Glibc
import Maps
import System

/// Checks and salvages database files.
enum DatabaseCheck {
    /// Checks the structure of a file that nobody writes to meanwhile.
    ///
    /// - Parameter observer: may want the check to end before it is done.
    /// - Throws: if it is damaged, or cannot be read, or the work is to end.
    static func verify(_ path: String, observer: (any CallObserver)?) throws(BerkeleyDBFailure) {
        let result = runUnlessStopped(observer) {
            Result { () throws(BerkeleyDBFailure) in try verify(path) }
        }
        guard let result else { throw .stopped }
        try result.get()
    }

    /// Checks the structure of a file that nobody writes to meanwhile.
    ///
    /// - Throws: if it is damaged, or cannot be read.
    static func verify(_ path: String) throws(BerkeleyDBFailure) {
        // Damage may kill the library's own check.
        try DatabaseInspection.check(file: path)
        let messages = LibraryMessages()
        let database = unsafe try messages.makeDatabase()
        // verify destroys the handle, whatever it finds.
        let code = unsafe database.pointee.verify(database, path, nil, nil, 0)
        guard code == 0 else { throw BerkeleyDBFailure(code: code, messages: messages) }
    }

    /// Writes every entry that can still be read, in the format of db5.3_dump.
    ///
    /// - Parameters:
    ///   - kind: what the file is, for a header where the file cannot tell any more.
    ///   - dump: the path of a new file.
    ///   - observer: may want the work to end before it is done.
    /// - Returns: whether the file was whole.
    /// - Throws: if nothing can be read of the file, or the dump cannot be written, or the work is to end.
    static func salvage(
        _ path: String, kind: DatabaseKind, to dump: String, observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) -> Bool {
        let result = runUnlessStopped(observer) {
            Result { () throws(BerkeleyDBFailure) in try salvage(path, kind: kind, to: dump) }
        }
        guard let result else { throw .stopped }
        return try result.get()
    }

    private static func salvage(
        _ path: String, kind: DatabaseKind, to dump: String
    ) throws(BerkeleyDBFailure) -> Bool {
        // The library gives up at the first wrong checksum, and with it all that can still be read.
        let reader = try? DatabaseReader(try FilePages(path), cacheLimit: 16 << 20)
        if let reader, reader.pages.header.layout.hasChecksums {
            let text =
                Array(EntryText.header(type: kind.dumpType).utf8) + DatabaseSalvage.text(of: reader)
                + Array(EntryText.footer.utf8)
            let written = unsafe try write(to: dump, mode: "wxe") { stream throws(BerkeleyDBFailure) in
                // A failure is the stream's too, and is found when that is flushed.
                unsafe text.withUnsafeBytes { bytes in
                    unsafe fwrite(bytes.baseAddress, 1, bytes.count, stream)
                }
            }
            guard written == text.count else {
                throw BerkeleyDBFailure(code: EIO, text: "\(dump): not everything could be written")
            }
            return (try? DatabaseInspection.check(reader)) != nil
        }
        let isWhole = try salvage(path, header: "", to: dump, mode: "wxe")
        let head: [UInt8]
        do {
            head = try readHead(of: dump, count: 8)
        } catch {
            throw BerkeleyDBFailure(error)
        }
        // Where the first page is at odds with the others, the library leaves the header out.
        if head.isEmpty || head.starts(with: "VERSION=".utf8) { return isWhole }
        return try salvage(path, header: EntryText.header(type: kind.dumpType), to: dump, mode: "we")
    }

    private static func salvage(
        _ path: String, header: String, to dump: String, mode: String
    ) throws(BerkeleyDBFailure) -> Bool {
        let messages = LibraryMessages()
        let code = unsafe try write(to: dump, mode: mode) { stream throws(BerkeleyDBFailure) in
            unsafe fputs(header, stream)
            let database = unsafe try messages.makeDatabase()
            return unsafe database.pointee.verify(database, path, nil, stream, UInt32(DB_SALVAGE))
        }
        guard code == 0 || code == DB_VERIFY_BAD else { throw BerkeleyDBFailure(code: code, messages: messages) }
        return code == 0
    }

    /// Writes a dump so that it survives a crash.
    @discardableResult
    private static func write<Answer>(
        to dump: String, mode: String, _ body: (UnsafeMutablePointer<FILE>) throws(BerkeleyDBFailure) -> Answer
    ) throws(BerkeleyDBFailure) -> Answer {
        guard let stream = unsafe fopen(dump, mode) else {
            throw BerkeleyDBFailure(code: errno, text: "\(dump): \(unsafe String(cString: strerror(errno)))")
        }
        let answer: Answer
        do {
            answer = unsafe try body(stream)
        } catch {
            unsafe fclose(stream)
            throw error
        }
        let isWritten = unsafe fflush(stream) == 0 && fsync(fileno(stream)) == 0 && ferror(stream) == 0
        let reason = errno
        unsafe fclose(stream)
        guard isWritten else {
            throw BerkeleyDBFailure(code: reason, text: "\(dump): \(unsafe String(cString: strerror(reason)))")
        }
        return answer
    }
}
