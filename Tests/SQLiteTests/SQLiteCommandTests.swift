// newdb, makedb, check and route-test with maps of the type `sqlite`.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct SQLiteCommandTests {
    private let site: TestSite
    private var place: TemporaryDirectory { site.place }

    init() throws {
        site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\n",
            "db/dbases.conf": """
            aliases sqlite - -la $MAILVAR/db/aliases -lm
            fqdnroutes sqlite - -l $MAILVAR/db/routes -lm%
            fqdnaliases sqlite - - $MAILVAR/db/alias.cf -m
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
            "db/aliases": "root: anna@y.example\n",
            "db/routes": "anna@y.example smtp-lmtp!node!anna%2\n",
            "db/alias.cf": """
            dbname = mail.db
            query = SELECT goto FROM alias WHERE address = '%s'
            canary = postmaster@x.example
            entries = SELECT address, goto FROM alias

            """,
        ])
        try runCommandSuccessfully(
            "/usr/bin/sqlite3",
            [
                place.file("db/mail.db"),
                "CREATE TABLE alias (address TEXT PRIMARY KEY, goto TEXT);"
                    + "INSERT INTO alias VALUES ('postmaster@x.example', 'root@here.example'), ('bob@x.example', 'anna@y.example')",
            ])
    }

    @Test func mapsOfBothKindsAnswer() throws {
        let result = try site.run(["newdb"])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(
            result.text
                == "aliases\t1\t\(place.path)/db/aliases.sqlite\nfqdnroutes\t1\t\(place.path)/db/routes.sqlite\n")
        let answer = try site.run(["route-test", "--format", "tsv", "anna+news@y.example", "root", "bob@x.example"])
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(answer.text.contains("smtp-lmtp!node!anna+news\n"))
        #expect(answer.text.split(separator: "\n").count { $0.hasSuffix("smtp-lmtp!node!anna") } == 2, "\(answer.text)")
        let check = try site.run(["check"])
        #expect(check.status == 0, "\(check.text)\(check.errorText)")
        #expect(check.errorText.contains("4 entries in 3 maps") || check.text.contains("4 entries in 3 maps"))
    }

    @Test(arguments: ["cut", "zeros", "text", "none", "canary", "query", "description"])
    func aDatabaseThatCannotBeAskedHoldsItsAddresses(damage: String) throws {
        #expect(try site.run(["newdb"]).status == 0)
        switch damage {
        case "cut": try place.write(Array(place.bytes(of: "db/routes.sqlite").dropLast(4096)), to: "db/routes.sqlite")
        case "zeros": try place.write([UInt8](repeating: 0, count: 9000), to: "db/routes.sqlite")
        case "text": try place.write("anna@y.example smtp-lmtp!node!anna\n", to: "db/routes.sqlite")
        case "none": try FileManager.default.removeItem(atPath: place.file("db/routes.sqlite"))
        case "canary":
            try runCommandSuccessfully("/usr/bin/sqlite3", [place.file("db/mail.db"), "DELETE FROM alias"])
        case "query":
            try runCommandSuccessfully("/usr/bin/sqlite3", [place.file("db/mail.db"), "DROP TABLE alias"])
        default: try FileManager.default.removeItem(atPath: place.file("db/mail.db"))
        }
        let answer = try site.run(["route-test", "--format", "tsv", "anna@y.example"])
        #expect(answer.text.contains("hold!IO:error!anna@y.example"), "\(answer.text)")
        #expect(
            answer.errorText.contains("routes.sqlite") || answer.errorText.contains("alias.cf"), "\(answer.errorText)")
    }

    @Test func aMistakeInADescriptionIsSaidAtOnce() throws {
        try place.write("dbname = mail.db\nquery = SELECT goto FROM alias\n", to: "db/alias.cf")
        let check = try site.run(["check"])
        #expect(check.status == 78, "\(check.text)\(check.errorText)")
        #expect((check.text + check.errorText).contains("db/alias.cf:2"), "\(check.text)\(check.errorText)")
    }

    @Test func makedbAddsToADatabase() throws {
        let base = place.file("db/m")
        try place.write("a old\nb old\n", to: "first")
        try place.write("b new\nc new\n", to: "second")
        #expect(try site.run(["makedb", "sqlite", base, place.file("first")]).status == 0)
        let added = try site.run(["makedb", "-A", "sqlite", base, place.file("second")])
        #expect(added.status == 0, "\(added.errorText)")
        let dump = try runCommandSuccessfully("/usr/bin/sqlite3", [base + ".sqlite", "SELECT * FROM entries"])
        #expect(String(decoding: dump, as: UTF8.self) == "a|old\nb|old\nc|new\n")
        // A damaged one is not added to: what its damage hides would be lost for good.
        try place.write([UInt8](repeating: 0, count: 9000), to: "db/m.sqlite")
        #expect(try site.run(["makedb", "-A", "sqlite", base, place.file("second")]).status != 0)
        #expect(try place.bytes(of: "db/m.sqlite").count == 9000)
    }

    @Test func dbCommandsWorkOnALiveMapWhileOthersReadIt() throws {
        try place.write(
            "fqdnroutes sqlite - -r $MAILVAR/db/routes -lm%\naliases NONE - - - -\nfqdnaliases NONE - - - -\n"
                + "routesdb NONE - - - -\nthishost NONE - - - -\n", to: "db/dbases.conf")
        let dump = (0..<3000).map { "user\($0)@x.example\tsmtp-lmtp!node!u\($0)\n" }.joined()
        try place.write(dump, to: "dump")
        let loaded = try site.run(["db", "load", "fqdnroutes", place.file("dump")])
        #expect(loaded.status == 0, "\(loaded.errorText)")
        #expect(try site.run(["db", "get", "fqdnroutes", "User7@x.example"]).text == "smtp-lmtp!node!u7\n")
        #expect(try site.run(["db", "get", "fqdnroutes", "nobody@x.example"]).status == 1)
        #expect(try site.run(["db", "put", "fqdnroutes", "user7@x.example", "smtp-lmtp!node!other"]).status == 0)
        #expect(try site.run(["db", "put", "fqdnroutes", "new@x.example", "smtp-lmtp!node!new"]).status == 0)
        #expect(try site.run(["db", "delete", "fqdnroutes", "user8@x.example"]).status == 0)
        #expect(try site.run(["db", "delete", "fqdnroutes", "user8@x.example"]).status == 1)
        #expect(try site.run(["db", "count", "fqdnroutes"]).text == "3000\n")
        let verified = try site.run(["db", "verify", "fqdnroutes"])
        #expect(
            verified.status == 0 && verified.text.contains("3000 entries, all well"),
            "\(verified.text)\(verified.errorText)")
        let answer = try site.run([
            "route-test", "--format", "tsv", "user7@x.example", "new@x.example", "user8@x.example",
        ])
        #expect(answer.text.contains("smtp-lmtp!node!other\n") && answer.text.contains("smtp-lmtp!node!new\n"))
        #expect(answer.text.contains("smtp!x.example!user8@x.example"), "\(answer.text)")
        // The dump is what is loaded.
        let all = try site.run(["db", "dump", "fqdnroutes"])
        #expect(
            all.text.split(separator: "\n").count == 3000 && all.text.contains("new@x.example\tsmtp-lmtp!node!new\n"))
        try place.write(all.output, to: "dump")
        try FileManager.default.removeItem(atPath: place.file("db/routes.sqlite"))
        #expect(try site.run(["db", "load", "fqdnroutes", place.file("dump")]).status == 0)
        #expect(try site.run(["db", "dump", "fqdnroutes"]).output == all.output)
        let mode = try runCommandSuccessfully(
            "/usr/bin/sqlite3", [place.file("db/routes.sqlite"), "PRAGMA journal_mode; PRAGMA integrity_check"])
        #expect(String(decoding: mode, as: UTF8.self) == "wal\nok\n")
        // newdb leaves it alone, and a damaged one is neither counted nor dumped.
        #expect(try site.run(["newdb"]).status == 0)
        let whole = try place.bytes(of: "db/routes.sqlite")
        for name in ["routes.sqlite-wal", "routes.sqlite-shm"] {
            try? FileManager.default.removeItem(atPath: place.file("db/\(name)"))
        }
        try place.write(Array(whole.prefix(whole.count / 2)), to: "db/routes.sqlite")
        for command in ["count", "dump", "verify", "get"] {
            let arguments = ["db", command, "fqdnroutes"] + (command == "get" ? ["user7@x.example"] : [])
            let result = try site.run(arguments)
            #expect(
                [1, 75].contains(result.status) && result.text.isEmpty, "\(command): \(result.status) \(result.text)")
            #expect(result.errorText.contains("damaged"), "\(result.errorText)")
        }
    }

    @Test func whatADatabaseCannotHoldIsRefusedWithItsLine() throws {
        try place.write(
            Array("root: anna@y.example\nb".utf8) + [0xFF] + Array(": anna@y.example\n".utf8), to: "db/aliases")
        let result = try site.run(["newdb", "--allow", "all"])
        #expect(result.status == 65, "\(result.errorText)")
        #expect(result.errorText.contains("db/aliases:2"), "\(result.errorText)")
        #expect(result.errorText.contains("not UTF-8"), "\(result.errorText)")
    }

    @Test func aCompiledMapIsNotChangedInPlaceNorReplacedUnderAWriter() throws {
        #expect(try site.run(["newdb"]).status == 0)
        let put = try site.run(["db", "put", "fqdnroutes", "a@y.example", "smtp-lmtp!node!a"])
        #expect(put.status == 64 && put.errorText.contains("newdb would undo"), "\(put.errorText)")
        let environment = try site.run(["db", "get", "--env", place.path, "fqdnroutes", "a@y.example"])
        #expect(environment.status == 64, "\(environment.errorText)")
        // A log that belongs to the old file would be taken for the new one's.
        try place.write("log", to: "db/routes.sqlite-wal")
        let result = try site.run(["newdb"])
        #expect(result.status != 0 && result.errorText.contains("routes.sqlite-wal"), "\(result.errorText)")
    }
}
