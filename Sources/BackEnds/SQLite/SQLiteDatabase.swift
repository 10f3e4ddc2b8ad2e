// A database that was looked at when it was opened, so that what it does not find is certainly not there: it is what it should
// be, whole as far as that can be seen, its query can be asked, and a key that must be found was found.

import Bytes
import Configuration
import Glibc
import MapDescriptions
import Maps
import System

/// An open database and its prepared question.
final class SQLiteDatabase {
    /// Marks the databases of newdb, makedb and `db`: "ZRte" in the place that SQLite keeps for it.
    static let applicationIdentifier = 0x5A52_7465
    /// The version of their tables.
    static let version = 1

    /// The file as it was when it was opened.
    let identity: FileIdentity
    private let connection: SQLiteConnection
    private let statement: SQLiteStatement
    private let question: SQLiteQuestion
    /// What parameters are given, in memory that serves for key after key.
    private var scratch: [UInt8] = []
    /// The present key, where values are written with parts of it.
    private var present: [UInt8] = []

    /// A database of others that is larger is looked at quickly, as its indexes may take long.
    private static let largestChecked: Int64 = 16 << 20

    /// Opens a database and makes sure of it.
    ///
    /// - Parameters:
    ///   - time: how long a lookup may take.
    ///   - end: when this has to end.
    ///   - check: called with what looks at the whole file, where the file is one to be looked at.
    init(
        _ question: SQLiteQuestion, time: LookupTime, end: UInt64,
        check: (FileIdentity, () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) -> Void
    ) throws(SQLiteFailure) {
        self.question = question
        let (identity, connection) = try Self.connect(question.path, .reading, time: time, end: end)
        (self.identity, self.connection) = (identity, connection)
        if question.isOurs { try Self.recognise(connection) }
        let encoding = try connection.text("PRAGMA encoding")
        guard encoding == "UTF-8" else {
            throw SQLiteFailure(
                "its texts are in \(encoding), in which not every key can be asked for; make it in UTF-8")
        }
        statement = try connection.prepare(question.query.sql())
        guard statement.columnCount == 1, statement.isReadOnly else {
            throw SQLiteFailure(
                "the query has \(counted(statement.columnCount, "column", "columns")); write one that reads one column, the value"
            )
        }
        // In a table of ours alone a thorough look costs no more than a quick one.
        let isThorough = question.isOurs || identity.size <= Self.largestChecked
        try check(identity) { () throws(SQLiteFailure) in try Self.checkWhole(connection, isThorough: isThorough) }
        // What was examined and what was opened must be one file; the next lookup tries again.
        guard let now = try? FileIdentity(path: question.path), now.isSameFile(as: identity) else {
            throw SQLiteFailure("was replaced while it was opened; try again", code: EAGAIN)
        }
        guard let canary = question.canary else { return }
        var value: [UInt8] = []
        guard try find(canary.span, into: &value, until: end) else {
            throw SQLiteFailure(
                "the canary '\(String(decoding: canary, as: UTF8.self))' is not found, so nothing is certainly absent: this is not"
                    + " the database that is meant, or it is not filled; correct dbname or query, or the canary")
        }
    }

    /// Opens a file that can be a database.
    static func connect(
        _ path: String, _ access: SQLiteConnection.Access, time: LookupTime, end: UInt64
    ) throws(SQLiteFailure) -> (FileIdentity, SQLiteConnection) {
        let identity: FileIdentity
        do throws(FileError) {
            identity = try FileIdentity(path: path)
        } catch {
            throw SQLiteFailure(error)
        }
        guard identity.isRegularFile else {
            throw SQLiteFailure(
                identity.isDirectory
                    ? "is a directory; correct the path of the map" : "not a regular file; correct the path of the map")
        }
        // The library takes it for a database without tables. It must not be read but by the library: to close the file would
        // end the locks that other connections of this process hold on it.
        guard identity.size > 0 || access != .reading else {
            throw SQLiteFailure("the file is empty; make the map anew, or correct its path", isDamage: true)
        }
        let library: SQLiteLibrary
        do throws(SharedLibraryError) {
            library = try SQLiteLibrary()
        } catch {
            throw SQLiteFailure(error)
        }
        let connection = try SQLiteConnection(path, access, library: library, time: time.description, end: end)
        return (identity, connection)
    }

