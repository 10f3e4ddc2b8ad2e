// A database of ours as `zroute db` works with it: every change is seen by all readers at once or not at all, and is on the disk
// when it was reported.

import Bytes
import Configuration
import Glibc
package import Maps
import System

/// A database that commands may look into, and change where it is live.
package struct SQLiteLivePlace: LiveMapPlace {
    private let name: TableName
    package let refusal: String?

    /// Finds out whether a database may be changed.
    ///
    /// - Throws: for options that mean other types.
    package init(_ request: LiveMapRequest) throws(LiveMapRefusal) {
        name = request.name
        guard request.home == nil else {
            throw .usage("\(request.name.file): a map of type sqlite lives in no environment; leave out --env")
        }
        let isCompiled = request.definition.map { !$0.compile.isLive } ?? false
        refusal =
            isCompiled && !request.isAlone
            ? "is compiled, and the next newdb would undo the change: change its source and run newdb, or make its line live (-r)"
            : nil
    }

    package var hangRemedy: String {
        "a program that was stopped probably holds the database locked, or the disk does not answer; end that program"
    }

    package var findsKeysWithoutNUL: Bool { true }

    package func refusal(ofKey key: [UInt8], value: [UInt8]) -> String? {
        let (key, value) = (key.withoutNUL, value.withoutNUL)
        return SQLiteFormat().refusal(ofKey: key.span, value: value.span)
    }

    package func isDamage(_ error: MapError) -> Bool { error.code == SQLiteFailure.damageCode }

    package func open(
        _ access: LiveMapAccess, observer: (any CallObserver)?
    ) throws(MapError) -> any LiveMap {
        do throws(SQLiteFailure) {
            return try SQLiteLiveMap(name, access, observer: observer)
        } catch {
            throw MapError(table: name, code: error.code, text: error.text)
        }
    }
}

extension [UInt8] {
    /// The bytes without the NUL that ends them elsewhere.
    fileprivate var withoutNUL: [UInt8] { last == 0 ? Array(dropLast()) : self }
}

/// An open database, for one thread of one command.
///
/// Keys and values are handed in and out with a NUL, and stored without.
final class SQLiteLiveMap: LiveMap {
    let name: TableName
    let dumpType = "btree"

    private let observer: (any CallObserver)?
    private var connection: SQLiteConnection?
    /// Whether a transaction is open: what is put together is synced together.
    private var isChanging = false

    /// How long a lock is waited for: less than a command may take for one step.
    private static let deadline = Duration.seconds(4)
    /// So many entries are read at a time.
    private static let batchSize = 1000

    init(_ name: TableName, _ access: LiveMapAccess, observer: (any CallObserver)?) throws(SQLiteFailure) {
        self.name = name
        self.observer = observer
        observer?.callBegins()
        defer { observer?.callEnded() }
        connection = try Self.open(name.file, access)
    }

    private static func end() -> UInt64 { monotonicNanoseconds() &+ 3_000_000_000 }

    private static func open(_ path: String, _ access: LiveMapAccess) throws(SQLiteFailure) -> SQLiteConnection {
        let time = LookupTime(deadline: deadline)
        switch access {
        case .read, .check:
            let (_, connection) = try SQLiteDatabase.connect(path, .reading, time: time, end: end())
            try SQLiteDatabase.recognise(connection)
            return connection
        case .write:
            let (_, connection) = try SQLiteDatabase.connect(path, .writing, time: time, end: end())
            try prepare(connection)
            return connection
        case .create(let mode):
            do throws(FileError) {
                try createFile(path, mode: mode)
            } catch  where error.code != EEXIST {
                throw SQLiteFailure(error)
            } catch {}
            let (_, connection) = try SQLiteDatabase.connect(path, .making, time: time, end: end())
            try connection.run("PRAGMA encoding = 'UTF-8'")
            try connection.run("BEGIN EXCLUSIVE")
            // Whoever makes it at the same time has done so, or waits.
            if try connection.text("SELECT count(*) FROM sqlite_master") == "0",
                try connection.text("PRAGMA application_id") == "0"
            {
                for statement in SQLiteWriter.making { try connection.run(statement) }
            }
            try connection.run("COMMIT")
            try prepare(connection)
            return connection
        }
    }

    /// Makes sure that it is a database of ours, whose readers never wait for writers.
    private static func prepare(_ connection: SQLiteConnection) throws(SQLiteFailure) {
        try SQLiteDatabase.recognise(connection)
        guard try connection.text("PRAGMA journal_mode = wal") == "wal" else {
            throw SQLiteFailure(
                "the database cannot be put into WAL mode, in which readers never wait; see that it is on a local disk")
        }
        try connection.run("PRAGMA synchronous = full")
    }

    func get(_ key: [UInt8]) throws(MapError) -> [UInt8]? {
        try perform(key) { connection throws(SQLiteFailure) in
            let statement = try connection.prepare("SELECT value FROM entries WHERE key = ?1")
            return try Self.withTexts([key.withoutNUL], of: statement) { () throws(SQLiteFailure) -> [UInt8]? in
                guard try statement.step() else { return nil }
                var value: [UInt8] = []
                statement.appendText(of: 0, to: &value)
                return value + [0]
            }
        }
    }

