// What route-test does when its answers cannot be written.

import Testing
import ZRouteTestKit

@Suite("Answers that cannot be written")
struct RouteTestOutputTests {
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

    @Test("to a full disk are an error that says so")
    func fullDisk() throws {
        let result = try run("exec \"$0\" \"$@\" > /dev/full")
        #expect(result.status == 74)
        #expect(result.errorText.contains("standard output") && result.errorText.contains("No space left"))
    }

    @Test("because the reader has what it wanted are none")
    func readerGone() throws {
        let result = try run("{ \"$0\" \"$@\"; echo $? >&2; } | head -1")
        #expect(result.text == "one@x.example\tsmtp-lmtp!node!one\n")
        #expect(result.errorText == "0\n")
    }
}
