// Databases of others by a description: what is asked, and what their rows mean.

import Configuration
import Glibc
import Maps
import SQLite
import System
import Testing
import ZRouteTestKit

@Suite struct SQLiteDescriptionTests {
    private func place(_ description: String) throws -> SQLitePlace {
        let place = try SQLitePlace()
        try place.makeOthers()
        try place.describe(description)
        return place
    }

    /// Queries, what a key finds by them, and that what is in a key is never SQL.
    static let questions: [(query: String, key: String, value: String?)] = [
        ("SELECT goto FROM alias WHERE address = '%s'", "a@x.example", "one"),
        ("SELECT goto FROM alias WHERE address = %s", "a@x.example", "one"),
        ("SELECT goto FROM alias WHERE address = '%s'", "A@x.example", nil),
        ("SELECT goto FROM alias WHERE address = '%s'", "", "empty"),
        ("SELECT goto FROM alias WHERE address = '%s'", "o'clock@x.example", "quote"),
        ("SELECT goto FROM alias WHERE address = '%s'", "x' OR '1'='1", nil),
        ("SELECT goto FROM alias WHERE address = '%s'", "'; DROP TABLE alias; --", nil),
        ("SELECT goto FROM alias WHERE address = '%u@%d'", "a@x.example", "one"),
        ("SELECT goto FROM alias WHERE address = '@%d'", "any@x.example", "all"),
        ("SELECT goto FROM alias WHERE address = '@' || '%d' AND '%u' <> ''", "any@x.example", "all"),
        ("SELECT goto FROM alias WHERE address = '@%d'", "bare", nil),
        ("SELECT goto FROM alias WHERE address = '%u'", "b", "bare"),
        ("SELECT goto FROM alias WHERE address = '%u'", "b@y.example", "bare"),
        ("SELECT goto FROM alias WHERE address = '%u'", "@y.example", nil),
        ("SELECT 'x%%y' FROM alias WHERE address = '%s' AND 5 %% 3 = 2", "b", "x%y"),
        ("SELECT 'it''s' FROM alias WHERE address = '%s';", "b", "it's"),
        ("SELECT goto FROM \"alias\" WHERE \"address\" = '%s'", "b", "bare"),
        ("SELECT goto FROM alias WHERE address = '%s'", "number@x.example", "7"),
        ("WITH n AS (SELECT * FROM alias) SELECT goto FROM n WHERE address = '%s'", "b", "bare"),
    ]

    @Test(arguments: questions)
    func aQueryIsAskedWithTheKeyAsAText(question: (query: String, key: String, value: String?)) throws {
        let place = try place("query = \(question.query)")
        defer { withExtendedLifetime(place) {} }
        let table = place.table("map.cf")
        #expect(try table.text(of: question.key) == question.value)
    }

    /// What is a failure, with a word of its text.
    static let failures: [(description: String, key: String, word: String)] = [
        // In double quotes a word is a name, and never a text that equals nothing.
        ("query = SELECT goto FROM alias WHERE \"adress\" = '%s'", "a@x.example", "no such column"),
        ("query = SELECT goto FROM alias WHERE adress = '%s'", "a@x.example", "no such column"),
        ("query = SELECT goto FROM aliases WHERE address = '%s'", "a@x.example", "no such table"),
        ("query = SELECT goto FROM alias WHERE address == == '%s'", "a@x.example", "syntax error"),
        ("query = SELECT goto, active FROM alias WHERE address = '%s'", "a@x.example", "one column"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "twice@x.example", "several rows"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "null@x.example", "NULL"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "blob@x.example", "BLOB"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "nul@x.example", "NUL"),
        ("query = SELECT goto FROM alias WHERE address = '%s'", "a\0b", "NUL"),
        ("query = SELECT goto FROM alias WHERE address = '%s'\ncanary = lost@x.example", "a@x.example", "canary"),
        // Stored as a BLOB, which equals no text.
        ("query = SELECT goto FROM alias WHERE address = '%s'\ncanary = key@example", "key@example", "canary"),
        ("query = SELECT goto FROM alias WHERE address = '%s'\nresult_format = %d", "b", "no such part"),
        (
            "query = SELECT count(*) FROM alias a, alias b, alias c, alias d, alias e, alias f, alias g, alias h, alias i"
                + " WHERE a.goto <> '%s'", "b", "no answer within"
        ),
    ]

    @Test(arguments: failures)
    func whatIsNoAnswerIsAFailure(failure: (description: String, key: String, word: String)) throws {
        let place = try place(failure.description)
        defer { withExtendedLifetime(place) {} }
        let table = place.table("map.cf", deadline: .seconds(1))
        for _ in 0..<2 {
            let error = try #require(table.failure(of: failure.key))
            #expect(error.text.contains(failure.word) || error.text.contains("not asked"), "\(error.text)")
        }
    }

