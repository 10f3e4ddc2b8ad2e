// What the program makes of its command line before any command runs.

import Testing
import ZRouteTestKit

@Suite struct CommandLineTests {
    @Test(arguments: [
        ["--config", "@", "route-test", "--format", "tsv", "a@example.org"],
        ["--config=@", "--set", "mydomain=x", "route-test", "--format", "tsv", "a@example.org"],
        ["--fail-map", "routesdb", "--config", "@", "route-test", "--format", "tsv", "a@example.org"],
    ])
    func optionsOfASiteMayStandBeforeTheCommand(arguments: [String]) throws {
        let site = try TestSite(nil)
        let file = site.place.file("zmailer.conf")
        let result = try runCommand(
            try Programs.zroute.get(), arguments.map { $0.hasPrefix("a@") ? $0 : $0.replacing("@", with: file) })
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text == "a@example.org\tsmtp-lmtp!store!a@example.org\n")
    }

    static let misspeltWords: [([String], [String])] = [
        (["routetest", "a@b"], ["'routetest'", "did you mean 'route-test'", "zroute --help"]),
        (["route-tset"], ["did you mean 'route-test'"]), (["dleiver", "--once"], ["did you mean 'deliver'"]),
        (["help", "quue"], ["did you mean 'queue'"]),
        (["db", "vrify", "x"], ["did you mean 'verify'", "zroute db --help"]),
        (["nonsense"], ["route-test", "newdb", "zroute --help"]),
        (["--config", "x", "newbd"], ["did you mean 'newdb'"]),
        (["route-test", "--fromat", "tsv"], ["--format", "See 'zroute route-test --help'"]),
        (["db", "get", "--ewn"], ["See 'zroute db get --help'"]),
    ]

    @Test(arguments: misspeltWords)
    func aMisspeltWordIsAnsweredByTheRightOne(arguments: [String], words: [String]) throws {
        let result = try runCommand(try Programs.zroute.get(), arguments)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        for word in words { #expect(result.errorText.contains(word), "\(result.errorText)") }
    }

    static let wordsOfOneDash = [
        ["newdb", "-check"], ["deliver", "-watch"], ["queue", "-chk"], ["route-test", "-format", "tsv", "-th"],
    ]

    @Test(arguments: wordsOfOneDash)
    func aWordWithOneDashThatHasAnHInItIsNoWishForHelp(arguments: [String]) throws {
        let result = try runCommand(try Programs.zroute.get(), arguments)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errorText.contains("-"), "\(result.errorText)")
    }

    @Test(arguments: [(">&-", Int32(74)), ("<&-", 65), (">&- <&-", 65)])
    func standardFilesThatAreClosedAreErrorsAndNothingWaitsForThem(redirection: String, status: Int32) throws {
        let site = try TestSite(nil)
        let words = ["route-test", "--config", site.place.file("zmailer.conf"), "--format", "tsv", "-"]
        let script = "echo a@example.org | { exec \"$0\" \"$@\" \(redirection); }"
        let result = try runCommand("/bin/sh", ["-c", script, try Programs.zroute.get()] + words)
        #expect(result.status == status, "\(result.errorText)")
    }

    @Test func casesAreCounted() {
        print(
            "CommandLineTests: \(Self.misspeltWords.count) misspelt words, \(Self.wordsOfOneDash.count) words of one dash"
        )
        #expect(Self.misspeltWords.count > 8)
    }

    @Test(arguments: [["--help"], ["help"], ["help", "db"], ["route-test", "--help"], ["db", "help", "get"], []])
    func helpGoesToStandardOutput(arguments: [String]) throws {
        let result = try runCommand(try Programs.zroute.get(), arguments)
        #expect(result.status == 0)
        #expect(result.text.contains("OVERVIEW"))
        #expect(result.errorText.isEmpty)
    }
}
