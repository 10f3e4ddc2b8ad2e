// Test files of routes: what holds, what does not and why it is said, what is no assertion; and every table of route-test.

import Check
import Configuration
import Maps
import Routing
import Site
import Testing
import ZRouteTestKit

/// A site of some users for all tests of this file.
private func someSite() throws -> TestSite {
    try TestSite([
        "zmailer.conf": "MAILVAR=@SITE@\nhostname=store.example.net\n",
        "dbases.conf": """
        aliases     text - -la @SITE@/aliases -l
        fqdnaliases text - -la @SITE@/fqdnaliases -l%
        fqdnroutes  text - -l @SITE@/fqdnroutes -l%
        routesdb    text - -l @SITE@/routes -l%: -d pathalias
        thishost    text - -l @SITE@/localnames -l% -d pathalias

        """,
        "aliases": "root: admin\nlist: one, two@remote.example\n",
        "fqdnaliases": "team@example.org: bob@example.org, eve@example.org\n",
        "fqdnroutes": """
        # users
        bob@example.org smtp-lmtp!cyrus!bob%2
        odd@example.org smtp-lmtp!node;a!odd user\\x
        late@example.org error!expired!come\\back;later

        """,
        "routes": "example.org error!nosuchuser\nslow.example delay!300\n.gw.example lotusgw!dom!gate.example\n",
        "localnames": "store.example.net\n",
    ])
}

private func findings(
    _ text: String, failures: [MapFailure] = []
) throws -> (found: [Finding], counts: AssertionCounts) {
    let test = try someSite()
    return try findings(file: try test.place.write(text, to: "routes.test"), test, failures: failures)
}

private func findings(
    file path: String, _ test: TestSite, failures: [MapFailure] = []
) throws -> (found: [Finding], counts: AssertionCounts) {
    var found: [Finding] = []
    var run = AssertionRun(
        try test.open(failures: failures), texts: TextTableLoader(report: { _ in }, reportUnsettled: { _ in }),
        workers: 2
    ) {
        found.append($0)
    }
    try run.check(path)
    let counts = run.finish()
    return (found, counts)
}

@Suite struct AssertionTests {
    @Test(arguments: [
        "bob@example.org  smtp-lmtp!cyrus!bob",
        "bob@example.org\tsmtp-lmtp!cyrus!bob",
        "  bob@example.org \t  smtp-lmtp!cyrus!bob   ",
        "bob+Tail@example.org smtp-lmtp!cyrus!bob+tail",
        "bob@example.org *!*!*", "bob@example.org smtp-lmtp!*!bob", "bob@example.org *!cyrus!*",
        "gone@example.org  error!nosuchuser!*", "gone@example.org error!*!gone@example.org",
        "team@example.org smtp-lmtp!cyrus!bob; error!nosuchuser!*",
        "team@example.org\tsmtp-lmtp!cyrus!bob;error!nosuchuser!eve@example.org",
        "bob@example.org smtp-lmtp!cyrus!bob # moved in May; see the ticket",
        "bob@example.org smtp-lmtp!cyrus!bob\r",
        "u@slow.example hold!17!u@slow.example", "u@slow.example deferred", "u@slow.example deferred # always",
        "u@a.gw.example smtp!gate.example!u%dom@gate.example",
        "\"a b\"@example.org error!nosuchuser!\"a b\"@example.org",
        "*@example.org error!nosuchuser!*@example.org",
        "odd@example.org smtp-lmtp!node\\;a!odd user\\\\x",
        "late@example.org error!*!*",
        "a..b@example.org error!syntax!*",
        "# a comment", "#comment", "", "   ", "\t", "  # indented",
        "list local!list!one;smtp!remote.example!two@remote.example",
        "#tag@example.org\terror!nosuchuser!#tag@example.org",
    ])
    func thatHolds(_ line: String) throws {
        let (found, counts) = try findings(line + "\n")
        #expect(found.map(\.text) == [])
        #expect(counts.failed == 0)
        #expect(counts.mistakes == 0)
    }

