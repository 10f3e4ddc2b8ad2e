// Databases that say too little while they are copied: the copy is as it was, and what is in doubt in it fails alone.

import Configuration
import Foundation
import Glibc
import Maps
import PostgreSQL
import Testing
import ZRouteTestKit

@Suite struct PostgreSQLCopyDoubtTests {
    private func place(_ description: String, isReader: Bool = false) throws -> PostgreSQLPlace {
        let place = try PostgreSQLPlace()
        try place.makeAliases()
        try place.run(try CopiedTable.triggers.get())
        try place.describe(description, conninfo: isReader ? place.conninfo(as: try place.makeReader()) : nil)
        return place
    }

    /// What becomes of a database, how it is mended, and what is said of it.
    struct Doubt: Sendable, CustomTestStringConvertible {
        let name: String
        let harm: String
        let repair: String
        let says: String

        var testDescription: String { name }
    }

    static let doubts = [
        Doubt(
            name: "a policy that hides rows", harm: "ALTER TABLE alias ENABLE ROW LEVEL SECURITY",
            repair: "ALTER TABLE alias DISABLE ROW LEVEL SECURITY", says: "row-level security"),
        Doubt(
            name: "no right to read", harm: "REVOKE SELECT ON alias FROM ROLE", repair: "GRANT SELECT ON alias TO ROLE",
            says: "42501"),
        Doubt(
            name: "no right to connect", harm: "ALTER ROLE ROLE CONNECTION LIMIT 0",
            repair: "ALTER ROLE ROLE CONNECTION LIMIT 50", says: "too many connections"),
        Doubt(
            name: "a table that is not there", harm: "ALTER TABLE alias RENAME TO gone",
            repair: "ALTER TABLE gone RENAME TO alias", says: "42P01"),
        Doubt(
            name: "no table of changes", harm: "ALTER TABLE zroute_changes RENAME TO gone",
            repair: "ALTER TABLE gone RENAME TO zroute_changes", says: "42P01"),
        Doubt(
            name: "an emptied table",
            harm: "CREATE TABLE kept AS SELECT * FROM alias; TRUNCATE alias",
            repair: "INSERT INTO alias SELECT * FROM kept", says: "canary"),
    ]

    /// Before the first copy nothing is answered, and later the copy stays as it was, until the database is mended.
    @Test(arguments: doubts)
    func aDoubtIsNoCopy(doubt: Doubt) throws {
        let place = try place(CopiedTable.changes.replacing("3600", with: "1"), isReader: true)
        func run(_ sql: String) throws {
            try place.run(
                sql.replacing("ROLE ROLE", with: "ROLE \(place.reader)").replacing(
                    "FROM ROLE", with: "FROM \(place.reader)"
                )
                .replacing("TO ROLE", with: "TO \(place.reader)"))
        }
        let texts = TextTableLoader(allowing: .all)
        let table = place.table(deadline: .seconds(1), texts: texts)
        try run(doubt.harm)
        let isSaid = try holds {
            _ = table.refresh()
            return table.failure(of: "z")?.text.contains(doubt.says) == true
        }
        #expect(isSaid, "\(table.failure(of: "z")?.text ?? "answered")")
        #expect(table.failure(of: "b") != nil)
        try run(doubt.repair)
        try CopiedTable.expect("bare", of: "b", in: table)
        #expect(try table.text(of: "z") == nil)

        try run("DROP TABLE IF EXISTS kept; \(doubt.harm)")
        try place.endSessions()
        let isSaidAgain = try holds { () throws -> Bool in
            _ = table.refresh()
            #expect(try table.text(of: "b") == "bare")
            #expect(try table.text(of: "z") == nil)
            return texts.copyFailure?.contains(doubt.says) == true
        }
        #expect(isSaidAgain, "\(texts.copyFailure ?? "followed")")
        try run("\(doubt.repair); UPDATE alias SET goto = 'mended' WHERE address = 'b'")
        try CopiedTable.expect("mended", of: "b", in: table)
    }

