// One connection to a database, for one thread, and its statements. Whatever waits, waits no longer than the present lookup has:
// for locks (the busy handler) as well as for long searches (the progress handler).

import Glibc
import Maps
import System

/// A connection.
@safe
final class SQLiteConnection {
    /// What is done with a database.
    enum Access {
        /// It is read.
        case reading
        /// It is changed; it must be there.
        case writing
        /// It is made where it is not there.
        case making
    }

    /// Until when the present call may wait; both handlers read it.
    private final class Limit {
        var end = UInt64.max
    }

    fileprivate let library: SQLiteLibrary
    private let handle: OpaquePointer
    private let limit = Limit()
    private let time: String

    /// After so many instructions of the library's machine the clock is looked at: some tens of microseconds.
    private static let instructions: Int32 = 4000

    /// Opens a database.
    ///
    /// - Parameters:
    ///   - path: from the root.
    ///   - time: how long a lookup may take, as messages show it.
    ///   - end: when this call has to end, and each after it, until ``end`` is set.
    init(
        _ path: String, _ access: Access, library: SQLiteLibrary, time: String, end: UInt64
    ) throws(SQLiteFailure) {
        self.library = library
        self.time = time
        limit.end = end
        let mode =
            switch access {
            case .reading: SQLiteCode.openReadOnly
            case .writing: SQLiteCode.openReadWrite
            case .making: SQLiteCode.openReadWrite | SQLiteCode.openCreate
            }
        var opened: OpaquePointer?
        let code = unsafe library.open(path, &opened, mode | SQLiteCode.openNoMutex, nil)
        guard let connection = unsafe opened else {
            throw SQLiteFailure(code: code, message: "out of memory", time: time)
        }
        unsafe handle = connection
        _ = unsafe library.extendResultCodes(handle, 1)
        // It lives as long as the connection, which owns it.
        let pointer = unsafe Unmanaged.passUnretained(limit).toOpaque()
        _ = unsafe library.setBusyHandler(handle, Self.waitForLock, pointer)
        unsafe library.setProgressHandler(handle, Self.instructions, Self.isOver, pointer)
        for (option, value) in [
            (SQLiteCode.loadExtensions, false), (SQLiteCode.isDefensive, true), (SQLiteCode.quotesInStatements, false),
            (SQLiteCode.quotesInSchemas, false), (SQLiteCode.trustsSchema, false),
        ] {
            unsafe library.set(option, value, of: handle)
        }
        guard code == SQLiteCode.ok else { throw failure(code) }
    }

    deinit { _ = unsafe library.close(handle) }

    /// When calls have to end, on the clock of `monotonicNanoseconds`.
    var end: UInt64 {
        get { limit.end }
        set { limit.end = newValue }
    }

    /// How many rows the last statement changed.
    var changes: Int { Int(unsafe library.changes(handle)) }

    /// Prepares a statement.
    func prepare(_ sql: String) throws(SQLiteFailure) -> SQLiteStatement {
        var statement: OpaquePointer?
        let code = unsafe library.prepare(handle, sql, -1, SQLiteCode.preparePersistent, &statement, nil)
        guard code == SQLiteCode.ok else { throw failure(code) }
        guard let prepared = unsafe statement else { throw SQLiteFailure("the query is empty; write one") }
        return unsafe SQLiteStatement(prepared, of: self)
    }

    /// Runs a statement to its end.
    func run(_ sql: String) throws(SQLiteFailure) {
        let statement = try prepare(sql)
        while try statement.step() {}
    }

    /// The first column of the first row, as text; empty where there is none.
    func text(_ sql: String) throws(SQLiteFailure) -> String {
        let statement = try prepare(sql)
        var value: [UInt8] = []
        if try statement.step() { statement.appendText(of: 0, to: &value) }
        return String(decoding: value, as: UTF8.self)
    }

    /// What the library says of its last failure.
    fileprivate func failure(_ code: Int32) -> SQLiteFailure {
        let message = unsafe library.errorMessage(handle).map { unsafe String(cString: $0) } ?? "no message"
        return SQLiteFailure(code: code, message: message, time: time)
    }

    /// Waits a moment for whoever holds a lock; answers whether to try again.
    private static let waitForLock: SQLiteLibrary.CountingHandler = { pointer, count in
        guard unsafe isInTime(pointer) else { return 0 }
        usleep(count < 5 ? 200 : count < 20 ? 1000 : 5000)
        return 1
    }

    /// Answers whether the present statement has to end.
    private static let isOver: SQLiteLibrary.Handler = { pointer in unsafe isInTime(pointer) ? 0 : 1 }

    private static func isInTime(_ pointer: UnsafeMutableRawPointer?) -> Bool {
        // The connection's own, which is in a call of its.
        guard let pointer = unsafe pointer else { return true }
        let limit = unsafe Unmanaged<Limit>.fromOpaque(pointer).takeUnretainedValue()
        return monotonicNanoseconds() < limit.end
    }
}

/// A prepared statement; its connection lives as long as it.
@safe
final class SQLiteStatement {
    private let handle: OpaquePointer
    private let connection: SQLiteConnection

    fileprivate init(_ handle: OpaquePointer, of connection: SQLiteConnection) {
        unsafe self.handle = handle
        self.connection = connection
    }

    deinit { _ = unsafe connection.library.finalize(handle) }

    /// Whether it changes nothing.
    var isReadOnly: Bool { unsafe connection.library.isReadOnly(handle) != 0 }

    /// How many columns a row has.
    var columnCount: Int { Int(unsafe connection.library.columnCount(handle)) }

    /// Gives a parameter a text; the bytes must stay as they are until `reset`.
    ///
    /// Always a text: bytes that are bound as such equal no text, and every key would be absent.
    ///
    /// - Parameter index: counted from 1.
    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) throws(SQLiteFailure) {
        guard let count = Int32(exactly: bytes.count) else {
            throw SQLiteFailure("the key is too long to be asked for")
        }
        // No bytes have no address, and no address would be NULL, which equals nothing.
        let code = unsafe withUnsafeBytes(of: UInt8(0)) { empty in
            unsafe bytes.isEmpty
                ? connection.library.bindText(handle, index, empty.baseAddress, 0, Self.transient)
                : connection.library.bindText(handle, index, bytes.baseAddress, count, nil)
        }
        guard code == SQLiteCode.ok else { throw connection.failure(code) }
    }

    /// SQLITE_TRANSIENT: the library makes a copy.
    private static var transient: UnsafeMutableRawPointer? { unsafe UnsafeMutableRawPointer(bitPattern: -1) }

    /// Goes to the next row.
    ///
    /// - Returns: false if there is none.
    func step() throws(SQLiteFailure) -> Bool {
        switch unsafe connection.library.step(handle) {
        case SQLiteCode.row: true
        case SQLiteCode.done: false
        case let code: throw connection.failure(code)
        }
    }

    /// Ends the present run; until then it holds a lock.
    func reset() { _ = unsafe connection.library.reset(handle) }

    /// What kind of value a column of the present row has.
    func type(of column: Int32) -> Int32 { unsafe connection.library.columnType(handle, column) }

    /// Appends a column of the present row as text.
    func appendText(of column: Int32, to value: inout [UInt8]) {
        // First the text, then its length: that is the order in which the library makes both hold (sqlite3_column_blob).
        guard let text = unsafe connection.library.columnText(handle, column) else { return }
        let count = Int(unsafe connection.library.columnBytes(handle, column))
        // The text stays as it is until the next step.
        unsafe value.append(contentsOf: UnsafeBufferPointer(start: text, count: count))
    }
}
