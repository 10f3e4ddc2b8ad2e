// The commands as people and scripts meet them: exit statuses, log lines, the service, and the listing.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct CommandTests {
    private static func run(_ site: TestSite, _ arguments: String...) throws -> CommandResult {
        try site.run(arguments)
    }

    private static func submission(to recipients: String...) -> String {
        "from <a@b.example>\n\(recipients.map { "to <\($0)>\n" }.joined())env-end\n\nx\n"
    }

    @Test(
        arguments: [
            (["alice@example.org"], 0), (["alice@example.org", "nobody@example.org"], 67), ([], 65),
        ] as [([String], Int32)])
    func theExitStatusTellsTheWorst(recipients: [String], status: Int32) throws {
        let site = try TestSite()
        try site.submit("from <a@b.example>\n\(recipients.map { "to <\($0)>\n" }.joined())env-end\n\nx\n")
        #expect(try Self.run(site, "route-queue", "--once").status == status)
        #expect(try Self.run(site, "route-queue").status == 0, "nothing is left")
    }

    @Test func aFailingMapHoldsAndTheNextRunRoutes() throws {
        let site = try TestSite()
        try site.submit(Self.submission(to: "m00@example.org", "m01@example.org"))
        let first = try Self.run(site, "route-queue", "--fail-map", "fqdnroutes=m00@example.org")
        #expect(first.status == 75)
        #expect(
            first.text.contains(": held from=<a@b.example> to=<m00@example.org> route=hold!IO:error!m00@example.org"))
        #expect(first.errorText.contains("fqdnroutes"))
        let listed = try Self.run(site, "queue")
        #expect(listed.text.contains("held: hold!IO:error!m00@example.org") && listed.text.contains("recipients: 2"))
        let second = try Self.run(site, "route-queue", "--retry-interval", "0", "--log", "json")
        #expect(second.status == 0)
        let line = try #require(try JSONSerialization.jsonObject(with: Data(second.output)) as? [String: Any])
        #expect(line["event"] as? String == "routed" && line["recipient"] as? String == "m00@example.org")
        #expect(line["channel"] as? String == "smtp-lmtp" && line["sender"] as? String == "a@b.example")
    }

    @Test func listsWhatWaitsAsJSON() throws {
        let site = try TestSite()
        try site.submit(Self.submission(to: "alice@example.org"), as: "1")
        #expect(try Self.run(site, "route-queue").status == 0)
        try site.submit(Self.submission(to: "bob@example.org"), as: "2")
        let result = try Self.run(site, "queue", "--format", "json")
        let lines = try result.text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(lines.map { $0["state"] as? String } == ["submitted", "routed"])
        #expect(lines.map { $0["sender"] as? String } == ["a@b.example", "a@b.example"])
        #expect(lines[0]["recipient"] as? String == "bob@example.org" && lines[1]["user"] as? String == "cyrus-alice")
        #expect(lines.allSatisfy { ($0["age"] as? Int).map { $0 < 3600 } ?? false })
    }

    @Test func listsWhatIsInPostman() throws {
        let site = try TestSite()
        #expect(try Self.run(site, "queue").text == "nothing waits\n")
        try site.submit("frobnicate x\nenv-end\n\nx\n", as: "1")
        try site.submit(Self.submission(to: "alice@example.org"), as: "2")
        #expect(try Self.run(site, "route-queue", "--once").status == 65)
        try site.put("From: x\n\na report\n", at: "postoffice/postman/4711.report")
        let listed = try Self.run(site, "queue")
        #expect(listed.status == 0)
        let rejected = "rejected: line 1: unknown envelope line 'frobnicate x'"
        #expect(listed.text.contains("  in postman\n    \(rejected)"), "\(listed.text)")
        #expect(listed.text.contains("4711.report  ") && listed.text.contains("    report: of a failure"))
        #expect(listed.text.hasSuffix("messages: 1, recipients: 1; in postman: 2\n"))
        let json = try Self.run(site, "queue", "--format", "json").text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(json.compactMap { $0["state"] as? String }.sorted() == ["rejected", "report", "routed"])
        let reason = json.compactMap { $0["reason"] as? String }.first
        #expect(reason?.hasPrefix("line 1: unknown envelope line") == true)
        #expect(json.allSatisfy { ($0["age"] as? Int).map { $0 < 3600 } ?? false })
    }

    @Test func saysThatABodyIsMissing() throws {
        let site = try TestSite()
        try site.submit(Self.submission(to: "alice@example.org", "bob@example.org"))
        try site.route()
        let name = try #require(try site.names("queue").first)
        #expect(unlink("\(site.spool)/queue/\(name)") == 0)
        let listed = try Self.run(site, "queue")
        #expect(listed.status == 65)
        #expect(
            listed.text.hasPrefix("\(name)  its body is missing  from <a@b.example>\n    routed: "), "\(listed.text)")
        let json = try Self.run(site, "queue", "--format", "json").text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(json.count == 2)
        #expect(json.allSatisfy { $0["age"] == nil && $0["fault"] as? String == "its body is missing" })
    }

    @Test func routesOnlyTheFilesNamed() throws {
        let site = try TestSite()
        for name in ["1", "2", "3"] { try site.submit(Self.submission(to: "alice@example.org"), as: name) }
        #expect(try Self.run(site, "route-queue", "1", "\(site.spool)/router/2").status == 0)
        #expect(try site.names("router") == ["3"])
        let missing = try Self.run(site, "route-queue", "4", "\(site.path)/zmailer.conf", "3")
        #expect(
            missing.status == 66 && missing.errorText.contains("router/4")
                && missing.errorText.contains("not a file of"))
        #expect(try site.names("router").isEmpty, "the rest goes on")
    }

    @Test(arguments: [
        ["route-queue", "--once", "--watch"], ["route-queue", "--watch", "1"], ["route-queue", "--jobs", "0"],
    ])
    func refusesWhatCannotBeMeant(arguments: [String]) throws {
        #expect(try runCommand(try Programs.path("zroute"), arguments).status == 64)
    }

    @Test func aSpoolThatIsNotThereIsAnErrorWithARemedy() throws {
        let site = try TestSite()
        let missing = try Self.run(site, "route-queue", "--set", "POSTOFFICE=\(site.path)/none")
        #expect(missing.status == 66 && missing.errorText.contains("\(site.path)/none/router: open"))
        let unset = try Self.run(site, "queue", "--set", "POSTOFFICE=")
        #expect(unset.status == 78 && unset.errorText.contains("POSTOFFICE"))
    }

    @Test func theServiceRoutesWhatComesInAndEndsCleanly() throws {
        let site = try TestSite()
        try site.submit(Self.submission(to: "alice@example.org"), as: "before")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: try Programs.path("zroute"))
        process.arguments = ["route-queue", "--watch", "--config", "\(site.path)/zmailer.conf"]
        process.standardOutput = output
        try process.run()
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        // Each read waits for the line that a message's routing writes.
        #expect(text(output.fileHandleForReading.availableData).contains("to=<alice@example.org>"))
        try site.put(Self.submission(to: "bob@example.org"), at: "postoffice/public/new")
        #expect(link("\(site.spool)/public/new", "\(site.spool)/router/new") == 0)
        #expect(text(output.fileHandleForReading.availableData).contains("to=<bob@example.org>"))
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
        #expect(try site.names("router").isEmpty && site.names("transport").count == 2)
    }
}
