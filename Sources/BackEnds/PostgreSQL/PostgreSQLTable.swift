// Lookups in a PostgreSQL database.

import Bytes
import Glibc
package import Maps
import System

/// A database, asked for each key.
package final class PostgreSQLTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// Nobody's: who wrote the entry is not known.
    package let privilege: UInt32 = nobody

    private let question: PostgreSQLQuestion
    private let statement: PostgreSQLStatement
    private let line: PostgreSQLLine
    private let time: LookupTime
    private var waiter = PostgreSQLLine.Waiter()
    /// What the canary's parameters are given.
    private var canary = PostgreSQLConnection.Parameters()
    /// What all of them are given, in memory that serves for key after key.
    private var parameters = PostgreSQLConnection.Parameters()

    /// Connects to nothing yet.
    ///
    /// - Parameter time: how long its lookups may take.
    init(_ name: TableName, _ question: PostgreSQLQuestion, over line: PostgreSQLLine, time: LookupTime) {
        self.name = name
        self.question = question
        self.line = line
        self.time = time
        statement = PostgreSQLStatement(question)
        if let key = question.canary {
            // Its description has seen to it that the key has all parts.
            _ = canary.add(question.query, for: key.span)
        }
    }

    /// Asks the database for a key.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        do throws(PostgreSQLFailure) {
            guard question.isAsked(key) else { return false }
            parameters.removeAll()
            guard parameters.add(question.query, for: key) else { return false }
            parameters.add(canary)
            return try ask(key, into: &value)
        } catch {
            throw MapError(table: name, key: Array(copying: key), code: error.code, text: error.text)
        }
    }

    private func ask(_ key: Span<UInt8>, into value: inout [UInt8]) throws(PostgreSQLFailure) -> Bool {
        let end: UInt64
        do throws(ResourceFailure) { end = try time.begin() } catch { throw PostgreSQLFailure(error.text) }
        // No text of such a database can equal one that has a NUL, or is no UTF-8: the server refuses to compare them.
        let hasNUL = key.firstIndex(of: 0, from: 0) != nil
        let isUTF8 = WellFormedUTF8.isValid(key)
        let own = parameters
        let answers = try line.ask(statement, as: &waiter, until: end) { prepared in
            !hasNUL && (isUTF8 || !prepared.isUTF8)
        } _: { connection, prepared in
            connection.send(statement: prepared.name, own)
        }
        guard let answers else { return false }
        guard let answer = answers.first else {
            throw PostgreSQLFailure("the server does not answer as PostgreSQL does")
        }
        return try PostgreSQLStatement.read(answer, of: question, key: key, into: &value)
    }

    /// Whether the server would still answer as before nobody knows.
    package func refresh() -> Bool { true }
}
