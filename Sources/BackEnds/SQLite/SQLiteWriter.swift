// How newdb and makedb write databases: a file of its own, which nobody reads before it is whole.

import Bytes
import Glibc
package import Maps
import System

/// The format of our databases.
package struct SQLiteFormat: MapFormat {
    /// The format.
    package init() {}

    package var fileExtension: String { ".sqlite" }

    package func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        try SQLiteWriter(path, isNew: true)
    }

    package func begin(
        addingTo path: String, copyOf original: String, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter {
        try SQLiteWriter(path, isNew: false)
    }

    package var refusesEntries: Bool { true }

    package func refusal(ofKey key: Span<UInt8>, value: Span<UInt8>) -> String? {
        guard !Self.isText(key) || !Self.isText(value) else { return nil }
        return
            "the key '\(String(decoding: [UInt8](copying: key), as: UTF8.self))' or its value is not UTF-8, or has a NUL, and a sqlite"
            + " map holds texts alone; write it in UTF-8, or make the map of another type"
    }

    private static func isText(_ bytes: Span<UInt8>) -> Bool {
        WellFormedUTF8.isValid(bytes) && bytes.firstIndex(of: 0, from: 0) == nil
    }

    /// A log or journal beside the old file belongs to it, and would be taken for the new one's.
    package func refusal(toReplace target: String) -> String? {
        for end in ["-wal", "-journal"] {
            let size = (try? FileIdentity(path: target + end))?.size ?? 0
            guard size == 0 else {
                return
                    "a program changes the database in place: there is \(target)\(end), which belongs to the old file and would"
                    + " damage the new one; end that program, or make the line live (-r) and use `zroute db load`"
            }
        }
        return nil
    }

    package func entryCount(of path: String) -> Int? {
        do throws(SQLiteFailure) {
            let time = LookupTime(deadline: nil)
            let end = monotonicNanoseconds() &+ 5_000_000_000
            let (_, connection) = try SQLiteDatabase.connect(path, .reading, time: time, end: end)
            try SQLiteDatabase.recognise(connection)
            return Int(try connection.text("SELECT count(*) FROM entries"))
        } catch {
            return nil
        }
    }
}

/// A database being written.
final class SQLiteWriter: MapFileWriter {
    private let connection: SQLiteConnection
    private let insertion: SQLiteStatement

    /// The table.
    ///
    /// Without row numbers it is one tree in the order of its keys, in which a damaged key is noticed. Keys that are no texts
    /// would never be found, and those with a NUL be taken for shorter ones.
    private static let schema = """
        CREATE TABLE entries (
            key TEXT NOT NULL PRIMARY KEY CHECK (typeof(key) = 'text' AND instr(key, char(0)) = 0),
            value TEXT NOT NULL CHECK (typeof(value) = 'text' AND instr(value, char(0)) = 0)
        ) WITHOUT ROWID
        """

    /// What makes an empty database one of ours.
    static let making = [
        "PRAGMA application_id = \(SQLiteDatabase.applicationIdentifier)",
        "PRAGMA user_version = \(SQLiteDatabase.version)", schema,
    ]

    /// Begins to fill a file.
    ///
    /// - Parameters:
    ///   - path: a file that the caller made for this purpose, empty where it is new.
    ///   - isNew: whether it is; otherwise it is checked first.
    init(_ path: String, isNew: Bool) throws(MapFileError) {
        do throws(SQLiteFailure) {
            // Nobody else knows of the file, so nothing is waited for.
            let time = LookupTime(deadline: nil)
            (_, connection) = try SQLiteDatabase.connect(path, isNew ? .making : .writing, time: time, end: .max)
            // A file that is abandoned is thrown away, and one that is finished is synced by whoever wanted it.
            try connection.run("PRAGMA journal_mode = memory")
            try connection.run("PRAGMA synchronous = off")
            try connection.run("PRAGMA locking_mode = exclusive")
            try connection.run("PRAGMA cache_size = -16384")
            if isNew {
                try connection.run("PRAGMA encoding = 'UTF-8'")
                try connection.run("BEGIN")
                for statement in Self.making { try connection.run(statement) }
            } else {
                try SQLiteDatabase.recognise(connection)
                let answer = try connection.text("PRAGMA integrity_check(1)")
                guard answer == "ok" else { throw SQLiteFailure("damaged: \(answer); compile the map anew") }
                try connection.run("BEGIN")
            }
            insertion = try connection.prepare(
                "INSERT INTO entries (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING")
        } catch {
            throw MapFileError(error.text)
        }
    }

    func put(key: Span<UInt8>, value: Span<UInt8>) throws(MapFileError) -> Bool {
        if let refusal = SQLiteFormat().refusal(ofKey: key, value: value) { throw MapFileError(refusal) }
        do throws(SQLiteFailure) {
            return try unsafe key.withUnsafeBytes { keyBytes throws(SQLiteFailure) in
                try unsafe value.withUnsafeBytes { valueBytes throws(SQLiteFailure) in
                    // Both stay as they are until the statement is reset.
                    unsafe try insertion.bind(1, keyBytes)
                    unsafe try insertion.bind(2, valueBytes)
                    defer { insertion.reset() }
                    _ = try insertion.step()
                    return connection.changes > 0
                }
            }
        } catch {
            throw MapFileError(error.text)
        }
    }

    func finish() throws(MapFileError) {
        do throws(SQLiteFailure) {
            try connection.run("COMMIT")
        } catch {
            throw MapFileError(error.text)
        }
    }
}