    @Test(arguments: [
        (
            "bob@example.org smtp-lmtp!other!bob",
            ["expected to go to smtp-lmtp!other!bob", "goes to smtp-lmtp!cyrus!bob", "fqdnroutes:2)"]
        ),
        ("bob@example.org error!nosuchuser!*", ["fqdnroutes 'bob@example.org'"]),
        ("gone@example.org smtp-lmtp!*!*", ["goes to error!nosuchuser!gone@example.org", "routes:1)"]),
        ("bob@example.org deferred", ["expected to go to deferred"]),
        ("bob@example.org smtp-lmtp!cyrus!bob;*!*!*", ["goes to smtp-lmtp!cyrus!bob;"]),
        ("team@example.org smtp-lmtp!cyrus!bob", ["; error!nosuchuser!eve@example.org", "fqdnaliases:1)"]),
        ("team@example.org error!nosuchuser!*; smtp-lmtp!cyrus!bob", ["in another order"]),
        ("u@elsewhere.example local!*!*", ["no entry of any map decided it"]),
        ("bob@example.org smtp-lmtp!cyrus!bo*", ["expected"]),
        ("u@slow.example hold!soon!*", ["goes to hold!"]),
    ])
    func thatFails(_ line: String, says: [String]) throws {
        let (found, counts) = try findings("# one\n\n\(line)\nbob@example.org smtp-lmtp!cyrus!bob\n")
        #expect(counts.checked == 2)
        #expect(counts.failed == 1)
        let finding = try #require(found.first)
        #expect(found.count == 1)
        #expect(finding.name == .failedAssertion)
        #expect(finding.line == 3)
        #expect(finding.file.hasSuffix("/routes.test"))
        for part in says { #expect(finding.text.contains(part), "\(finding.text)") }
    }

    @Test(arguments: [
        "bob@example.org", "bob@example.org  ", "bob@example.org nowhere", "bob@example.org smtp!host",
        "bob@example.org\tsmtp!host", "bob@example.org a!b!c;", "bob@example.org # nothing", "bob@example.org Deferred",
    ])
    func thatIsNoAssertion(_ line: String) throws {
        let (found, counts) = try findings("\(line)\n")
        #expect(found.map(\.name) == [.noAssertion])
        #expect(found.map(\.line) == [1])
        #expect(counts.mistakes == 1)
        #expect(counts.checked == 0)
    }

    @Test func aMapThatFailsIsSaid() throws {
        let failures = [MapFailure(relation: "fqdnroutes", key: nil)]
        let (found, counts) = try findings("bob@example.org smtp-lmtp!cyrus!bob\n", failures: failures)
        #expect(counts.deferred == 1)
        #expect(found.first?.text.contains("failure injected") ?? false)
        #expect(try findings("bob@example.org deferred\n", failures: failures).counts.failed == 0)
    }

    /// Every table of route-test is a test file, whatever bytes it has, and holds.
    @Test func anyTableHolds() throws {
        let test = try someSite()
        let bytes: [[UInt8]] = [
            Array("bob@example.org".utf8), Array("".utf8), Array("\\tom".utf8), Array("a\\tb@example.org".utf8),
            Array("a\tb@example.org".utf8), Array("\"a\\tb\"@example.org".utf8), Array("#x@example.org".utf8),
            Array("odd@example.org".utf8), Array("late@example.org".utf8), Array(" x@example.org ".utf8),
            Array("*".utf8),
            [0xFF, 0x40, 0x80], Array("|command".utf8), Array("/file".utf8), Array("a;b@example.org".utf8),
            Array("\"a;b\"@example.org".utf8), Array("deferred".utf8), Array("u@slow.example".utf8),
            Array("team@example.org".utf8),
            Array("<bob@example.org>".utf8), Array("x!y!z@example.org".utf8), Array("a!b".utf8), Array("\r".utf8),
            Array("a\rb".utf8), Array("\u{FEFF}bob@example.org".utf8), Array("list".utf8), Array("a b # c".utf8),
        ]
        let input = Array(bytes.joined(separator: [0x0A])) + [0x0A]
        let table = try test.run(["route-test", "--format", "tsv", "-"], input: input)
        let path = try test.place.write(table.output, to: "table")
        let (found, counts) = try findings(file: path, test)
        #expect(found.map(\.text) == [])
        #expect(counts.checked == bytes.count)
    }
}
