// The functions of libsqlite3 that are used here. Their types are those of sqlite3.h, whose interface does not change
// (https://www.sqlite.org/c3ref/intro.html).

import CSQLite
import System

/// The library, loaded when the first map that needs it is opened.
@safe
struct SQLiteLibrary {
    typealias Text = UnsafePointer<CChar>
    typealias Handler = @convention(c) (UnsafeMutableRawPointer?) -> Int32
    typealias CountingHandler = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Int32

    let open: @convention(c) (Text?, UnsafeMutablePointer<OpaquePointer?>?, Int32, Text?) -> Int32
    let close: @convention(c) (OpaquePointer?) -> Int32
    let extendResultCodes: @convention(c) (OpaquePointer?, Int32) -> Int32
    let errorMessage: @convention(c) (OpaquePointer?) -> Text?
    let prepare:
        @convention(c) (
            OpaquePointer?, Text?, Int32, UInt32, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<Text?>?
        )
            -> Int32
    let finalize: @convention(c) (OpaquePointer?) -> Int32
    let isReadOnly: @convention(c) (OpaquePointer?) -> Int32
    let step: @convention(c) (OpaquePointer?) -> Int32
    let reset: @convention(c) (OpaquePointer?) -> Int32
    let bindText: @convention(c) (OpaquePointer?, Int32, UnsafeRawPointer?, Int32, UnsafeMutableRawPointer?) -> Int32
    let columnCount: @convention(c) (OpaquePointer?) -> Int32
    let columnType: @convention(c) (OpaquePointer?, Int32) -> Int32
    let columnText: @convention(c) (OpaquePointer?, Int32) -> UnsafePointer<UInt8>?
    let columnBytes: @convention(c) (OpaquePointer?, Int32) -> Int32
    let changes: @convention(c) (OpaquePointer?) -> Int32
    let setBusyHandler: @convention(c) (OpaquePointer?, CountingHandler?, UnsafeMutableRawPointer?) -> Int32
    let setProgressHandler: @convention(c) (OpaquePointer?, Int32, Handler?, UnsafeMutableRawPointer?) -> Void
    private let configuration: UnsafeMutableRawPointer

    /// Loads the library.
    init() throws(SharedLibraryError) {
        let library = try SharedLibrary("libsqlite3.so.0", package: "libsqlite3-0")
        func function<Function>(_ name: String, as type: Function.Type = Function.self) throws(SharedLibraryError)
            -> Function
        {
            // The types are those of sqlite3.h.
            unsafe try library.function("sqlite3_" + name, as: type)
        }
        unsafe open = try function("open_v2")
        unsafe close = try function("close_v2")
        unsafe extendResultCodes = try function("extended_result_codes")
        unsafe errorMessage = try function("errmsg")
        unsafe prepare = try function("prepare_v3")
        unsafe finalize = try function("finalize")
        unsafe isReadOnly = try function("stmt_readonly")
        unsafe step = try function("step")
        unsafe reset = try function("reset")
        unsafe bindText = try function("bind_text")
        unsafe columnCount = try function("column_count")
        unsafe columnType = try function("column_type")
        unsafe columnText = try function("column_text")
        unsafe columnBytes = try function("column_bytes")
        unsafe changes = try function("changes")
        unsafe setBusyHandler = try function("busy_handler")
        unsafe setProgressHandler = try function("progress_handler")
        unsafe configuration = try library.address(of: "sqlite3_db_config")
    }

    /// Sets an option of a connection; one that the library does not know is not set.
    func set(_ option: Int32, _ value: Bool, of connection: OpaquePointer) {
        _ = unsafe zroute_sqlite3_db_config(
            configuration, UnsafeMutableRawPointer(connection), option, value ? 1 : 0)
    }
}

/// The numbers of sqlite3.h.
enum SQLiteCode {
    static let ok: Int32 = 0, error: Int32 = 1, busy: Int32 = 5, locked: Int32 = 6, noMemory: Int32 = 7
    static let readOnly: Int32 = 8, interrupted: Int32 = 9, inputOutput: Int32 = 10, corrupt: Int32 = 11
    static let full: Int32 = 13, cannotOpen: Int32 = 14, schemaChanged: Int32 = 17, constraint: Int32 = 19
    static let notADatabase: Int32 = 26
    static let row: Int32 = 100, done: Int32 = 101
    static let readOnlyRollback: Int32 = 776, readOnlyDirectory: Int32 = 1544, isDirectory: Int32 = 270
    /// What of an extended code is the code itself.
    static let primary: Int32 = 0xFF

    static let openReadOnly: Int32 = 1, openReadWrite: Int32 = 2, openCreate: Int32 = 4, openNoMutex: Int32 = 0x8000
    static let preparePersistent: UInt32 = 1

    /// Options of a connection: no library is loaded from SQL, no file is changed but by statements, nothing that a schema says is
    /// run with rights of ours, and a word in double quotes is a name and never a text.
    static let loadExtensions: Int32 = 1005, isDefensive: Int32 = 1010, quotesInStatements: Int32 = 1013
    static let quotesInSchemas: Int32 = 1014, trustsSchema: Int32 = 1017

    static let integer: Int32 = 1, float: Int32 = 2, text: Int32 = 3, blob: Int32 = 4, null: Int32 = 5
}
