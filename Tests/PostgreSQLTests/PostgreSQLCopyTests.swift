// Databases that are copied whole and followed as they change.

import Configuration
import Foundation
import Glibc
import Maps
import PostgreSQL
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostgreSQLCopyTests {
    private static let sync = CopiedTable.sync, changes = CopiedTable.changes

    private func place(_ description: String, server: PostgreSQLServer? = nil) throws -> PostgreSQLPlace {
        let place = try PostgreSQLPlace(server)
        try place.makeAliases()
        try place.run("DELETE FROM alias WHERE goto IS NULL OR address = 'twice@x.example'")
        try place.run(try CopiedTable.triggers.get())
        try place.describe(description)
        return place
    }

    private func expect(_ value: String?, of key: String, in table: any Table) throws {
        try CopiedTable.expect(value, of: key, in: table)
    }

    @Test func changesComeByThemselves() throws {
        let place = try place(Self.changes)
        let table = place.table()
        try expect("bare", of: "b", in: table)
        #expect(try table.text(of: "z") == nil)
        #expect(try table.text(of: "grün@x.example") == "grün")
        try place.run("INSERT INTO alias (address, goto) VALUES ('new@x.example', '1')")
        try expect("1", of: "new@x.example", in: table)
        try place.run("UPDATE alias SET goto = '2' WHERE address = 'new@x.example'")
        try expect("2", of: "new@x.example", in: table)
        try place.run("UPDATE alias SET address = 'moved@x.example' WHERE address = 'new@x.example'")
        try expect("2", of: "moved@x.example", in: table)
        #expect(try table.text(of: "new@x.example") == nil)
        try place.run("UPDATE alias SET active = false WHERE address = 'b'")
        try expect(nil, of: "b", in: table)
        try place.run("DELETE FROM alias WHERE address = 'moved@x.example'")
        try expect(nil, of: "moved@x.example", in: table)
        #expect(try table.text(of: "a@x.example") == "one")
    }

    /// A transaction that began before others and ends after them is seen all the same.
    @Test func transactionsThatEndInAnotherOrder() throws {
        let place = try place(Self.changes)
        let table = place.table()
        try expect("bare", of: "b", in: table)
        try place.run("CREATE TABLE go (now text)")
        let slow = try place.server.hold(
            "BEGIN; INSERT INTO alias (address, goto) VALUES ('slow@x.example', 'slow')", in: place.database,
            until: "EXISTS (SELECT FROM go)")
        defer { withExtendedLifetime(slow) {} }
        for number in 0..<3 {
            try place.run("INSERT INTO alias (address, goto) VALUES ('quick\(number)', 'quick')")
            try expect("quick", of: "quick\(number)", in: table)
        }
        #expect(try table.text(of: "slow@x.example") == nil)
        try place.run("INSERT INTO go VALUES ('now')")
        try expect("slow", of: "slow@x.example", in: table)
    }

    @Test func anEmptiedTableStaysAsItWas() throws {
        let place = try place(Self.changes)
        let table = place.table()
        try expect("bare", of: "b", in: table)
        try place.run("CREATE TABLE kept AS SELECT * FROM alias; TRUNCATE alias")
        try place.run("SELECT pg_notify('zroute', '')")
        // As long as it is empty nothing changes.
        for _ in 0..<50 {
            _ = table.refresh()
            #expect(try table.text(of: "b") == "bare")
            usleep(2000)
        }
        try place.run("INSERT INTO alias SELECT * FROM kept WHERE address <> 'b'")
        try expect(nil, of: "b", in: table)
        #expect(try table.text(of: "a@x.example") == "one")
    }

    @Test func whatNobodyGaveNoticeOfIsFoundByComparing() throws {
        let place = try place(Self.changes.replacing("3600", with: "1"))
        let table = place.table()
        try expect("bare", of: "b", in: table)
        try place.run(
            """
            ALTER TABLE alias DISABLE TRIGGER USER;
            BEGIN; INSERT INTO alias (address, goto) VALUES ('silent', 'yes');
            INSERT INTO zroute_changes VALUES ('silent', pg_current_xact_id()); COMMIT;
            """)
        try expect("yes", of: "silent", in: table)
    }

    @Test func aVersionIsEnough() throws {
        let place = try place(
            Self.sync.replacing("3600", with: "1") + "\nversion = SELECT count(*) || ' ' || max(goto) FROM public.alias"
        )
        let table = place.table()
        try expect("bare", of: "b", in: table)
        try place.run("ALTER TABLE alias DISABLE TRIGGER USER; INSERT INTO alias (address, goto) VALUES ('new', 'yes')")
        try expect("yes", of: "new", in: table)
    }

    @Test func severalRowsOfAKey() throws {
        let place = try place(Self.changes)
        try place.run("INSERT INTO alias (address, goto) VALUES ('twice', 'one'), ('twice', 'two')")
        let table = place.table()
        try expect("bare", of: "b", in: table)
        #expect(table.failure(of: "twice") != nil)
        try place.run("DELETE FROM alias WHERE address = 'twice' AND goto = 'one'")
        try expect("two", of: "twice", in: table)
        try place.describe(Self.changes + "\nrows = join", as: "join.cf")
        try place.run("INSERT INTO alias (address, goto) VALUES ('twice', 'three')")
        let joined = place.table("join.cf")
        try expect("bare", of: "b", in: joined)
        let value = try joined.text(of: "twice")
        #expect(value?.split(separator: ",").count == 2, "\(value ?? "absent")")
    }

    @Test func lookupsGoOnWithoutTheServer() throws {
        let server = try PostgreSQLServer()
        let place = try place(Self.changes + "\ncopy = alias.copy", server: server)
        let table = place.table()
        try expect("bare", of: "b", in: table)
        try server.stop()
        _ = table.refresh()
        #expect(try table.text(of: "b") == "bare")
        #expect(try table.text(of: "z") == nil)
        // Another process goes on from what is on disk.
        let other = place.table()
        try expect("bare", of: "b", in: other)
        #expect(try other.text(of: "z") == nil)
        try server.start()
        try place.run("INSERT INTO alias (address, goto) VALUES ('after', 'yes')")
        try expect("yes", of: "after", in: table)
        for process in try server.backends(of: place.database) { kill(process, SIGKILL) }
        let isBack = try holds { (try? place.run("SELECT 1")) == "1" }
        #expect(isBack)
        try place.run("INSERT INTO alias (address, goto) VALUES ('later', 'yes')")
        try expect("yes", of: "later", in: table)
    }

    /// A copy of a database is not taken for one of another database with the same name.
    @Test func aDatabaseThatIsMadeAnewIsCopiedAnew() throws {
        let place = try place(Self.changes)
        let table = place.table()
        try expect("bare", of: "b", in: table)
        try place.server.run("DROP DATABASE \(place.database) WITH (FORCE)", in: "postgres")
        try place.server.run("CREATE DATABASE \(place.database)", in: "postgres")
        _ = table.refresh()
        #expect(try table.text(of: "b") == "bare")
        try place.makeAliases()
        try place.run("DELETE FROM alias WHERE goto IS NULL OR address = 'twice@x.example' OR address = 'b'")
        try place.run(try CopiedTable.triggers.get())
        try expect(nil, of: "b", in: table)
        #expect(try table.text(of: "a@x.example") == "one")
    }

    /// What in a description of a copy cannot be used, with a word of the finding.
    static let mistakes: [(text: String, word: String)] = [
        ("query = SELECT '%s'\nchanges = c", "without sync"),
        ("sync = often", "not 'notify'"),
        ("sync = notify\nchanges = c\ncanary = k", "needs entries"),
        ("sync = notify\nchanges = c\nentries = SELECT k, v FROM m.t", "needs entries"),
        ("sync = notify\ncanary = k\nentries = SELECT k, v FROM m.t", "either changes"),
        (
            "sync = notify\nchanges = c\nversion = SELECT 1\ncanary = k\nentries = SELECT k, v FROM m.t",
            "either changes"
        ),
        (
            "sync = notify\nchanges = c\ncanary = k\nentries = SELECT k, v FROM m.t\ninterval = 0",
            "no number of seconds"
        ),
    ]

    @Test(arguments: mistakes)
    func whatCannotBeUsedIsNamed(mistake: (text: String, word: String)) throws {
        let place = try PostgreSQLPlace()
        try place.describe(mistake.text)
        let found = PostgreSQLBackEnd().findings(about: place.definition())
        #expect(found.contains { $0.text.contains(mistake.word) && $0.severity == .error }, "\(found)")
        #expect(place.table().failure(of: "b") != nil)
    }
}