    /// Other keys that are read, and how several rows are written.
    static let forms: [(description: String, key: String, value: String?)] = [
        ("query = SELECT goto FROM alias WHERE address = '%s'\nrows = join", "twice@x.example", "one,two"),
        ("query = SELECT goto FROM alias WHERE address = '%s'\nrows = join", "a@x.example", "one"),
        ("query = SELECT goto FROM alias WHERE address = '%s'\nrows = join", "none@x.example", nil),
        (
            "query = SELECT goto FROM alias WHERE address = '%s'\nresult_format = smtp!%s!%U%%", "a@x.example",
            "smtp!one!a%"
        ),
        ("query = SELECT goto\n  FROM alias\n  WHERE address = '%s'\ncanary = b", "b", "bare"),
        (
            "query = SELECT goto FROM alias WHERE address = '%s'\nrows = join\nresult_format = %s@d", "twice@x.example",
            "one@d,two@d"
        ),
    ]

    @Test(arguments: forms)
    func rowsBecomeAValue(form: (description: String, key: String, value: String?)) throws {
        let place = try place(form.description)
        defer { withExtendedLifetime(place) {} }
        let table = place.table("map.cf")
        #expect(try table.text(of: form.key) == form.value)
    }

    @Test func aFileOfPostfixIsReadAsItStands() throws {
        let place = try SQLitePlace()
        try place.makeOthers()
        try place.directory.write(
            """
            # /etc/postfix/sqlite_virtual_alias_maps.cf
            dbpath = \(place.directory.file("others.db"))
            query = SELECT goto FROM alias WHERE address='%s' AND active = '1'
            expansion_limit = 2

            """, to: "postfix.cf")
        let table = place.table("postfix.cf")
        #expect(try table.text(of: "a@x.example") == "one")
        #expect(try table.text(of: "twice@x.example") == "one,two")
        #expect(try table.text(of: "none@x.example") == nil)
        try place.run("INSERT INTO alias (address, goto) VALUES ('twice@x.example', 'three')", in: "others.db")
        #expect(table.failure(of: "twice@x.example")?.text.contains("more than 2 rows") == true)
    }

    /// What in a description cannot be used, with a word of the finding.
    static let mistakes: [(text: String, word: String)] = [
        ("query = SELECT 1 WHERE '%s'", "names no database"), ("dbname = /d", "has no query"),
        ("dbname = /d\nquery = DELETE FROM t WHERE '%s'", "no SELECT"),
        ("dbname = /d\nquery = SELECT 1; SELECT '%s'", "more than one statement"),
        ("dbname = /d\nquery = SELECT goto FROM t", "does not ask for the key"),
        ("dbname = /d\nquery = SELECT goto FROM t WHERE a = \"%s\"", "double quotes"),
        ("dbname = /d\nquery = SELECT goto FROM t WHERE a = '%1'", "%1 is not carried over"),
        ("dbname = /d\nquery = SELECT goto FROM t WHERE a = ?", "parameter"),
        ("dbname = /d\nquery = SELECT goto FROM t WHERE a = '%s", "no end"),
        ("dbname = /d\nquery = SELECT goto FROM t WHERE a = '%s' -- x", "comment"),
        ("dbname = /d\nquery = SELECT goto FROM t WHERE a = '%'", "single %"),
        ("dbpath = /d\nquery = SELECT '%s'\ndomain = example.org", "'domain' of sqlite_table(5)"),
        ("dbpath = /d\nquery = SELECT '%s'\nselect_field = goto", "'select_field' of sqlite_table(5)"),
        ("dbname = /d\nquery = SELECT '%s'\nrows = many", "rows is neither"),
        ("dbname = /d\nquery = SELECT '%s'\nexpansion_limit = many", "no number"),
        ("dbname = /d\nquery = SELECT '%s'\nquerry = x", "unknown"),
        ("dbname = /d\ndbpath = /d\nquery = SELECT '%s'", "same thing"),
        ("dbname = /d\ndbname = /e\nquery = SELECT '%s'", "stands in line 1"), ("nonsense", "no 'name = value'"),
        ("  query = x", "continues no line"), ("dbname = /d\nquery = SELECT '%s'\ncanary =", "names no key"),
    ]

    @Test(arguments: mistakes)
    func whatCannotBeUsedIsNamed(mistake: (text: String, word: String)) throws {
        let place = try SQLitePlace()
        try place.directory.write(mistake.text + "\n", to: "map.cf")
        let findings = SQLiteBackEnd().findings(about: place.definition("map.cf"))
        #expect(findings.contains { $0.text.contains(mistake.word) && $0.severity == .error }, "\(findings)")
        // Until it is mended every lookup fails.
        #expect(place.table("map.cf").failure(of: "a") != nil)
    }

    @Test func aDescriptionThatIsNotThereIsAFailure() throws {
        let place = try SQLitePlace()
        #expect(place.table("map.cf").failure(of: "a")?.text.contains("cannot be read") == true)
    }

    @Test func whereTheLibraryIsNotInstalledItSaysWhichPackageHasIt() throws {
        let error = #expect(throws: SharedLibraryError.self) {
            try SharedLibrary("libzroute-none.so.9", package: "libzroute-none9")
        }
        #expect(error?.text.contains("install the package libzroute-none9") == true, "\(error?.text ?? "")")
        let library = try SharedLibrary("libsqlite3.so.0", package: "libsqlite3-0")
        #expect(throws: SharedLibraryError.self) { unsafe try library.address(of: "sqlite3_nonsense") }
    }
}
