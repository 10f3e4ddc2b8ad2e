// `diff`, `usage`, and what `newdb` looks at before it publishes: what they print, and how they end.

import Testing
import ZRouteTestKit

@Suite struct DiffCommandTests {
    private static let files = [
        "zmailer.conf": "MAILVAR=@SITE@\nhostname=store.example.net\n",
        "db/dbases.conf": """
        aliases     btree - -la $MAILVAR/db/aliases -lm
        fqdnaliases btree - -la $MAILVAR/db/fqdnaliases -lm%
        fqdnroutes  btree - -l $MAILVAR/db/fqdnroutes -lm%
        routesdb    btree - -l $MAILVAR/db/routes -lm%: -d pathalias
        thishost    btree - -l $MAILVAR/db/localnames -lm% -d pathalias

        """,
        "db/aliases": "root: admin\n",
        "db/fqdnaliases": "team@example.org: bob@example.org, eve@example.org\n",
        "db/fqdnroutes": "bob@example.org smtp-lmtp!cyrus!bob%2\neve@example.org smtp-lmtp!cyrus!eve\n",
        "db/routes": "example.org error!nosuchuser\n",
        "db/localnames": "store.example.net\n",
    ]

    private func site(_ changes: [String: String] = [:], compiled: Bool = true) throws -> TestSite {
        let site = try TestSite(Self.files.merging(changes) { $1 })
        if compiled {
            let result = try site.run(["newdb"])
            try #require(result.status == 0, "\(result.errorText)")
        }
        return site
    }

    private func diff(_ arguments: String..., input: String = "") throws -> CommandResult {
        try runCommand(Programs.zroute.get(), ["diff"] + arguments, input: Array(input.utf8))
    }

    @Test func aSiteDoesNotDifferFromItself() throws {
        let site = try site()
        for format in ["text", "tsv", "json"] {
            let result = try diff(site.path, site.path, "--format", format)
            #expect(result.status == 0)
            #expect(result.text == "")
            #expect(result.errorText == "")
        }
    }

    /// Each edit with the kind of change, the address, and the places of the entry.
    @Test(arguments: [
        (
            "db/fqdnroutes", "bob@example.org smtp-lmtp!other!bob%2\neve@example.org smtp-lmtp!cyrus!eve\n", "rerouted",
            "bob@example.org", 1
        ),
        ("db/fqdnroutes", "eve@example.org smtp-lmtp!cyrus!eve\n", "vanished", "bob@example.org", 1),
        (
            "db/fqdnroutes", "bob@example.org smtp-lmtp!cyrus!bob%2\neve@example.org error!expired\n", "bounced",
            "eve@example.org", 2
        ),
        (
            "db/fqdnroutes",
            "bob@example.org smtp-lmtp!cyrus!bob%2\neve@example.org smtp-lmtp!cyrus!eve\nnew@example.org smtp-lmtp!cyrus!new\n",
            "appeared", "new@example.org", 3
        ),
        ("db/routes", "example.org delay!300\n", "deferred", "zroute-unknown-user@example.org", 1),
        ("db/routes", "example.org smtp!mx\n", "appeared", "zroute-unknown-user@example.org", 1),
    ])
    func anEditIsFound(_ file: String, _ text: String, kind: String, address: String, line: Int) throws {
        let old = try site(), new = try site([file: text])
        let result = try diff(old.path, new.path, "--format", "tsv")
        #expect(result.status == 1)
        #expect(result.errorText == "")
        let rows = result.text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        let row = try #require(rows.first { $0[1] == address }, "\(result.text)")
        #expect(row[0] == kind)
        let expected = ["\(old.path)/\(file):\(line)", "\(new.path)/\(file):\(line)"]
        #expect((kind == "vanished" ? [row[5]] : [row[6]]) == (kind == "vanished" ? [expected[0]] : [expected[1]]))
        let shown = try diff(old.path, new.path)
        #expect(shown.text.contains(":\(line)"))
        #expect(shown.text.contains(address))
        #expect(try diff(old.path, new.path, "--format", "json").text.contains("\"change\":\"\(kind)\""))
    }

