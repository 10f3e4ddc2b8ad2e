// All entries of a database, for commands that list whole maps: read in one transaction, some at a time.

import Bytes
import Maps
import System

/// Lists the entries that the query `entries` of a description reads.
struct PostgreSQLEntries {
    private let question: PostgreSQLQuestion

    /// So many entries are read at a time.
    private static let batch = 1000
    /// How long the next of them may take.
    private static let patience: UInt64 = 60_000_000_000

    init(_ question: PostgreSQLQuestion) { self.question = question }

    /// Hands on every entry.
    func read(to reader: EntryConsumer) throws(PostgreSQLFailure) {
        guard let entries = question.entries else {
            throw PostgreSQLFailure(
                "its entries cannot be listed; add a query to the description: entries = SELECT key, value ...")
        }
        let connection = try connect()
        _ = try connection.exchange(until: Self.end) { connection in
            connection.send("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                && connection.send("DECLARE entries NO SCROLL CURSOR FOR \(entries)")
        }
        while true {
            let answers = try connection.exchange(until: Self.end) { $0.send("FETCH \(Self.batch) FROM entries") }
            reader.exchange.noteStep()
            guard let answer = answers.first, answer.rowCount > 0 else { return }
            guard answer.columnCount == 2 else {
                throw PostgreSQLFailure("`entries` of the description has to read two columns, the key and the value")
            }
            for row in 0..<answer.rowCount where !answer.isNull(row, 0) && !answer.isNull(row, 1) {
                var (key, value): ([UInt8], [UInt8]) = ([], [])
                answer.append(row, 0, to: &key)
                answer.append(row, 1, to: &value)
                guard reader.take(MapEntry(key: key, value: value)) || !reader.exchange.isStopped else { return }
            }
        }
    }

    private static var end: UInt64 { monotonicNanoseconds() &+ patience }

    private func connect() throws(PostgreSQLFailure) -> PostgreSQLConnection {
        var failures: [String] = []
        for server in question.servers {
            do throws(PostgreSQLFailure) {
                return try PostgreSQLConnection(
                    server, searchPath: question.searchPath, limit: .seconds(60),
                    until: monotonicNanoseconds() &+ 5_000_000_000)
            } catch {
                failures.append("\(server): \(error.text)")
            }
        }
        throw PostgreSQLFailure(failures.joined(separator: "; "))
    }
}
