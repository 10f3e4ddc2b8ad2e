// A table that is copied whole and followed as it changes: a snapshot in one transaction, then what the table of changes says since that
// snapshot. Notices (NOTIFY) make it quick; what makes it right is the comparison of snapshots, after every notice, every
// connection and every few seconds.

import Bytes
import Glibc
import MapDescriptions
import Maps
import System

/// How a copy is kept current.
struct PostgreSQLSync: Sendable, Hashable {
    /// How it is known what has changed.
    enum Sign: Sendable, Hashable {
        /// A table with the keys that changed, each with the transaction that did it.
        case changes(table: String)
        /// A query whose value is another one when anything has changed: then everything is copied again.
        case version(query: String)
    }

    /// Reads keys and values.
    var entries: String
    /// How it is known what has changed.
    var sign: Sign
    /// The channel of notices.
    var channel = "zroute"
    /// How often the database is asked although there was no notice.
    var interval = Duration.seconds(5)
    /// The file that keeps the copy; nil where it is kept in memory alone.
    var file: String?
    /// After so long without a word of the database lookups fail; nil for never.
    var ageLimit: Duration?
}

/// A database whose entries are copied.
struct PostgreSQLCopySource: CopySource {
    let question: PostgreSQLQuestion
    let sync: PostgreSQLSync

    /// How long one step may take in the server, and how long it may be waited for.
    private static let patience: UInt64 = 60_000_000_000
    /// How often it is looked whether the copy is still wanted.
    private static let step: UInt64 = 300_000_000
    /// So many rows are read at a time.
    private static let batch = 2000