    /// A copy whose files still name the place that it was copied from.
    @Test(arguments: ["$MAILVAR", "@PLACE@"])
    func aCopyIsComparedAsItLies(paths: String) throws {
        let old = try site([
            "db/dbases.conf": (Self.files["db/dbases.conf"] ?? "").replacing(
                "$MAILVAR", with: paths.replacing("@PLACE@", with: "@SITE@"))
        ])
        let copy = try TemporaryDirectory()
        try runCommandSuccessfully("/bin/cp", ["-r", "\(old.path)/.", copy.path])
        #expect(try diff(old.path, copy.path).status == 0)
        try copy.write("bob@example.org smtp-lmtp!moved!bob\n", to: "db/fqdnroutes")
        try runCommandSuccessfully(
            Programs.zroute.get(), ["makedb", "-l", "btree", copy.file("db/fqdnroutes"), "--relation", "fqdnroutes"])
        let result = try diff(old.path, copy.path, "--format", "tsv")
        #expect(result.status == 1)
        #expect(result.text.contains("\(copy.path)/db/fqdnroutes:1"), "\(result.text)")
        // The other files of the configuration, for a directory that has none.
        try runCommandSuccessfully("/bin/rm", [copy.file("zmailer.conf")])
        let other = try diff(old.path, copy.path, "--format", "tsv", "--config", old.place.file("zmailer.conf"))
        #expect(other.text == result.text)
    }

