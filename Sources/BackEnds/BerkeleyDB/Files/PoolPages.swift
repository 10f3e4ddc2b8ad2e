// The pages of an open database as the library's cache has them, which the updating program shares: in a CDB environment
// a reader sees no half of a change as long as it holds the right to read.

import CBerkeleyDB
import Glibc
import Maps

/// The pages of a database that the library has open.
@safe
final class PoolPages: PageOrigin {
    /// The open database; whoever closes it lets go of this object before.
    private let database: UnsafeMutablePointer<DB>
    private let messages: LibraryMessages

    /// The bytes of a page.
    let pageSize: Int

    /// Lends an open database.
    init(of database: UnsafeMutablePointer<DB>, messages: LibraryMessages) {
        unsafe self.database = database
        self.messages = messages
        var size: UInt32 = 0
        _ = unsafe database.pointee.get_pagesize(database, &size)
        pageSize = Int(size)
    }

    var isShared: Bool { true }

    /// Does something during which no page changes.
    ///
    /// A cursor has the right to read in a CDB environment from its opening to its closing: writers wait.
    func reading<Answer>(
        _ body: () throws(BerkeleyDBFailure) -> Answer
    ) throws(BerkeleyDBFailure) -> Answer {
        messages.forget()
        var opened: UnsafeMutablePointer<DBC>?
        let code = unsafe database.pointee.cursor(database, nil, &opened, 0)
        guard code == 0, let cursor = unsafe opened else {
            throw BerkeleyDBFailure(code: code == 0 ? ENOMEM : code, messages: messages)
        }
        let answer: Answer
        do {
            answer = try body()
        } catch {
            // After a panic no handle may be used again, closing them included.
            if !error.isPanic { _ = unsafe cursor.pointee.close(cursor) }
            throw error
        }
        let closing = unsafe cursor.pointee.close(cursor)
        guard closing == 0 else { throw BerkeleyDBFailure(code: closing, messages: messages) }
        return answer
    }

    /// Copies a page out of the library's cache, which reads it if need be.
    func read(_ number: UInt32, size: Int, known: [UInt8]?) throws(BerkeleyDBFailure) -> [UInt8]? {
        guard let pool = unsafe database.pointee.get_mpf(database) else {
            throw BerkeleyDBFailure(code: EBADF, text: "the file was closed")
        }
        var number = number
        var found: UnsafeMutableRawPointer?
        let code = unsafe pool.pointee.get(pool, &number, nil, 0, &found)
        guard code == 0, let start = unsafe found else {
            throw BerkeleyDBFailure(code: code == 0 ? DB_PAGE_NOTFOUND : code, messages: messages)
        }
        // The library's memory, a page of this size; nobody changes it before it is put back.
        let page = unsafe UnsafeRawBufferPointer(start: start, count: size)
        let copy: [UInt8]?
        if let known, known.count == size, unsafe known.withUnsafeBytes({ unsafe areEqual($0, page) }) {
            copy = nil
        } else {
            copy = unsafe Array(page)
        }
        let putting = unsafe pool.pointee.put(pool, start, DB_PRIORITY_UNCHANGED, 0)
        guard putting == 0 else { throw BerkeleyDBFailure(code: putting, messages: messages) }
        return copy
    }
}

/// Whether two pages of one size have the same bytes.
@inline(__always)
private func areEqual(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
    guard let first = one.baseAddress, let second = other.baseAddress, one.count == other.count else { return false }
    // In bounds: both have as many bytes.
    return unsafe memcmp(first, second, one.count) == 0
}