    func put(_ key: [UInt8], _ value: [UInt8]) throws(MapError) {
        let (text, content) = (key.withoutNUL, value.withoutNUL)
        if let refusal = SQLiteFormat().refusal(ofKey: text.span, value: content.span) {
            throw MapError(table: name, key: key, code: EINVAL, text: refusal)
        }
        try perform(key) { connection throws(SQLiteFailure) in
            try self.begin(connection)
            let statement = try connection.prepare(
                "INSERT INTO entries (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            )
            try Self.withTexts([text, content], of: statement) { () throws(SQLiteFailure) in _ = try statement.step() }
        }
    }

    func delete(_ key: [UInt8]) throws(MapError) -> Bool {
        try perform(key) { connection throws(SQLiteFailure) in
            try self.begin(connection)
            let statement = try connection.prepare("DELETE FROM entries WHERE key = ?1")
            try Self.withTexts([key.withoutNUL], of: statement) { () throws(SQLiteFailure) in _ = try statement.step() }
            return connection.changes > 0
        }
    }

    func sync() throws(MapError) {
        guard isChanging else { return }
        try perform(nil, isEnding: true) { connection throws(SQLiteFailure) in try connection.run("COMMIT") }
        isChanging = false
    }

    func close() throws(MapError) {
        observer?.callBegins()
        defer { observer?.callEnded() }
        // What was not synced is rolled back.
        connection = nil
    }

    func verify() throws(MapError) {
        let path = name.file
        let result = runUnlessStopped(observer) { () -> Result<Void, SQLiteFailure> in
            Result { () throws(SQLiteFailure) in
                // Readers and writers go on meanwhile: in WAL mode it sees the database as it was at its beginning.
                let (_, connection) = try SQLiteDatabase.connect(
                    path, .reading, time: LookupTime(deadline: nil), end: .max)
                try SQLiteDatabase.recognise(connection)
                try SQLiteDatabase.checkWhole(connection, isThorough: true)
            }
        }
        guard let result else { throw .stopped(name) }
        do {
            try result.get()
        } catch {
            throw MapError(table: name, code: error.code, text: error.text)
        }
    }

    func holdingWriters(_ body: () -> Void) throws(MapError) {
        try sync()
        let path = name.file
        let holder = try perform(nil) { _ throws(SQLiteFailure) in
            // Readers go on beside a transaction that has changed nothing yet; it ends with its connection.
            let (_, connection) = try SQLiteDatabase.connect(
                path, .writing, time: LookupTime(deadline: Self.deadline), end: Self.end())
            try connection.run("BEGIN IMMEDIATE")
            return connection
        }
        withExtendedLifetime(holder, body)
    }

    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws(MapError) -> Void) throws(MapError) {
        var last: [UInt8]?
        while true {
            let batch = try readBatch(after: last)
            for entry in batch { try body(entry.key + [0], entry.value + [0]) }
            guard batch.count == Self.batchSize, let end = batch.last else { return }
            last = end.key
        }
    }

    private typealias Entry = (key: [UInt8], value: [UInt8])

    private func readBatch(after last: [UInt8]?) throws(MapError) -> [Entry] {
        try perform(last) { connection throws(SQLiteFailure) in
            let statement = try connection.prepare(
                "SELECT key, value FROM entries" + (last == nil ? "" : " WHERE key > ?1")
                    + " ORDER BY key LIMIT \(Self.batchSize)")
            return try Self.withTexts(last.map { [$0] } ?? [], of: statement) { () throws(SQLiteFailure) -> [Entry] in
                var batch: [Entry] = []
                while try statement.step() {
                    var entry: Entry = ([], [])
                    statement.appendText(of: 0, to: &entry.key)
                    statement.appendText(of: 1, to: &entry.value)
                    batch.append(entry)
                }
                return batch
            }
        }
    }

    func watching<Answer>(_ body: () throws(MapError) -> Answer) throws(MapError) -> Answer {
        observer?.callBegins()
        defer { observer?.callEnded() }
        return try body()
    }

    /// Pages are at least half full, and stand in the log as well before they are in the file.
    func room(key: Int, value: Int) -> Int { (key + value + 16) * 4 + (key + value > 900 ? 4 * 4096 : 0) }

    private func begin(_ connection: SQLiteConnection) throws(SQLiteFailure) {
        guard !isChanging else { return }
        try connection.run("BEGIN IMMEDIATE")
        isChanging = true
    }

    /// Every step that may wait passes here.
    ///
    /// - Parameter isEnding: whether it is done also where the work is to end.
    private func perform<Answer>(
        _ key: [UInt8]?, isEnding: Bool = false, _ body: (SQLiteConnection) throws(SQLiteFailure) -> Answer
    ) throws(MapError) -> Answer {
        if !isEnding, observer.isStopRequested { throw .stopped(name) }
        guard let connection else { throw MapError(table: name, key: key, code: EBADF, text: "the file was closed") }
        observer?.callBegins()
        defer { observer?.callEnded() }
        connection.end = Self.end()
        do throws(SQLiteFailure) {
            return try body(connection)
        } catch {
            throw MapError(table: name, key: key?.withoutNUL, code: error.code, text: error.text)
        }
    }

    /// Gives a statement its texts, which stay as they are while it runs.
    private static func withTexts<Answer>(
        _ texts: [[UInt8]], of statement: SQLiteStatement, _ body: () throws(SQLiteFailure) -> Answer
    ) throws(SQLiteFailure) -> Answer {
        let bytes = texts.flatMap(\.self)
        return try unsafe bytes.span.withUnsafeBytes { bytes throws(SQLiteFailure) in
            defer { statement.reset() }
            var start = 0
            for (index, text) in texts.enumerated() {
                unsafe try statement.bind(
                    Int32(index + 1), UnsafeRawBufferPointer(rebasing: bytes[start..<(start + text.count)]))
                start += text.count
            }
            return try body()
        }
    }
}
