// The command `check`: its three forms of output, its exit statuses, and that it leaves everything as it was.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct CheckCommandTests {
    private static let files = [
        "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nhostname=store.example.net\n",
        "dbases.conf": """
        aliases     text - -la @SITE@/aliases -lm
        fqdnaliases text - -la @SITE@/lists   -lm%
        fqdnroutes  text - -l  @SITE@/routes  -lm%
        routesdb    text - -l  @SITE@/domains -lm%d pathalias
        thishost    text - -l  @SITE@/names   -lm%d pathalias

        """,
        "scheduler.conf": TestSite.scheduler("-F UNIX:@SITE@/socket"),
        "aliases": "root: ann@d.example\n", "lists": "team@d.example: ann@d.example, bob@d.example\n",
        "routes": "ann@d.example smtp-lmtp!h!ann%2\nbob@d.example smtp-lmtp!h!bob%2\n",
        "domains": "d.example error!nosuchuser\n", "names": "store.example.net\n",
    ]

    private func site(_ changes: [String: String] = [:]) throws -> TestSite {
        try TestSite(Self.files.merging(changes) { $1 })
    }

    private func run(_ site: TestSite, _ arguments: String...) throws -> CommandResult {
        try site.run(["check"] + arguments, endedAfter: 120)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private static let warned = ["lists": "team@d.example: ann@d.example, gone@d.example\n"]
    private static let wrong = ["routes": "ann@d.example smtp-lmtp!h!ann%2\nbob@d.example fg56778\n"]

    @Test(
        arguments: [
            ([:], 0), (Self.warned, 1), (Self.wrong, 65), (["scheduler.conf": "a/{b\n"], 78),
            (["scheduler.conf": "a/{b\n"].merging(Self.wrong) { $1 }, 78), (["names": "a\0b\n"], 65),
        ] as [([String: String], Int32)])
    func theExitStatusSaysHowMuchItMatters(changes: [String: String], status: Int32) throws {
        let result = try run(try site(changes))
        #expect(result.status == status, "\(result.text)\(result.errorText)")
    }

    @Test func linesForPeopleHaveFileLineSeverityTextAndName() throws {
        let site = try site(Self.warned)
        let result = try run(site)
        let lines = result.text.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("\(site.path)/lists:1: warning: the target 'gone@d.example'") == true)
        #expect(lines.first?.hasSuffix("(unresolved-target)") == true)
        #expect(lines.last?.hasPrefix("0 errors, 1 warning; ") == true)
        #expect(try run(try self.site()).text.hasPrefix("nothing found; 6 entries in 5 maps"))
    }

    /// What an included file holds, and what is found at the entry that includes it.
    static let included = [
        ("ann@d.example\nbob@d.example\n", nil), ("ann@d.example, <bob\n", "unusable-include"),
        ("ann@d.example,,\n", "unusable-include"), ("\n", "unusable-include"),
        (":include:@SITE@/included\n", "unusable-include"), ("ann@d.example\ngone@d.example\n", "unresolved-target"),
    ]

    @Test(arguments: included)
    func includedListsAreLookedInto(_ content: String, _ finding: String?) throws {
        let site = try site([
            "lists":
                "team@d.example: ann@d.example\nall@d.example: :include:@SITE@/included\nmore@d.example: all@d.example\n",
            "included": content,
        ])
        let lines = try run(site).text.split(separator: "\n").dropLast()
        #expect(lines.count == (finding == nil ? 0 : 1), "\(lines)")
        if let finding {
            #expect(lines.first?.hasPrefix("\(site.path)/lists:2: ") == true)
            #expect(lines.first?.hasSuffix("(\(finding))") == true)
        }
    }

    @Test func aCatchAllThatHandsItsUsersOnHidesNoRefusal() throws {
        let site = try site([
            "lists": "@e.example: %1@d.example\n",
            "domains": "d.example error!nosuchuser\ne.example error!nosuchuser\n",
        ])
        #expect(try run(site).text.hasPrefix("nothing found"))
    }

    @Test func jsonHasEachFindingWithItsRemedy() throws {
        let site = try site(Self.wrong)
        let object = try object(run(site, "--format", "json").text)
        let findings = try #require(object["findings"] as? [[String: Any]])
        let first = try #require(findings.first)
        #expect(first["file"] as? String == site.place.file("routes"))
        #expect(first["line"] as? Int == 2)
        #expect(first["severity"] as? String == "error")
        #expect(first["name"] as? String == "value-is-no-route")
        #expect((first["remedy"] as? String)?.isEmpty == false)
        #expect(object["errors"] as? Int == 1 && object["maps"] as? Int == 5)
    }

    /// The structure that the schema of SARIF 2.1.0 demands: versions, a run with its tool, results with message and place.
    @Test func sarifHasItsStructure() throws {
        let site = try site(Self.wrong.merging(Self.warned) { $1 })
        let log = try object(run(site, "--format", "sarif").text)
        #expect(log["version"] as? String == "2.1.0")
        #expect((log["$schema"] as? String)?.contains("sarif-2.1.0") == true)
        let run = try #require((log["runs"] as? [[String: Any]])?.first)
        let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
        #expect(driver["name"] as? String == "zroute")
        let rules = try #require(driver["rules"] as? [[String: Any]])
        let results = try #require(run["results"] as? [[String: Any]])
        #expect(results.count == 2)
        for result in results {
            let rule = try #require(result["ruleIndex"] as? Int)
            #expect(rules[rule]["id"] as? String == result["ruleId"] as? String)
            #expect(["error", "warning"].contains(result["level"] as? String))
            #expect(((result["message"] as? [String: Any])?["text"] as? String)?.isEmpty == false)
            let place = (result["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any]
            let uri = (place?["artifactLocation"] as? [String: Any])?["uri"] as? String
            #expect(uri.flatMap(URL.init(string:))?.path.hasPrefix(site.path) == true)
            if let region = place?["region"] as? [String: Any] { #expect((region["startLine"] as? Int ?? 0) > 0) }
        }
    }

    @Test func whatIsAllowedIsNoFinding() throws {
        let site = try site(Self.warned)
        #expect(try run(site, "--allow", "unresolved-target").status == 0)
        #expect(try run(site, "--allow", "all").status == 0)
        let unknown = try run(site, "--allow", "unresolved-targets")
        #expect(unknown.status == 64 && unknown.errorText.contains("'unresolved-target'"), "\(unknown.errorText)")
    }

    @Test func ofManyFindingsTheFirstAreSaidAndTheOthersCounted() throws {
        let lists = (1...50).map { "l\($0)@d.example: gone\($0)@d.example\n" }.joined()
        let result = try run(try site(["lists": lists]))
        #expect(result.text.split(separator: "\n").count == 22)
        #expect(result.text.contains("30 more warnings\n0 errors, 50 warnings; "), "\(result.text)")
    }

    @Test func nothingIsWritten() throws {
        let site = try site(Self.warned)
        func state() throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: site.path).sorted().map { name in
                let attributes = try FileManager.default.attributesOfItem(atPath: site.place.file(name))
                return "\(name) \(attributes[.modificationDate] ?? "") \(attributes[.size] ?? "")"
            }
        }
        let before = try state()
        _ = try run(site)
        #expect(try state() == before)
    }
}

