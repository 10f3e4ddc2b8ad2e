// Libraries that only some maps need: what does not need one runs without it and loads none, and what does names its package.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct LibraryTests {
    /// A type of maps with its library.
    struct Kind: Sendable, CustomTestStringConvertible {
        let type: String
        let library: String
        let package: String
        let description: String
        /// What the library itself needs of these.
        var further: Set<String> = []

        var testDescription: String { type }
    }

    private static let directory = "uri ldap://127.0.0.1:1\nbase o=x\nfilter (mail=%s)\nattr mail\ncanary c\n"

    static let kinds = [
        Kind(type: "ldap", library: "libldap-2.5.so.0", package: "libldap-2.5-0", description: directory),
        Kind(type: "ldapsync", library: "libldap-2.5.so.0", package: "libldap-2.5-0", description: directory),
        Kind(
            type: "pgsql", library: "libpq.so.5", package: "libpq5",
            description: "conninfo = host=/nonexistent dbname=d\nquery = SELECT v FROM m.t WHERE k = '%s'\n"
                + "canary = c\n", further: ["libldap-2.5.so.0"]),
        Kind(
            type: "sqlite", library: "libsqlite3.so.0", package: "libsqlite3-0",
            description: "dbname = mail.db\nquery = SELECT v FROM t WHERE k = '%s'\ncanary = c\n"),
    ]

    private static let text = "$DBTYPE - -l @SITE@/db/fqdnroutes -lm"

    /// A site with routes as text; a relation has a map of a type instead, if one is named.
    private func site(_ relation: String = "", _ kind: Kind? = nil) throws -> TestSite {
        var lines = ["fqdnroutes": Self.text]
        if let kind { lines[relation] = "\(kind.type) - - @SITE@/db/map.cf -l" }
        let relations = ["fqdnaliases", "fqdnroutes", "routesdb", "aliases", "thishost"]
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\nDBTYPE=text\nlookuptimeout=4\n",
            "dbases.conf": relations.map { "\($0) \(lines[$0] ?? "NONE - - - -")\n" }.joined(),
            "db/fqdnroutes": "a@x.example  smtp!relay!a\n",
            "db/map.cf": kind?.description ?? "",
        ])
        try runCommandSuccessfully(
            "/usr/bin/sqlite3",
            [site.place.file("db/mail.db"), "CREATE TABLE t (k, v); INSERT INTO t VALUES ('c', 'v')"])
        // Libraries that are none stand before the real ones, as where those are not installed.
        for kind in Self.kinds { try site.write("", to: "lib/\(kind.library)") }
        return site
    }

    private func run(_ site: TestSite, _ words: [String], _ variable: String) throws -> CommandResult {
        try runCommand("/usr/bin/env", [variable, try Programs.zroute.get()] + site.options(words))
    }

    @Test(arguments: kinds)
    func aMapWithoutItsLibraryIsHeldAndNamesThePackage(kind: Kind) throws {
        let site = try site("fqdnroutes", kind)
        let without = "LD_LIBRARY_PATH=\(site.place.file("lib"))"
        for words in [["route-test", "a@x.example"], ["check"]] {
            let result = try run(site, words, without)
            #expect(
                (result.text + result.errorText).contains("install the package \(kind.package)"),
                "\(result.errorText)\(result.text)")
            #expect(words == ["check"] || result.status == 75, "\(result.text)")
        }
    }

    @Test func whatNeedsNoLibraryRunsWithoutThem() throws {
        let site = try site()
        let without = "LD_LIBRARY_PATH=\(site.place.file("lib"))"
        let routed = try run(site, ["route-test", "--format", "tsv", "a@x.example"], without)
        #expect(routed.status == 0 && routed.text == "a@x.example\tsmtp!relay!a\n", "\(routed.errorText)\(routed.text)")
        let checked = try run(site, ["check"], without)
        #expect(!checked.text.contains("install the package"), "\(checked.text)")
    }

    /// What the dynamic linker says of the libraries that it opens.
    @Test(arguments: kinds)
    func aLibraryIsLoadedWhenItIsAskedForAlone(kind: Kind) throws {
        let libraries = Set(Self.kinds.map(\.library))
        func loaded(_ site: TestSite) throws -> Set<String> {
            let said = try run(site, ["route-test", "a@x.example"], "LD_DEBUG=files").errorText
            // Without this the rest says nothing.
            #expect(said.contains("file=libc.so.6"))
            return libraries.filter { said.contains("file=\($0)") }
        }
        #expect(try loaded(site("fqdnroutes", kind)) == kind.further.union([kind.library]))
        // Nobody is asked whether an address elsewhere is a name of this host.
        #expect(try loaded(site("aliases", kind)) == [])
        #expect(try loaded(site()) == [])
    }
}