    @Test func addressesOfFilesAreAsked() throws {
        let old = try site(), new = try site(["db/fqdnroutes": "bob@example.org smtp-lmtp!other!bob%2\n"])
        let log =
            "Nov 29 01:02:03 mx postfix/lmtp[9]: 4Fc: to=<x@y.example>, orig_to=<bob+Own@example.org>, relay=h, status=sent\nnonsense in a line\n"
        let result = try diff(old.path, new.path, "--format", "tsv", "--no-maps", "--addresses", "-", input: log)
        #expect(result.status == 1)
        #expect(result.text.split(separator: "\n").count == 1)
        #expect(
            result.text.hasPrefix("rerouted\tbob+Own@example.org\tsmtp-lmtp!cyrus!bob+own\tsmtp-lmtp!other!bob+own\t"))
        #expect(result.errorText.contains("standard input:2: in no format"))
        let missing = try diff(old.path, old.path, "--addresses", "/nonexistent")
        #expect(missing.status == 66)
    }

    @Test func whatIsNotCertainIsSaid() throws {
        let old = try site(), new = try site()
        for site in [old, new] { try runCommandSuccessfully("/bin/rm", [site.place.file("db/routes.db")]) }
        let result = try diff(old.path, new.path)
        #expect(result.status == 75)
        #expect(result.errorText.contains("can be looked up on neither side"))
        let whole = try site()
        let deferred = try diff(whole.path, new.path, "--format", "tsv")
        #expect(deferred.status == 1)
        #expect(deferred.text.contains("deferred\tzroute-unknown-user@example.org"))
    }

    @Test func aDirectoryWithoutConfigurationIsRefused() throws {
        let place = try TemporaryDirectory()
        let result = try diff(place.path, place.path)
        #expect(result.status == 78)
        #expect(result.errorText.contains("zmailer.conf"))
    }

    // MARK: newdb

    @Test(arguments: [
        ("bob@example.org smtp-lmtp!other!*\n", Int32(0), true), ("bob@example.org smtp-lmtp!cyrus!*\n", 1, false),
        ("bob@example.org nowhere\n", 65, false),
    ])
    func newdbPublishesOnlyWhatPasses(_ tests: String, status: Int32, isPublished: Bool) throws {
        let site = try site()
        try site.write("bob@example.org smtp-lmtp!other!bob%2\n", to: "db/fqdnroutes")
        let path = try site.write(tests, to: "routes.test")
        let result = try site.run(["newdb", "--tests", path])
        #expect(result.status == status, "\(result.errorText)")
        let route = try site.run(["route-test", "--format", "tsv", "bob@example.org"]).text
        #expect(route.contains("smtp-lmtp!\(isPublished ? "other" : "cyrus")!bob"))
        #expect(try site.place.names("db").filter { $0.contains("zroute-") } == [])
        if status == 1 { #expect(result.errorText.contains("db/fqdnroutes:1")) }
    }

    @Test(arguments: ["text", "json", "sarif"])
    func checkHoldsASiteToItsTests(format: String) throws {
        let site = try site()
        let held = try site.write("bob@example.org smtp-lmtp!cyrus!*\n", to: "held.test")
        let broken = try site.write("# one\nbob@example.org smtp-lmtp!other!*\n", to: "broken.test")
        let fine = try site.run(["check", "--tests", held, "--format", format])
        #expect(!fine.text.contains("-assertion\"") && !fine.text.contains("-assertion)"), "\(fine.text)")
        let found = try site.run(["check", "--tests", held, "--tests", broken, "--format", format])
        #expect(found.status == 1, "\(found.text)")
        #expect(found.text.contains("failed-assertion"))
        #expect(found.text.contains("broken.test"))
        let unreadable = try site.run(["check", "--tests", "/nonexistent", "--format", format])
        #expect(unreadable.status == 65)
        #expect(unreadable.text.contains("no-assertion"))
    }

    @Test(arguments: [("y\n", Int32(0)), ("n\n", 1), ("", 1)])
    func newdbAsks(_ answer: String, status: Int32) throws {
        let site = try site()
        try site.write("bob@example.org smtp-lmtp!other!bob%2\n", to: "db/fqdnroutes")
        let result = try site.run(["newdb", "--ask"], input: Array(answer.utf8))
        #expect(result.status == status, "\(result.errorText)")
        #expect(result.text.contains("bob@example.org: smtp-lmtp!cyrus!bob -> smtp-lmtp!other!bob"), "\(result.text)")
        let route = try site.run(["route-test", "--format", "tsv", "bob@example.org"]).text
        #expect(route.contains(status == 0 ? "other" : "cyrus"))
    }

    @Test func newdbShowsNothingWhereNothingDiffers() throws {
        let site = try site()
        let result = try site.run(["newdb", "--ask"])
        #expect(result.status == 0)
        #expect(!result.text.contains("->"))
    }

    // MARK: usage

    @Test func entriesThatNothingUsesAreShown() throws {
        let site = try site()
        let log = try site.write("bob+x@example.org\n", to: "log")
        let result = try site.run(["usage", "--addresses", log, "--format", "tsv"])
        #expect(result.status == 0, "\(result.errorText)")
        let keys = result.text.split(separator: "\n").map { $0.split(separator: "\t")[1] }
        #expect(keys.sorted() == ["eve@example.org", "example.org", "root", "store.example.net", "team@example.org"])
        #expect(result.text.contains("\(site.path)/db/fqdnroutes:2"))
    }

    @Test func servicesCountWhatIsFound() throws {
        let settings = (Self.files["zmailer.conf"] ?? "") + "POSTOFFICE=@SITE@/post\n"
        let site = try TestSite(Self.files.merging(["zmailer.conf": settings]) { $1 }, spool: "post")
        try #require(try site.run(["newdb"]).status == 0)
        let counters = site.place.file("usage")
        for recipient in ["bob+a@example.org", "bob@example.org", "team@example.org"] {
            try site.submit("external\nfrom <s@remote.example>\nto <\(recipient)>\nenv-end\nSubject: x\n\nbody\n")
            let result = try site.run(["route-queue", "--once", "--usage", counters])
            #expect(result.status == 0 || result.status == 67, "\(result.errorText)")
        }
        let rows = String(decoding: try site.place.read("usage"), as: UTF8.self).split(separator: "\n")
        #expect(rows.first?.hasPrefix("# zroute usage since 20") ?? false)
        let counts = rows.dropFirst().map { row in row.split(separator: "\t").map(String.init) }
        let bob = counts.first { $0[2] == "bob@example.org" }
        #expect(bob?[0] == "fqdnroutes")
        #expect(bob?[3] == "3")
        let unused = try site.run(["usage", "--counters", counters, "--format", "tsv"])
        #expect(unused.status == 0, "\(unused.errorText)")
        let keys = unused.text.split(separator: "\n").map { $0.split(separator: "\t")[1] }
        #expect(keys.sorted() == ["example.org", "root", "store.example.net"])
        try site.write("something else\n", to: "usage")
        #expect(try site.run(["usage", "--counters", counters]).status == 74)
        let refused = try site.run(["route-queue", "--once", "--usage", counters])
        #expect(refused.status == 73)
        #expect(refused.errorText.contains("is no file of --usage"))
    }
}
