// Descriptions of PostgreSQL databases: what in them cannot be used, and what is only warned of.

import Configuration
import Maps
import PostgreSQL
import Testing
import ZRouteTestKit

@Suite struct PostgreSQLDescriptionTests {
    private func findings(_ text: String, mode: String = "600") throws -> [Finding] {
        let directory = try TemporaryDirectory()
        let path = try directory.write(text + "\n", to: "map.cf")
        _ = try runCommandSuccessfully("/bin/chmod", [mode, path])
        let definition = MapDefinition(relation: "r", type: .pgsql, path: path, file: "/dbases.conf", line: 1)
        return PostgreSQLBackEnd().findings(about: definition)
    }

    /// What in a description cannot be used, with a word of the finding.
    static let mistakes: [(text: String, word: String)] = [
        ("query = SELECT '%s'", "names no database"), ("conninfo = dbname=d", "has no query"),
        ("conninfo = host=h\nquery = SELECT '%s'", "names no database"),
        ("conninfo = dbname=d\nquery = DELETE FROM t WHERE '%s'", "no SELECT"),
        ("conninfo = dbname=d\nquery = SELECT 1; SELECT '%s'", "more than one statement"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t", "does not ask for the key"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = \"%s\"", "double quotes"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = $1", "parameter"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = $$%s$$", "parameter"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = E'%s'", "a letter stands before"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = '%s", "no end"),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = '%s' -- x", "comment"),
        ("dbname = d\nquery = SELECT '%s'\nselect_function = f", "'select_function' of pgsql_table(5)"),
        ("dbname = d\nquery = SELECT '%s'\ntable = t", "'table' of pgsql_table(5)"),
        ("dbname = d\nquery = SELECT '%s'\nrows = many", "rows is neither"),
        ("dbname = d\nquery = SELECT '%s'\nencoding = LATIN1", "encoding is not UTF8"),
        ("dbname = d\nquery = SELECT '%s'\ndomain = hash:/etc/d", "is a file or a map"),
        ("dbname = d\nquery = SELECT '%s'\nmax_lag = long", "no number of seconds"),
        ("dbname = d\nquery = SELECT '%s'\nconnections = 0", "no number of connections"),
        ("dbname = d\nquery = SELECT '%s'\nquerry = x", "did you mean"),
        ("dbname = d\nquery = SELECT '%s'\ncanary =", "names no key"),
        ("dbname = d\nquery = SELECT '%d'\ncanary = bare", "never asked"),
        ("conninfo = dbname=d\nuser = u\nquery = SELECT '%s'", "no effect beside conninfo"),
        ("conninfo = dbname=d connect_timeout=3\nquery = SELECT '%s'", "connect_timeout"),
        ("conninfo = dbname=d password='x\nquery = SELECT '%s'", "no end"),
        ("conninfo = dbname=d dbname=e\nquery = SELECT '%s'", "twice"),
        ("conninfo = dbname=d host=a,b port=1,2,3\nquery = SELECT '%s'", "port has 3 members"),
        ("conninfo = dbname=d host=a port=x\nquery = SELECT '%s'", "no port"),
        ("conninfo = nonsense\nquery = SELECT '%s'", "no name=value"),
        ("hosts = unix:relative\ndbname = d\nquery = SELECT '%s'", "no path from the root"),
        ("hosts = h:99999\ndbname = d\nquery = SELECT '%s'", "no port"),
        ("nonsense", "no 'name = value'"),
    ]

    @Test(arguments: mistakes)
    func whatCannotBeUsedIsNamed(mistake: (text: String, word: String)) throws {
        let found = try findings(mistake.text)
        #expect(found.contains { $0.text.contains(mistake.word) && $0.severity == .error }, "\(found)")
    }

    /// What can be used, with the names of what is warned of.
    static let warnings: [(text: String, names: [String])] = [
        ("conninfo = dbname=d\nquery = SELECT goto FROM public.t WHERE a = '%s'\ncanary = k", []),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = '%s'\ncanary = k", ["schema-not-named"]),
        ("conninfo = dbname=d\nquery = SELECT goto FROM t WHERE a = '%s'\ncanary = k\nsearch_path = mail", []),
        (
            "conninfo = dbname=d\nquery = SELECT goto FROM m.t JOIN u ON true WHERE a = '%s'\ncanary = k",
            ["schema-not-named"]
        ),
        (
            "conninfo = dbname=d\nquery = WITH w AS (SELECT * FROM m.t) SELECT goto FROM w WHERE a = '%s'\ncanary = k",
            []
        ),
        ("conninfo = dbname=d\nquery = SELECT v FROM (SELECT * FROM m.t) x WHERE a = '%s'\ncanary = k", []),
        ("conninfo = dbname=d\nquery = SELECT v FROM unnest(string_to_array('%s', ' ')) v\ncanary = k", []),
        ("conninfo = dbname=d\nquery = SELECT goto FROM m.t WHERE a = '%s'", ["missing-canary"]),
        ("conninfo = postgresql://u@h/d\nquery = SELECT goto FROM m.t WHERE a = '%s'\ncanary = k", []),
        (
            "hosts = unix:/run/postgresql h [::1]:5433 inet:g:5432 postgresql://u@h/d\ndbname = d\nuser = u"
                + "\nquery = SELECT goto FROM m.t WHERE a = '%s'\ncanary = k\nencoding = UTF8", []
        ),
    ]

    @Test(arguments: warnings)
    func whatIsProbablyNotMeantIsWarnedOf(warning: (text: String, names: [String])) throws {
        let found = try findings(warning.text)
        #expect(found.map(\.name.description) == warning.names, "\(found)")
        #expect(found.allSatisfy { $0.severity == .warning })
    }

    /// Passwords, wherever they stand.
    static let secrets = [
        "hosts = h\nuser = u\ndbname = d\npassword = hush", "conninfo = dbname=d password=hush",
        "conninfo = postgresql://u:hush@h/d", "conninfo = postgresql://h/d?user=u&password=hush",
        "hosts = postgresql://u:hush@h/d",
    ]

    @Test(arguments: secrets)
    func aFileWithAPasswordIsItsOwnersAlone(text: String) throws {
        let whole = text + "\nquery = SELECT goto FROM m.t WHERE a = '%s'\ncanary = k"
        #expect(try findings(whole).isEmpty)
        for mode in ["640", "604", "620"] {
            let found = try findings(whole, mode: mode)
            #expect(found.map(\.name.description) == ["readable-secrets"], "\(found)")
            #expect(found.allSatisfy { !$0.text.contains("hush") })
        }
    }

    @Test func noMessageShowsAPassword() throws {
        let place = try PostgreSQLPlace()
        for text in [
            "host=/nonexistent dbname=d user=u password=hush", "dbname=d password='hush", "dbname=d hush",
            "postgresql://u:hush@%2Fnonexistent/d", "postgresql://u:hush@[/d", "dbname=d hush=1 password=hush",
        ] {
            try place.describe(PostgreSQLPlace.question, conninfo: text)
            _ = try runCommandSuccessfully("/bin/chmod", ["600", place.directory.file("map.cf")])
            let error = try #require(place.table().failure(of: "b"))
            #expect(!error.description.contains("hush") || text.contains("hush=1"), "\(error)")
        }
    }
}
