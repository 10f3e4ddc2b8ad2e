// Lookups in a real PostgreSQL server: what is asked, and what each answer means.

import Configuration
import Foundation
import Glibc
import Maps
import PostgreSQL
import Testing
import ZRouteTestKit

@Suite struct PostgreSQLTests {
    private func place(_ description: String) throws -> PostgreSQLPlace {
        let place = try PostgreSQLPlace()
        try place.makeAliases()
        try place.describe(description)
        return place
    }

    /// Queries, what a key finds by them, and that what is in a key is never SQL.
    static let questions: [(query: String, key: String, value: String?)] = [
        ("SELECT goto FROM alias WHERE address = '%s'", "a@x.example", "one"),
        ("SELECT goto FROM public.alias WHERE address = %s", "a@x.example", "one"),
        ("SELECT goto FROM alias WHERE address = '%s'", "A@x.example", nil),
        ("SELECT goto FROM alias WHERE address = '%s'", "", "empty"),
        ("SELECT goto FROM alias WHERE address = '%s'", "none@x.example", ""),
        ("SELECT goto FROM alias WHERE address = '%s'", "o'clock@x.example", "quote"),
        ("SELECT goto FROM alias WHERE address = '%s'", "back\\slash", "slash"),
        ("SELECT goto FROM alias WHERE address = '%s'", "grün@x.example", "grün"),
        ("SELECT goto FROM alias WHERE address = '%s'", "x' OR '1'='1", nil),
        ("SELECT goto FROM alias WHERE address = '%s'", "'; DROP TABLE alias; --", nil),
        ("SELECT goto FROM alias WHERE address = '%u@%d'", "a@x.example", "one"),
        ("SELECT goto FROM alias WHERE address = '@%d'", "any@x.example", "all"),
        ("SELECT goto FROM alias WHERE address = '@' || '%d' AND '%u' <> ''", "any@x.example", "all"),
        ("SELECT goto FROM alias WHERE address = '@%d'", "bare", nil),
        ("SELECT goto FROM alias WHERE address = '%u'", "b@y.example", "bare"),
        ("SELECT 'x%%y' FROM alias WHERE address = '%s' AND 5 %% 3 = 2", "b", "x%y"),
        ("SELECT 'it''s'::text FROM alias WHERE address = '%s';", "b", "it's"),
        ("SELECT 7 FROM \"alias\" WHERE \"address\" = '%s'", "b", "7"),
        ("WITH n AS (SELECT * FROM alias) SELECT goto FROM n WHERE address = '%s' ORDER BY 1 LIMIT 1", "b", "bare"),
    ]

    @Test func aQueryIsAskedWithTheKeyAsAText() throws {
        let place = try place("")
        for (number, question) in Self.questions.enumerated() {
            let canary =
                question.query.contains("%u'") && !question.query.contains("@%d'") ? "b@y.example" : "a@x.example"
            try place.describe("query = \(question.query)\ncanary = \(canary)", as: "\(number).cf")
            let table = place.table("\(number).cf")
            #expect(try table.text(of: question.key) == question.value, "\(question)")
        }
    }

    /// What is a failure, with a word of its text.
    static let failures: [(description: String, key: String, word: String)] = [
        ("query = SELECT goto FROM alias WHERE \"adress\" = '%s'", "a@x.example", "42703"),
        ("query = SELECT goto FROM aliases WHERE address = '%s'", "a@x.example", "42P01"),
        ("query = SELECT goto FROM alias WHERE address == == '%s'", "a@x.example", "cannot be asked"),
        ("query = SELECT goto, active FROM alias WHERE address = '%s'", "a@x.example", "one column"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "twice@x.example", "several rows"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "null@x.example", "NULL"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "z@x.example", "add canary"),
        (
            "query = SELECT goto FROM alias WHERE address = '%s'\ncanary = z@x.example", "y@x.example",
            "canary 'z@x.example'"
        ),
        ("query = SELECT goto FROM alias WHERE address = '%s'\ncanary = null@x.example", "y@x.example", "canary"),
        ("query = SELECT goto FROM alias WHERE address = '%s'\nresult_format = %d", "b", "no such part"),
        ("query = SELECT goto FROM alias WHERE active = '%s'", "b", "no text"),
        ("query = SELECT 'x' WHERE 'b'::char(3) = '%s'", "b", "char(n)"),
        ("query = SELECT goto FROM pg_temp.alias WHERE address = '%s'", "b", "pg_temp"),
        ("query = SELECT set_config('a.b', '%s', false) FROM (SELECT nextval('s')) n", "b", "read-only"),
        ("query = SELECT (1 / (length('%s') - 1))::text", "b", "division by zero"),
    ]

