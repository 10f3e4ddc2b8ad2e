// One result of the server, such as the rows of a query or its failure.

import Bytes
import MapDescriptions

/// A result, and the memory that the library keeps it in.
///
/// `@unchecked`: a result is not changed after the library has handed it over, belongs to no connection any more, and whoever holds
/// it last frees it.
@safe
final class PostgreSQLAnswer: @unchecked Sendable {
    private let library: PostgreSQLLibrary
    private let handle: OpaquePointer

    /// Takes over what `PQgetResult` gave.
    init(_ handle: OpaquePointer, of library: PostgreSQLLibrary) {
        unsafe self.handle = handle
        self.library = library
    }

    deinit { unsafe library.clear(handle) }

    /// What kind of result it is (ExecStatusType).
    var status: Int32 { unsafe library.resultStatus(handle) }
    /// How many rows it has.
    var rowCount: Int32 { unsafe library.rowCount(handle) }
    /// How many columns it has.
    var columnCount: Int32 { unsafe library.columnCount(handle) }

    /// The types of a statement's parameters.
    var parameterTypes: [UInt32] {
        (0..<(unsafe library.parameterCount(handle))).map { unsafe library.parameterType(handle, $0) }
    }

    /// Why the server failed; nil where it did not.
    var failure: PostgreSQLFailure? {
        guard status == PostgreSQLCode.fatalError || status == PostgreSQLCode.pipelineAborted else { return nil }
        return PostgreSQLFailure(
            sqlstate: field(PostgreSQLCode.sqlstate),
            message: PostgreSQLFailure.oneLine(field(PostgreSQLCode.message)))
    }

    private func field(_ code: Int32) -> String {
        unsafe library.resultErrorField(handle, code).map { unsafe String(cString: $0) } ?? ""
    }

    /// Whether a value is NULL.
    func isNull(_ row: Int32, _ column: Int32) -> Bool { unsafe library.isNull(handle, row, column) != 0 }

    /// A value's first byte; nil where it has none.
    func firstByte(_ row: Int32, _ column: Int32) -> UInt8? {
        // Behind a text the library puts a NUL.
        guard let text = unsafe library.value(handle, row, column), let first = unsafe Optional(text.pointee),
            first != 0
        else { return nil }
        return first
    }

    /// Appends a value.
    func append(_ row: Int32, _ column: Int32, to value: inout [UInt8]) {
        guard let text = unsafe library.value(handle, row, column) else { return }
        // The library says how long its text is.
        let bytes = unsafe UnsafeBufferPointer(start: text, count: Int(library.length(handle, row, column)))
        unsafe value.append(contentsOf: bytes)
    }

    /// A value as text.
    func text(_ row: Int32, _ column: Int32) -> String {
        var value: [UInt8] = []
        append(row, column, to: &value)
        return String(decoding: value, as: UTF8.self)
    }
}

extension [PostgreSQLAnswer] {
    /// Why the first of them that failed did.
    var failure: PostgreSQLFailure? { lazy.compactMap(\.failure).first }
}
