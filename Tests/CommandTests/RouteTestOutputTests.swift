// What route-test shows besides routes, and what it does when its answers cannot be written.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct RouteTestOutputTests {
    private func run(_ shell: String) throws -> CommandResult {
        let site = try TestSite(mapType: "text")
        // Without the live map, which no test here needs.
        try site.place.write(
            "fqdnroutes text - -l $MAILVAR/db/routes -lm%\n"
                + "aliases NONE - - - -\nfqdnaliases NONE - - - -\nroutesdb NONE - - - -\nthishost NONE - - - -\n",
            to: "db/dbases.conf")
        return try runCommand(
            "/bin/sh", ["-c", shell, try Programs.zroute.get()] + site.options(["route-test", "--format", "tsv"]),
            input: Array(String(repeating: "one@x.example\n", count: 20_000).utf8))
    }

    @Test func toAFullDiskAreAnErrorThatSaysSo() throws {
        let result = try run("exec \"$0\" \"$@\" > /dev/full")
        #expect(result.status == 74)
        #expect(result.errorText.contains("standard output") && result.errorText.contains("No space left"))
    }

    @Test func becauseTheReaderHasWhatItWantedAreNone() throws {
        let result = try run("{ \"$0\" \"$@\"; echo $? >&2; } | head -1")
        #expect(result.text == "one@x.example\tsmtp-lmtp!node!one\n")
        #expect(result.errorText == "0\n")
    }
}

@Suite struct RouteTestChainTests {
    /// A site in which addresses are expanded.
    private func site() throws -> TestSite {
        let site = try TestSite(mapType: "text")
        try site.place.write(
            "fqdnaliases text - -la $MAILVAR/db/lists -lm\nfqdnroutes text - -l $MAILVAR/db/routes -lm%\n"
                + "aliases NONE - - - -\nroutesdb NONE - - - -\nthishost NONE - - - -\n", to: "db/dbases.conf")
        try site.place.write(
            "all@x.example: team@x.example, one@x.example\nteam@x.example: two@x.example\n", to: "db/lists")
        try site.write(routes: "one@x.example smtp-lmtp!node!one\ntwo@x.example smtp-lmtp!node!two\n")
        return site
    }

    private struct Answer: Decodable, Equatable {
        struct Route: Decodable, Equatable {
            let user: String
            var address: String?
            var parents: [String]?
        }
        let routes: [Route]
    }

    @Test(arguments: [true, false])
    func jsonHasTheChainOfAddressesThatTextShows(isTraced: Bool) throws {
        let site = try site()
        let words = ["route-test"] + (isTraced ? ["--trace"] : [])
        let json = try site.succeed(words + ["--format", "json", "all@x.example", "one@x.example"])
        let answers = try json.split(separator: "\n").map {
            try JSONDecoder().decode(Answer.self, from: Data($0.utf8)).routes
        }
        let expanded = [
            Answer.Route(user: "two", address: "two@x.example", parents: ["team@x.example", "all@x.example"]),
            Answer.Route(user: "one", address: "one@x.example", parents: ["all@x.example"]),
        ]
        #expect(answers.first?.sorted { $0.user > $1.user } == expanded, "\(json)")
        #expect(answers.last == [Answer.Route(user: "one")], "\(json)")
        let text = try site.succeed(["route-test", "all@x.example"])
        #expect(text.contains("two@x.example\n    <-- team@x.example\n    <-- all@x.example\n"), "\(text)")
    }

    @Test func aTraceThatAFormHasNoPlaceForIsRefused() throws {
        let result = try site().run(["route-test", "--trace", "--format", "tsv", "one@x.example"])
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errorText.contains("--trace has no place in --format tsv; take text or json"))
    }

    @Test func aLongBatchShowsOnATerminalHowFarItHasComeAndTakesThatAway() throws {
        let site = try site()
        let input = try site.place.write(String(repeating: "one@x.example\n", count: 300_000), to: "addresses")
        let output = site.place.file("answers")
        let words = [try Programs.zroute.get()] + site.options(["route-test", "--format", "tsv", "-"])
        let command = words.joined(separator: " ") + " < \(input) > \(output)"
        let result = try runCommand("/usr/bin/script", ["-qec", command, "/dev/null"])
        #expect(result.status == 0)
        let shown = result.text.split(separator: "\r").filter {
            $0.hasPrefix("route-test: ") && $0.contains(" addresses")
        }
        #expect(!shown.isEmpty, "\(result.text)")
        #expect(result.text.hasSuffix(" \r"), "\(result.text.suffix(80))")
        let answers = try String(contentsOfFile: output, encoding: .utf8)
        #expect(answers.utf8.count(where: { $0 == UInt8(ascii: "\n") }) == 300_000)
        #expect(!answers.contains("addresses"))
    }
}
