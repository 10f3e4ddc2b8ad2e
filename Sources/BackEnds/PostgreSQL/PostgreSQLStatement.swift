// A question as a statement: the key's rows and, beside them and in the same snapshot, the row of a key that must be there. So an
// absence and the proof that absences can be believed are one answer.

import Bytes
import MapDescriptions

/// What is prepared once on each connection.
struct PostgreSQLStatement: Sendable, Hashable {
    /// The description's query alone.
    let query: String
    /// What is asked.
    let sql: String
    /// What a row is: the key's, the canary's, or the sign of a standby whose data may be too old.
    private static let keyRow = UInt8(ascii: "0"), canaryRow = UInt8(ascii: "1")

    /// The statement of a question.
    init(_ question: PostgreSQLQuestion) {
        query = question.query.sql()
        var parts = [
            "SELECT 0, q.v::pg_catalog.text FROM (\(query)) AS q(v) LIMIT \(question.form.mostRows + 1)"
        ]
        if question.canary != nil {
            let canary = question.query.sql(parametersFrom: question.query.parameters.count + 1)
            parts.append("SELECT 1, q.v::pg_catalog.text FROM (\(canary)) AS q(v) WHERE q.v IS NOT NULL LIMIT 1")
        }
        if let lag = question.mostLag {
            let age = "pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()"
            parts.append(
                "SELECT 2, (\(age))::pg_catalog.text WHERE pg_catalog.pg_is_in_recovery()"
                    + " AND coalesce(\(age) > pg_catalog.make_interval(secs => \(lag.components.seconds)), true)")
        }
        sql = parts.map { "(\($0))" }.joined(separator: " UNION ALL ")
    }

    /// Makes the server prepare it.
    ///
    /// - Throws: where it cannot be asked, or not with every key.
    func prepare(
        as name: String, on connection: PostgreSQLConnection, until end: UInt64
    ) throws(PostgreSQLFailure) {
        let answers = try connection.exchange(until: end) { connection in
            connection.prepare("", query) && connection.prepare(name, sql)
        }
        guard answers.count == 4 else {
            throw PostgreSQLFailure("the server does not answer as PostgreSQL does", sequel: .lost)
        }
        guard answers[1].columnCount == 1 else {
            throw PostgreSQLFailure(
                "the query has \(answers[1].columnCount) columns; write one that reads one column, the value")
        }
        for type in Set(answers[3].parameterTypes) where !PostgreSQLCode.plainTexts.contains(type) {
            guard type != PostgreSQLCode.paddedText else {
                throw PostgreSQLFailure(
                    "the key is compared with a char(n), which takes texts with other blanks at their ends for equal; make"
                        + " the column text, or write column::text in the query")
            }
            let named = try connection.exchange(until: end) { connection in
                connection.send(
                    "SELECT typcategory, typname FROM pg_catalog.pg_type WHERE oid::text = $1",
                    PostgreSQLConnection.Parameters([Array("\(type)".utf8)]))
            }
            guard let row = named.first, row.rowCount == 1, row.text(0, 0) == "S" else {
                let name = named.first.map { $0.rowCount == 1 ? $0.text(0, 1) : "another" } ?? "another"
                throw PostgreSQLFailure(
                    "the key is compared with a column of the type \(name), which is no text; write column::text in the query"
                )
            }
        }
    }

    /// Reads the answer for a key.
    ///
    /// - Parameter value: replaced where it is found.
    /// - Returns: false where it is absent for certain.
    static func read(
        _ answer: PostgreSQLAnswer, of question: PostgreSQLQuestion, key: Span<UInt8>, into value: inout [UInt8]
    ) throws(PostgreSQLFailure) -> Bool {
        var count = 0
        var isProven = false
        do throws(DescriptionFault) {
            for row in 0..<answer.rowCount {
                switch answer.firstByte(row, 0) {
                case keyRow: break
                case canaryRow:
                    isProven = true
                    continue
                default:
                    let age = answer.isNull(row, 1) ? "" : ", of \(answer.text(row, 1)) ago,"
                    throw DescriptionFault(
                        "the last change that this standby has seen\(age) is older than max_lag; see that it follows its"
                            + " primary, and that the primary has a change to pass on that often")
                }
                count += 1
                if count == 1 { value.removeAll(keepingCapacity: true) }
                try question.form.beginRow(count, in: &value)
                guard !answer.isNull(row, 1) else { throw AnswerForm.null }
                let start = value.count
                answer.append(row, 1, to: &value)
                try question.form.endRow(from: start, for: key, in: &value)
            }
        } catch {
            throw PostgreSQLFailure(error)
        }
        if count > 0 { return true }
        guard let canary = question.canary else {
            throw PostgreSQLFailure(
                "not found, and whether it is absent is not certain: add canary = KEY to the description, a key that the"
                    + " database always has")
        }
        guard isProven else {
            throw PostgreSQLFailure(
                "the canary '\(String(decoding: canary, as: UTF8.self))' is not found, so nothing is certainly absent: this is"
                    + " not the table that is meant, it is not filled, or its rows are hidden from this role (row security); correct"
                    + " query, search_path or rights, or the canary")
        }
        return false
    }
}