    @Test func whatIsNoAnswerIsAFailure() throws {
        let place = try place("")
        try place.run("CREATE SEQUENCE s")
        for (number, failure) in Self.failures.enumerated() {
            try place.describe(failure.description, as: "\(number).cf")
            let table = place.table("\(number).cf")
            for _ in 0..<2 {
                let error = table.failure(of: failure.key)
                #expect(error?.text.contains(failure.word) == true, "\(failure): \(error?.text ?? "none")")
            }
        }
    }

    /// How several rows and single ones are written.
    static let forms: [(description: String, key: String, value: String?)] = [
        ("rows = join", "twice@x.example", "one,two"),
        ("rows = join", "a@x.example", "one"),
        ("rows = join", "no@x.example", nil),
        ("result_format = smtp!%s!%U%%", "a@x.example", "smtp!one!a%"),
        ("rows = join\nresult_format = %s@d", "twice@x.example", "one@d,two@d"),
        ("domain = Y.example, x.example", "a@x.example", "one"),
        ("domain = Y.example, x.example", "a@z.example", nil),
        ("domain = Y.example, x.example", "b", nil),
    ]

    @Test func rowsBecomeAValue() throws {
        let place = try place("")
        for (number, form) in Self.forms.enumerated() {
            try place.describe("\(PostgreSQLPlace.question)\n\(form.description)", as: "\(number).cf")
            let table = place.table("\(number).cf")
            #expect(try table.text(of: form.key) == form.value, "\(form)")
        }
    }

    @Test func aFileOfPostfixIsReadAsItStands() throws {
        let place = try place("")
        let lines = """
            # /etc/postfix/pgsql_virtual_alias_maps.cf
            hosts = unix:\(place.server.main.socket)
            user = postgres
            password = secret
            dbname = \(place.database)
            query = SELECT goto FROM alias WHERE address='%s' AND active = true
            expansion_limit = 2

            """
        try place.directory.write(lines, to: "postfix.cf")
        let path = place.directory.file("postfix.cf")
        _ = try runCommandSuccessfully("/bin/chmod", ["600", path])
        let table = place.table("postfix.cf")
        #expect(try table.text(of: "a@x.example") == "one")
        #expect(try table.text(of: "twice@x.example") == "one,two")
        // Nothing in it proves an absence.
        #expect(table.failure(of: "no@x.example")?.text.contains("add canary") == true)
        try place.run("INSERT INTO alias (address, goto) VALUES ('twice@x.example', 'three')")
        #expect(table.failure(of: "twice@x.example")?.text.contains("more than 2 rows") == true)
        try place.directory.write(lines + "canary = a@x.example\n", to: "with.cf")
        _ = try runCommandSuccessfully("/bin/chmod", ["600", place.directory.file("with.cf")])
        #expect(try place.table("with.cf").text(of: "no@x.example") == nil)
    }

    // MARK: What an answer means

    @Test func keysThatTheDatabaseCannotHoldAreAbsent() throws {
        let place = try place(PostgreSQLPlace.question)
        let table = place.table()
        // A text that ended at the NUL would be found.
        #expect(try table.text(of: "a@x.example\0zz") == nil)
        #expect(try table.text(of: [0xFF, 0x40]) == nil)
        #expect(try table.text(of: "a@x.example") == "one")
        // Not before the database has shown what it is.
        try place.describe("query = SELECT goto FROM public.nothing WHERE address = '%s'\ncanary = b", as: "bad.cf")
        #expect(place.table("bad.cf").failure(of: "a\0b")?.text.contains("42P01") == true)
    }