    /// What a lookup in the database fails for, a lookup in the copy fails for, and no other key is harmed.
    @Test func aKeyThatIsInDoubtFails() throws {
        let place = try place(CopiedTable.changes)
        let table = place.table()
        try CopiedTable.expect("bare", of: "b", in: table)
        for key in ["null@x.example", "twice@x.example"] { #expect(table.failure(of: key) != nil, "\(key)") }
        // What no text in such a database is.
        #expect(try table.text(of: "b\0") == nil)
        #expect(try table.text(of: [0xFF, 0x40]) == nil)
        #expect(try table.text(of: "B") == nil)
        try place.run("UPDATE alias SET goto = 'now' WHERE address = 'null@x.example'")
        try CopiedTable.expect("now", of: "null@x.example", in: table)
        try place.run("UPDATE alias SET goto = NULL WHERE address = 'b'")
        let isInDoubt = try holds {
            _ = table.refresh()
            do throws(MapError) { #expect(try table.text(of: "b") == "bare") } catch { return true }
            return false
        }
        #expect(isInDoubt)
        try place.run("INSERT INTO alias (address, goto) VALUES ('b', 'other')")
        try place.run("INSERT INTO alias (address, goto) VALUES ('next', 'next')")
        try CopiedTable.expect("next", of: "next", in: table)
        // One of its rows has no value.
        #expect(table.failure(of: "b") != nil)
        try place.run("DELETE FROM alias WHERE address = 'b'")
        try CopiedTable.expect(nil, of: "b", in: table)

        try place.describe(CopiedTable.changes + "\nrows = join\nresult_format = %u at %d", as: "form.cf")
        try place.run("UPDATE alias SET goto = 'u@d' WHERE address IN ('a@x.example', 'next')")
        let formed = place.table("form.cf")
        try CopiedTable.expect("u at d", of: "next", in: formed)
        #expect(formed.failure(of: "@x.example") != nil)
        #expect(try formed.text(of: "z") == nil)
    }

    /// What the database or the role says of schemas counts for nothing.
    @Test func aTableOfTheSameNameInAnotherSchemaIsNotCopied() throws {
        let place = try place(CopiedTable.changes.replacing("public.", with: ""))
        try place.run(
            """
            CREATE SCHEMA postgres; CREATE TABLE postgres.alias (address text, goto text, active boolean);
            INSERT INTO postgres.alias VALUES ('a@x.example', 'other', true), ('z', 'other', true);
            ALTER DATABASE \(place.database) SET search_path = 'postgres', 'public';
            """)
        let table = place.table()
        try CopiedTable.expect("bare", of: "b", in: table)
        #expect(try table.text(of: "a@x.example") == "one")
        #expect(try table.text(of: "z") == nil)
    }

    /// A lock is waited for by whoever copies, and by nobody else.
    @Test func aLockedTableIsAsItWas() throws {
        let place = try place(CopiedTable.changes)
        let table = place.table()
        try CopiedTable.expect("bare", of: "b", in: table)
        try place.run("CREATE TABLE go (now text)")
        let holder = try place.server.hold(
            "BEGIN; LOCK TABLE alias IN ACCESS EXCLUSIVE MODE; UPDATE alias SET goto = 'new' WHERE address = 'b'",
            in: place.database, until: "EXISTS (SELECT FROM go)")
        defer { withExtendedLifetime(holder) {} }
        try place.run("SELECT pg_notify('zroute', '')")
        for _ in 0..<50 {
            _ = table.refresh()
            #expect(try table.text(of: "b") == "bare")
            #expect(try table.text(of: "z") == nil)
        }
        try place.run("INSERT INTO go VALUES ('now')")
        try CopiedTable.expect("new", of: "b", in: table)
    }

    /// In one transaction a table is never seen empty: who asks waits, and the copy is the former one and then the new one.
    @Test func aTableThatIsFilledAgainInOneTransactionIsNeverEmpty() throws {
        let place = try place(CopiedTable.changes)
        try place.describe(PostgreSQLPlace.question, as: "asked.cf")
        let (table, asked) = (place.table(), place.table("asked.cf"))
        try CopiedTable.expect("bare", of: "b", in: table)
        #expect(try asked.text(of: "b") == "bare")
        try place.run("CREATE TABLE go (now text)")
        let filler = try place.server.hold(
            "BEGIN; TRUNCATE alias; INSERT INTO alias (address, goto) VALUES ('b', 'again'), ('a@x.example', 'one')",
            in: place.database, until: "EXISTS (SELECT FROM go)")
        defer { withExtendedLifetime(filler) {} }
        func look() throws {
            _ = table.refresh()
            let value = try table.text(of: "b")
            #expect(value == "bare" || value == "again")
            #expect(try table.text(of: "z") == nil)
        }
        let waiting = Thread {
            _ = try? holds {
                (try? place.run(
                    "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'zroute'"
                        + " AND datname = current_database()")) == "t"
            }
            _ = try? place.run("INSERT INTO go VALUES ('now')")
        }
        try look()
        waiting.start()
        #expect(try asked.text(of: "b") == "again")
        #expect(try asked.text(of: "z") == nil)
        try CopiedTable.expect("again", of: "b", in: table, each: look)
        // What is not in it any more.
        try CopiedTable.expect(nil, of: "none@x.example", in: table)
        #expect(try asked.text(of: "none@x.example") == nil)
    }
}