/// `--probe`: servers are asked, and nothing is sent.
@Suite struct ProbeTests {
    private static let files = [
        "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nhostname=store.example.net\n",
        "dbases.conf": """
        aliases NONE - - - -
        fqdnaliases NONE - - - -
        fqdnroutes text - -l @SITE@/routes -lm%
        routesdb text - -l @SITE@/domains -lm%d pathalias
        thishost NONE - - - -

        """,
        "scheduler.conf": TestSite.scheduler("-F UNIX:@SITE@/lmtp"), "domains": "d.example error!nosuchuser\n",
        "routes": "ann@d.example smtp-lmtp!h!ann%2\nbob@d.example smtp-lmtp!h!bob%2\n",
    ]

    private func probe(_ script: ServerScript?) throws -> (text: String, record: ScriptedServer.Record?) {
        let site = try TestSite(Self.files)
        let server = try script.map { try ScriptedServer($0, in: site.place) }
        defer { server?.stop() }
        let result = try site.run(["check", "--probe"], endedAfter: 120)
        return (result.text.replacing("\(site.path)/", with: ""), server?.record)
    }

    @Test func aServerThatTakesTheMailboxesIsNoFindingAndIsSentNothing() throws {
        let (text, record) = try probe(ServerScript())
        #expect(text.hasPrefix("nothing found"), "\(text)")
        let commands = try #require(record?.commands)
        #expect(commands.contains { $0.uppercased().hasPrefix("RCPT TO:<ANN>") }, "\(commands)")
        #expect(commands.contains { $0.uppercased().hasPrefix("RSET") }, "\(commands)")
        #expect(!commands.contains { $0.uppercased().hasPrefix("DATA") || $0.uppercased().hasPrefix("BDAT") })
        #expect(record?.messages.isEmpty == true)
    }

    @Test func aServerThatIsNotThereIsFound() throws {
        let (text, _) = try probe(nil)
        #expect(text.contains("scheduler.conf:5: error: "), "\(text)")
        #expect(text.contains("(unreachable-server)"), "\(text)")
    }

    @Test func aMailboxThatIsRefusedIsFoundAtItsEntry() throws {
        var script = ServerScript()
        script.recipientReplies = ["bob": "550 5.1.1 no such mailbox"]
        let (text, _) = try probe(script)
        #expect(text.contains("routes:2: error: ") && text.contains("(refused-recipient)"), "\(text)")
        #expect(text.contains("1 error, 0 warnings"), "\(text)")
    }

    @Test(arguments: [
        (ScriptedStep.greeting, "554 5.3.2 no"), (.hello, "550 5.3.0 no"),
    ])
    func aSessionThatIsRefusedIsFound(step: ScriptedStep, reply: String) throws {
        var script = ServerScript()
        script.actions = [step: [.reply(reply)]]
        let (text, _) = try probe(script)
        #expect(text.contains("(refused-session)"), "\(text)")
    }
}