    @Test func bytesAreAskedForWhereTheDatabaseHasAnyBytes() throws {
        let place = try PostgreSQLPlace(options: "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        try place.makeAliases()
        try place.run(
            "SET client_encoding TO SQL_ASCII; INSERT INTO alias (address, goto) VALUES (E'\\xff@x', E'\\xfe')")
        try place.describe(PostgreSQLPlace.question)
        let table = place.table()
        var value: [UInt8] = []
        let key: [UInt8] = [0xFF, 0x40, 0x78]
        #expect(try table.lookUp(key.span, into: &value))
        #expect(value == [0xFE])
        #expect(try table.text(of: [0xFE, 0x40, 0x78]) == nil)
    }

    @Test func aDatabaseInAnotherEncodingIsRefused() throws {
        let place = try PostgreSQLPlace(options: "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        try place.makeAliases()
        try place.describe(PostgreSQLPlace.question)
        #expect(place.table().failure(of: "a@x.example")?.text.contains("LATIN1") == true)
    }

    @Test func changesAreSeenByTheNextLookup() throws {
        let place = try place(PostgreSQLPlace.question)
        let table = place.table()
        #expect(try table.text(of: "new@x.example") == nil)
        try place.run("INSERT INTO alias (address, goto) VALUES ('new@x.example', '1')")
        #expect(try table.text(of: "new@x.example") == "1")
        try place.run("UPDATE alias SET goto = '2' WHERE address = 'new@x.example'")
        #expect(try table.text(of: "new@x.example") == "2")
        try place.run("DELETE FROM alias WHERE address = 'new@x.example'")
        #expect(try table.text(of: "new@x.example") == nil)
        #expect(table.refresh())
    }

    @Test func anEmptyTableIsNoAbsence() throws {
        let place = try place(PostgreSQLPlace.question)
        let table = place.table()
        #expect(try table.text(of: "z@x.example") == nil)
        try place.run("CREATE TABLE kept AS SELECT * FROM alias; TRUNCATE alias")
        // Also of a key that was there, on a connection that has proven itself before.
        #expect(table.failure(of: "b")?.text.contains("canary") == true)
        #expect(table.failure(of: "z@x.example")?.text.contains("canary") == true)
        try place.run("INSERT INTO alias SELECT * FROM kept")
        #expect(try table.text(of: "b") == "bare")
        #expect(try table.text(of: "z@x.example") == nil)
    }

    @Test func rowsThatAPolicyHidesAreNoAbsence() throws {
        let place = try place("")
        let role = try place.makeReader()
        try place.run("ALTER TABLE alias ENABLE ROW LEVEL SECURITY")
        try place.describe(PostgreSQLPlace.question, conninfo: place.conninfo(as: role))
        let table = place.table()
        let error = try #require(table.failure(of: "b"))
        #expect(error.text.contains("row-level security"), "\(error.text)")
        try place.run("ALTER TABLE alias DISABLE ROW LEVEL SECURITY")
        #expect(try table.text(of: "b") == "bare")
        try place.run("REVOKE SELECT ON alias FROM \(role)")
        #expect(table.failure(of: "b")?.text.contains("42501") == true)
        try place.run("ALTER ROLE \(role) CONNECTION LIMIT 0")
        try place.endSessions()
        #expect(table.failure(of: "b")?.text.contains("too many connections") == true)
        #expect(table.failure(of: "z")?.text.contains("too many connections") == true)
    }

    @Test func aTableOfTheSameNameInAnotherSchemaIsNotTaken() throws {
        let place = try place("query = SELECT goto FROM alias WHERE address = '%s'\ncanary = a@x.example")
        try place.run(
            """
            CREATE SCHEMA postgres; CREATE TABLE postgres.alias (address text, goto text);
            INSERT INTO postgres.alias VALUES ('a@x.example', 'other');
            ALTER DATABASE \(place.database) SET search_path = 'postgres', 'public';
            """)
        let table = place.table()
        #expect(try table.text(of: "a@x.example") == "one")
        #expect(try table.text(of: "b") == "bare")
        try place.describe(
            "query = SELECT goto FROM alias WHERE address = '%s'\ncanary = a@x.example\nsearch_path = postgres",
            as: "other.cf")
        #expect(try place.table("other.cf").text(of: "a@x.example") == "other")
        #expect(try place.table("other.cf").text(of: "b") == nil)
    }

    @Test func aLockedTableIsNoAbsence() throws {
        let place = try place(PostgreSQLPlace.question)
        let table = place.table(deadline: .seconds(8))
        #expect(try table.text(of: "b") == "bare")
        let holder = try place.server.hold("BEGIN; LOCK TABLE alias IN ACCESS EXCLUSIVE MODE", in: place.database)
        let error = try #require(table.failure(of: "b"))
        #expect(error.text.contains("55P03") || error.text.contains("in time"), "\(error.text)")
        holder.send(9)
        _ = holder.wait()
        let isBack = try holds { (try? table.text(of: "b")) == "bare" }
        #expect(isBack)
    }

    @Test func aSlowQueryIsNoAbsence() throws {
        let place = try place(
            "query = SELECT goto FROM alias WHERE address = '%s' AND pg_sleep(60) IS NOT NULL\ncanary = a@x.example")
        let table = place.table(deadline: .seconds(2))
        let error = try #require(table.failure(of: "b"))
        #expect(error.text.contains("in time"), "\(error.text)")
        #expect(table.failure(of: "b") != nil)
    }

    /// As `statement_timeout` does, and administrators.
    @Test func aQueryThatTheServerEndsIsNoAbsence() throws {
        let place = try place(
            "query = SELECT goto FROM alias WHERE address = '%s' AND pg_sleep(60) IS NOT NULL\ncanary = a@x.example")
        let ending = Thread {
            _ = try? holds {
                (try? place.run(
                    "SELECT count(pg_cancel_backend(pid)) > 0 FROM pg_stat_activity WHERE application_name = 'zroute'"
                        + " AND wait_event = 'PgSleep' AND datname = current_database()")) == "t"
            }
        }
        ending.start()
        let error = try #require(place.table(deadline: .seconds(60)).failure(of: "b"))
        #expect(error.text.contains("57014") && error.code == ETIMEDOUT, "\(error.text)")
    }

    @Test func aPlanThatChangedIsMadeAnew() throws {
        let place = try place(PostgreSQLPlace.question)
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        try place.run("ALTER TABLE alias ALTER COLUMN goto TYPE varchar(200), ALTER COLUMN address TYPE varchar(200)")
        #expect(try table.text(of: "b") == "bare")
        try place.run("DROP TABLE alias")
        #expect(table.failure(of: "b")?.text.contains("42P01") == true)
        try place.makeAliases()
        #expect(try table.text(of: "b") == "bare")
        #expect(try table.text(of: "z") == nil)
    }

    @Test func aConnectionThatEndedIsMadeAnew() throws {
        let place = try place(PostgreSQLPlace.question)
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        #expect(try place.endSessions() == "1")
        let isGone = try holds { try place.server.backends(of: place.database).isEmpty }
        #expect(isGone)
        #expect(try table.text(of: "b") == "bare")
        #expect(try table.text(of: "z") == nil)
    }

    // MARK: Who cannot be asked

    /// What is not there, with a word of the failure.
    static let strangers: [(conninfo: String, word: String)] = [
        ("host=/nonexistent dbname=d user=postgres", "cannot connect"),
        ("host=@ dbname=nothing_of_this_name user=postgres", "does not exist"),
        ("host=@ dbname=postgres user=nobody_of_this_name", "does not exist"),
        ("host=@ dbname=postgres user=postgres target_session_attrs=standby", "standby"),
        ("host=@ dbname=postgres user=postgres nonsense=1", "nonsense"),
    ]

    @Test(arguments: strangers)
    func whereNobodyAnswersItIsAFailure(stranger: (conninfo: String, word: String)) throws {
        let place = try place("")
        let conninfo = stranger.conninfo.replacing("@", with: place.server.main.socket)
        try place.describe(PostgreSQLPlace.question, conninfo: conninfo)
        let error = try #require(place.table().failure(of: "b"))
        #expect(error.text.contains(stranger.word), "\(error.text)")
    }

    @Test func theNextServerIsAskedWhereTheFirstDoesNotAnswer() throws {
        let place = try place("")
        let socket = place.server.main.socket
        try place.describe(
            PostgreSQLPlace.question, conninfo: "host=/nonexistent,\(socket) dbname=\(place.database) user=postgres")
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        #expect(try table.text(of: "z") == nil)
    }

    @Test func allEntriesAreListed() throws {
        let place = try place("\(PostgreSQLPlace.question)\nentries = SELECT address, goto FROM alias")
        try place.run("INSERT INTO alias (address, goto) SELECT 'k' || i, 'v' || i FROM generate_series(1, 2500) i")
        let backEnds = MapBackEnds([PostgreSQLBackEnd()])
        var found: [String: String] = [:]
        try backEnds.readEntries(of: place.definition(), within: .seconds(60)) { batch in
            for entry in batch {
                found[String(decoding: entry.key, as: UTF8.self)] = String(decoding: entry.value, as: UTF8.self)
            }
            return true
        }
        #expect(found.count == 2509)
        #expect(found["k2500"] == "v2500")
        #expect(backEnds.listsEntries(of: place.definition()))
        try place.describe(PostgreSQLPlace.question, as: "without.cf")
        #expect(!backEnds.listsEntries(of: place.definition("without.cf")))
    }
}