    func follow(_ writer: inout CopyWriter) throws(CopyFailure) {
        do throws(PostgreSQLFailure) {
            let (connection, isStandby) = try connect(knowing: PostgreSQLPosition(writer.cookie))
            // Before the first snapshot, so that no change falls between the two. A standby gives no notices.
            if !isStandby { _ = try ask(connection, "LISTEN \"\(sync.channel.replacing("\"", with: "\"\""))\"") }
            while !writer.isStopRequested {
                try update(&writer, connection, isStandby: isStandby)
                try waitForNotice(connection, &writer, isStandby: isStandby)
            }
        } catch {
            throw CopyFailure(error.text)
        }
    }

    /// Connects to the first server that can be copied from: a standby that has not yet what the copy has would take it back.
    private func connect(
        knowing known: PostgreSQLPosition?
    ) throws(PostgreSQLFailure) -> (connection: PostgreSQLConnection, isStandby: Bool) {
        var failures: [String] = []
        for server in question.servers {
            do throws(PostgreSQLFailure) {
                let connection = try PostgreSQLConnection(
                    server, searchPath: question.searchPath, limit: .seconds(600),
                    until: monotonicNanoseconds() &+ 3_000_000_000)
                let isStandby = try value(connection, "SELECT pg_catalog.pg_is_in_recovery()") == "t"
                if isStandby, let known, case .changes = sync.sign {
                    let own = try position(connection, isStandby: true, knowing: known)
                    guard !own.isOfSameDatabase(as: known) || own.hasAll(of: known) else {
                        throw PostgreSQLFailure(
                            "this standby has not yet all that the copy has, which does not go back, as what is new would be absent;"
                                + " let the standby catch up, or promote it")
                    }
                }
                return (connection, isStandby)
            } catch {
                failures.append("\(server): \(error.text)")
            }
        }
        throw PostgreSQLFailure(failures.joined(separator: "; "))
    }

    private func ask(
        _ connection: PostgreSQLConnection, _ sql: String, _ parameters: [[UInt8]] = []
    ) throws(PostgreSQLFailure) -> PostgreSQLAnswer {
        let answers = try connection.exchange(until: monotonicNanoseconds() &+ Self.patience) { connection in
            connection.send(sql, PostgreSQLConnection.Parameters(parameters))
        }
        guard let answer = answers.first else {
            throw PostgreSQLFailure("the server does not answer as PostgreSQL does")
        }
        return answer
    }

    private func value(_ connection: PostgreSQLConnection, _ sql: String) throws(PostgreSQLFailure) -> String {
        let answer = try ask(connection, sql)
        guard answer.rowCount == 1, answer.columnCount == 1 else {
            throw PostgreSQLFailure("'\(sql)' has not one value; correct it")
        }
        return answer.isNull(0, 0) ? "" : answer.text(0, 0)
    }

    // MARK: One update

    /// Compares the database with the copy in one snapshot, and takes over what differs.
    private func update(
        _ writer: inout CopyWriter, _ connection: PostgreSQLConnection, isStandby: Bool
    ) throws(PostgreSQLFailure) {
        _ = try ask(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        let present: [UInt8]
        var since: String?
        switch sync.sign {
        case .version(let query): present = try Array("v \(value(connection, query))".utf8)
        case .changes:
            let known = PostgreSQLPosition(writer.cookie)
            let own = try position(connection, isStandby: isStandby, knowing: known)
            present = own.cookie
            // A database that is another one, or came back from an old copy, has to be copied anew.
            if let known, own.goesOn(from: known) { since = known.snapshot }
        }
        if writer.cookie == present {
            _ = try ask(connection, "COMMIT")
            return writer.noteContact()
        }
        var count = 0
        if case .changes(let table) = sync.sign, let since {
            count = try take(
                &writer, connection,
                "SELECT c.key, q.v, q.k IS NOT NULL FROM \(table) c LEFT JOIN (\(sync.entries)) AS q(k, v) ON q.k = c.key"
                    + " WHERE c.xid >= pg_catalog.pg_snapshot_xmin('\(since)'::pg_catalog.pg_snapshot)"
                    + " AND NOT pg_catalog.pg_visible_in_snapshot(c.xid, '\(since)'::pg_catalog.pg_snapshot) ORDER BY c.key COLLATE \"C\""
            )
        } else {
            // Where nothing notes changes nothing is followed.
            if case .changes(let table) = sync.sign { _ = try ask(connection, "SELECT key, xid FROM \(table) LIMIT 0") }
            writer.beginAnew()
            count = try take(
                &writer, connection,
                "SELECT q.k, q.v, true FROM (\(sync.entries)) AS q(k, v) ORDER BY q.k COLLATE \"C\"")
        }
        try proveWhole(connection)
        _ = try ask(connection, "COMMIT")
        if count == 0, since != nil {
            writer.noteContact()
        } else {
            writer.commit(present)
        }
    }

    /// Where the database is now.
    ///
    /// - Parameter known: where the copy is, of whose history a standby says nothing.
    private func position(
        _ connection: PostgreSQLConnection, isStandby: Bool, knowing known: PostgreSQLPosition?
    ) throws(PostgreSQLFailure) -> PostgreSQLPosition {
        let identity = try value(
            connection,
            "SELECT s.system_identifier || ' ' || d.oid FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d"
                + " WHERE d.datname = pg_catalog.current_database()")
        // Of a standby's snapshot only the lower end is certain.
        let snapshot =
            isStandby
            ? "SELECT s || ':' || s || ':' FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text) t(s)"
            : "SELECT pg_catalog.pg_current_snapshot()"
        let timeline =
            isStandby
            ? known?.timeline
            : try value(
                connection,
                "SELECT pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8)")
        return PostgreSQLPosition(
            database: identity, snapshot: try value(connection, snapshot), timeline: timeline)
    }

    /// Takes over the rows of a query, those of one key together; a key without a value is gone.
    ///
    /// - Returns: how many keys there were.
    private func take(
        _ writer: inout CopyWriter, _ connection: PostgreSQLConnection, _ sql: String
    ) throws(PostgreSQLFailure) -> Int {
        _ = try ask(connection, "DECLARE zroute NO SCROLL CURSOR FOR \(sql)")
        var present: (key: [UInt8], values: [[UInt8]])?
        var count = 0
        while true {
            let answer = try ask(connection, "FETCH \(Self.batch) FROM zroute")
            if writer.isStopRequested { throw PostgreSQLFailure("it is not wanted any more") }
            guard answer.rowCount > 0 else { break }
            for row in 0..<answer.rowCount where !answer.isNull(row, 0) {
                var key: [UInt8] = []
                answer.append(row, 0, to: &key)
                if present?.key != key {
                    try end(&writer, present)
                    present = (key, [])
                    count += 1
                }
                // Without a row of its own the key is gone; with one that has no value nobody knows what is meant.
                guard answer.text(row, 2) == "t" else { continue }
                present?.values += answer.isNull(row, 1) ? CopyWriter.unknown : value(of: answer, row, for: key)
            }
        }
        try end(&writer, present)
        _ = try ask(connection, "CLOSE zroute")
        return count
    }

    private func end(
        _ writer: inout CopyWriter, _ present: (key: [UInt8], values: [[UInt8]])?
    ) throws(PostgreSQLFailure) {
        guard let present else { return }
        let item = CopiedItem(present.key)
        guard !present.values.isEmpty else { return writer.remove(item) }
        do throws(CopyFailure) {
            try writer.put(item, present.values.map { (present.key, $0) })
        } catch {
            throw PostgreSQLFailure(error.text)
        }
    }

    /// The value of a row, or what makes lookups of its key fail where it cannot be written.
    private func value(of answer: PostgreSQLAnswer, _ row: Int32, for key: [UInt8]) -> [[UInt8]] {
        var value: [UInt8] = []
        answer.append(row, 1, to: &value)
        do throws(DescriptionFault) {
            try question.form.endRow(from: 0, for: key.span, in: &value)
            return [value]
        } catch {
            return CopyWriter.unknown
        }
    }

    /// Makes sure that the snapshot has the canary: an empty table is no answer.
    private func proveWhole(_ connection: PostgreSQLConnection) throws(PostgreSQLFailure) {
        guard let canary = question.canary else { return }
        let answer = try ask(
            connection, "SELECT 1 FROM (\(sync.entries)) AS q(k, v) WHERE q.k = $1 AND q.v IS NOT NULL LIMIT 1",
            [canary])
        guard answer.rowCount == 1 else {
            throw PostgreSQLFailure(
                "the canary '\(String(decoding: canary, as: UTF8.self))' is not found, so the copy stays as it was: the table is"
                    + " not filled, or not the one that is meant; correct it, or the canary")
        }
    }

    // MARK: Waiting

    /// Waits for a notice, or until it is time to compare.
    private func waitForNotice(
        _ connection: PostgreSQLConnection, _ writer: inout CopyWriter, isStandby: Bool
    ) throws(PostgreSQLFailure) {
        let (seconds, rest) = sync.interval.components
        let most = UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: rest / 1_000_000_000)
        let end = monotonicNanoseconds() &+ (isStandby ? min(most, 500_000_000) : most)
        while !writer.isStopRequested {
            var isNoticed = false
            while connection.nextNotice() { isNoticed = true }
            let now = monotonicNanoseconds()
            if isNoticed || now >= end { return }
            switch PostgreSQLConnection.wait(connection.descriptor, for: POLLIN, until: min(end, now &+ Self.step)) {
            case .ready:
                guard connection.consume() else { throw PostgreSQLFailure(ended: connection.message) }
            case .late: continue
            case .failed: throw PostgreSQLFailure(ended: "its socket cannot be waited for")
            }
        }
    }
}

extension PostgreSQLCopySource {
    /// What is copied, and how it is kept.
    var plan: CopyPlan {
        let places = question.servers.map { server in
            server.parameters.sorted { $0.key < $1.key }.map { name, value in
                // Behind the @ of a URI no password stands.
                name == "password" ? "" : "\(name)=\(value.split(separator: "@").last ?? "")"
            }.joined(separator: " ")
        }
        let subject = [
            places.joined(separator: ","), question.searchPath, sync.entries, "\(sync.sign)",
            question.form.format.map { "\($0)" } ?? "",
        ]
        let rule: SharedKeyRule =
            switch question.form.rows {
            case .refused: .refused
            case .joined(let limit): .joined(limit: limit)
            }
        return CopyPlan(
            subject: Self.digest(subject.joined(separator: "\n")), file: sync.file,
            ageLimit: sync.ageLimit, rule: rule)
    }

    private static func digest(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return SHA256.digest(of: bytes.span)
    }
}
