// SQLite as a back end: the type `sqlite`, databases of newdb and makedb, and those of others by a description.

import Bytes
package import Configuration
package import Maps
import System

extension MapType {
    /// A database of ours, `BASE.sqlite`.
    package static let sqlite = MapType(
        "sqlite", .compiled(fileExtension: ".sqlite"), isChangedInPlace: true)
    /// A database of others, by a file that describes it.
    package static let describedSQLite = MapType("sqlite", .described(suffixes: [".cf", ".conf"]))
}

/// SQLite databases, which other programs may change while they are read.
package struct SQLiteBackEnd: MapBackEnd {
    package let types: [MapType] = [.sqlite, .describedSQLite]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory {
        Factory(contents: worker.contents, watch: worker.watch)
    }

    package func format(of type: MapType) -> (any MapFormat)? { type == .sqlite ? SQLiteFormat() : nil }

    package func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)? {
        guard request.type == .sqlite else { return nil }
        return try SQLiteLivePlace(request)
    }

    package func findings(about definition: MapDefinition) -> [Finding] {
        guard definition.type == .describedSQLite, let path = definition.path else { return [] }
        return SQLiteDescription(reading: path).findings
    }

    /// Asks the database as a lookup would; what is wrong with the description is a finding of its own.
    package func conditionFindings(of definition: MapDefinition) -> [Finding] {
        guard definition.type == .describedSQLite, let question = try? Self.question(of: definition) else { return [] }
        let table = Factory(contents: SharedContents(), watch: nil).makeTable(for: definition)
        // Whether another key is there is of no matter: without it the database has to be seen to be the right one.
        let key = question.canary ?? Array("postmaster".utf8)
        var value: [UInt8] = []
        do throws(MapError) {
            _ = try table.lookUp(key.span, into: &value)
            return []
        } catch {
            return [.unanswered(definition, "the database does not answer: \(error.text)")]
        }
    }

    package func listsEntries(of definition: MapDefinition) -> Bool {
        guard definition.type == .describedSQLite else { return true }
        // One that cannot be read fails when it is listed, and says why.
        return (try? Self.question(of: definition))?.entries != nil
    }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        let question: SQLiteQuestion
        do throws(ConfigurationError) {
            question = try Self.question(of: definition)
        } catch {
            throw MapError(table: definition.tableName, text: error.description)
        }
        do throws(SQLiteFailure) {
            try SQLiteEntries(question).read(to: reader)
        } catch {
            throw MapError(table: definition.tableName, code: error.code, text: error.text)
        }
    }

    /// What a line asks.
    static func question(of definition: MapDefinition) throws(ConfigurationError) -> SQLiteQuestion {
        let path = definition.tablePath ?? "-"
        return definition.type == .describedSQLite ? try SQLiteQuestion(describedIn: path) : SQLiteQuestion(ours: path)
    }

    private struct Factory: TableFactory {
        let contents: SharedContents
        let watch: CallWatch?

        func makeTable(for definition: MapDefinition) -> any Table {
            let name = definition.tableName
            let isConstant = definition.type == .sqlite && !definition.compile.isLive
            let (contents, deadline) = (contents, watch?.health.deadline)
            // A description is read at the first lookup: as long as it cannot be, every lookup fails.
            let table = LazyTable(name: name) {
                Result { () throws(ConfigurationError) in
                    SQLiteTable(
                        name, try SQLiteBackEnd.question(of: definition), isConstant: isConstant, contents: contents,
                        deadline: deadline)
                }
            }
            guard let watch else { return table }
            return WatchedTable(wrapping: table, resource: WatchedResource(.file(name.file), watch: watch))
        }
    }
}

/// Lists the entries of a database.
struct SQLiteEntries {
    private let question: SQLiteQuestion

    /// So many entries are read at a time: a reader that goes on for long would keep writers from tidying up.
    private static let batch = 1000
    /// How long one statement may take.
    private static let deadline = Duration.seconds(600)

    init(_ question: SQLiteQuestion) { self.question = question }

    /// Hands on every entry.
    func read(to reader: EntryConsumer) throws(SQLiteFailure) {
        let time = LookupTime(deadline: Self.deadline)
        func end() throws(SQLiteFailure) -> UInt64 {
            do throws(ResourceFailure) { return try time.begin() } catch { throw SQLiteFailure(error.text) }
        }
        guard let entries = question.entries else {
            throw SQLiteFailure(
                "its entries cannot be listed; add a query to the description: entries = SELECT key, value ...")
        }
        let (identity, connection) = try SQLiteDatabase.connect(
            question.path, .reading, time: time, end: try end())
        guard question.isOurs else {
            let statement = try connection.prepare(entries)
            guard statement.columnCount == 2, statement.isReadOnly else {
                throw SQLiteFailure("`entries` of the description has to read two columns, the key and the value")
            }
            while try take(statement, to: reader) != nil {}
            return
        }
        try SQLiteDatabase.recognise(connection)
        // In a damaged file keys may be out of order, and some would be passed over.
        if identity.size <= SQLiteTable.largestChecked {
            try SQLiteDatabase.checkWhole(connection, isThorough: true)
            reader.exchange.noteStep()
        }
        var last: [UInt8]?
        repeat {
            connection.end = try end()
            let statement = try connection.prepare(
                entries + (last == nil ? "" : " WHERE key > ?1") + " ORDER BY key LIMIT \(Self.batch)")
            let before = last
            last = nil
            var isEnded = false
            if let before {
                try unsafe before.span.withUnsafeBytes { bytes throws(SQLiteFailure) in
                    unsafe try statement.bind(1, bytes)
                    (last, isEnded) = try take(statement, to: reader, atMost: Self.batch)
                    statement.reset()
                }
            } else {
                (last, isEnded) = try take(statement, to: reader, atMost: Self.batch)
            }
            if isEnded { return }
        } while last != nil
    }

    /// Hands on a batch.
    ///
    /// - Returns: its last key where it is full, and whether nobody wants more.
    private func take(
        _ statement: SQLiteStatement, to reader: EntryConsumer, atMost limit: Int
    ) throws(SQLiteFailure) -> (last: [UInt8]?, isEnded: Bool) {
        var count = 0
        var last: [UInt8]?
        while let key = try take(statement, to: reader) {
            if reader.exchange.isStopped { return (nil, true) }
            count += 1
            last = key
        }
        return (count == limit ? last : nil, false)
    }

    /// Hands on the next row; answers its key.
    private func take(_ statement: SQLiteStatement, to reader: EntryConsumer) throws(SQLiteFailure) -> [UInt8]? {
        guard try statement.step() else { return nil }
        var (key, value): ([UInt8], [UInt8]) = ([], [])
        statement.appendText(of: 0, to: &key)
        statement.appendText(of: 1, to: &value)
        guard reader.take(MapEntry(key: key, value: value)) else {
            // Nobody wants more.
            return reader.exchange.isStopped ? nil : key
        }
        return key
    }
}