    /// Makes sure that a database is one of ours.
    static func recognise(_ connection: SQLiteConnection) throws(SQLiteFailure) {
        guard try connection.text("PRAGMA application_id") == "\(applicationIdentifier)" else {
            throw SQLiteFailure(
                "a database of another program; name it in a description that says how it is asked (docs/sqlite.md), or compile"
                    + " the map")
        }
        let version = try connection.text("PRAGMA user_version")
        guard version == "\(Self.version)" else {
            throw SQLiteFailure(
                "of version \(version), and this program reads version \(Self.version); compile the map again")
        }
    }

    /// Looks at the structure of the whole file; thoroughly also at the order of keys, and whether indexes fit their tables.
    static func checkWhole(_ connection: SQLiteConnection, isThorough: Bool) throws(SQLiteFailure) {
        let answer = try connection.text("PRAGMA \(isThorough ? "integrity" : "quick")_check(1)")
        guard answer == "ok" else {
            throw SQLiteFailure(
                "damaged: \(answer); compile the map again, or put a whole copy in its place",
                code: SQLiteFailure.damageCode, isDamage: true)
        }
    }

    /// Looks a key up.
    ///
    /// - Parameters:
    ///   - value: replaced where the key is found.
    ///   - end: when that has to end.
    func find(_ key: Span<UInt8>, into value: inout [UInt8], until end: UInt64) throws(SQLiteFailure) -> Bool {
        connection.end = end
        // The lock ends with the lookup.
        defer { statement.reset() }
        if question.form.format != nil { present = Array(copying: key) }
        guard question.query.parameters != [.key] else {
            // The key is the caller's, who waits.
            return try unsafe key.withUnsafeBytes { bytes throws(SQLiteFailure) in
                unsafe try statement.bind(1, bytes)
                return try fetch(into: &value)
            }
        }
        scratch.removeAll(keepingCapacity: true)
        var ends: [Int] = []
        guard question.query.appendParameters(for: key, to: &scratch, ends: &ends) else { return false }
        let prepared = scratch
        return try unsafe prepared.span.withUnsafeBytes { texts throws(SQLiteFailure) in
            defer { statement.reset() }
            var start = 0
            for (index, end) in ends.enumerated() {
                // Nothing changes the texts before the statement is reset.
                unsafe try statement.bind(Int32(index + 1), UnsafeRawBufferPointer(rebasing: texts[start..<end]))
                start = end
            }
            return try fetch(into: &value)
        }
    }

    /// Takes the answer's rows.
    private func fetch(into value: inout [UInt8]) throws(SQLiteFailure) -> Bool {
        guard try statement.step() else { return false }
        value.removeAll(keepingCapacity: true)
        var count = 0
        repeat {
            count += 1
            try takeRow(count, into: &value)
        } while try statement.step()
        return true
    }

    private func takeRow(_ count: Int, into value: inout [UInt8]) throws(SQLiteFailure) {
        let (type, key) = (statement.type(of: 0), present)
        do throws(DescriptionFault) {
            try question.form.beginRow(count, in: &value)
            guard type != SQLiteCode.null else { throw AnswerForm.null }
            guard type != SQLiteCode.blob else {
                throw DescriptionFault("the value is a BLOB; store it as text, or CAST it in the query")
            }
            let start = value.count
            statement.appendText(of: 0, to: &value)
            try question.form.endRow(from: start, for: key.span, in: &value)
        } catch {
            throw SQLiteFailure(error.text)
        }
    }
}
