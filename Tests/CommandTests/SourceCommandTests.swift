import Foundation
import Glibc
import Testing
import ZRouteTestKit

/// What the commands make of sources that no owner can have meant.
@Suite struct SourceCommandTests {
    let site: TestSite

    init() throws { site = try TestSite() }

    private static let wrongRoutes = [
        "one@x.example smtp-lmtp!node!one\r\n", "\u{FEFF}one@x.example smtp-lmtp!node!one\n",
        "one@x.example\u{A0}smtp-lmtp!node!one\n", "one@x.example = smtp-lmtp!node!one\n",
        "\"one two\"@x.example smtp-lmtp!node!one\n", "one@x.example\n",
        "two@x.example smtp!h\n one@x.example smtp!h\n",
        "one@x.example fg56778\n", "one@x.example smtp-lmtp ! node\n", "one@x.example smtp:[gw]:25\n",
        "one@x.example smtp-lmtp!node!one # one\n", "one@x.example smtp-lmtp!node!one \n", "one smtp-lmtp!node!one\n",
        "*@x.example smtp-lmtp!node!one\n", "one@x.example smtp-lmtp!node!one\0\n",
    ]

    @Test(arguments: counted("sources that newdb refuses", wrongRoutes))
    func newdbRefusesAndTheOldMapsStand(text: String) throws {
        try site.succeed(["newdb"])
        let before = try site.route(of: "root")
        try site.write(aliases: "root: changed@host.example\n", routes: text)
        let result = try site.run(["newdb"])
        #expect(result.status == 65, "\(result.errorText)")
        #expect(result.output.isEmpty)
        let source = site.place.file("db/routes")
        #expect(result.errorText.contains("zroute: \(source):"), "\(result.errorText)")
        #expect(result.errorText.contains("nothing was replaced: every map is as it was"))
        #expect(try site.route(of: "one@x.example") == (0, "smtp-lmtp!node!one"))
        #expect(try site.route(of: "root") == before)
        let check = try site.run(["newdb", "--check"])
        #expect(check.status == 65)
        #expect(check.errorText.contains("zroute: \(source):"))
        let isAllowable = !text.contains("\0")
        #expect(try site.run(["newdb", "--allow", "all"]).status == (isAllowable ? 0 : 65))
    }

    @Test func findingIsAllowedByItsNameAndNoOther() throws {
        try site.write(routes: "one@x.example fg56778\ntwo@x.example smtp-lmtp!node!two # remark\n")
        let refused = try site.run(["newdb"])
        #expect(refused.errorText.contains("routes:1: ") && refused.errorText.contains("(value-is-no-route)"))
        #expect(refused.errorText.contains("routes:2: ") && refused.errorText.contains("(remark-in-value)"))
        #expect(refused.errorText.contains("--allow NAME"))
        let one = try site.run(["newdb", "--allow", "value-is-no-route"])
        #expect(one.status == 65)
        #expect(!one.errorText.contains("routes:1: ") && one.errorText.contains("routes:2: "))
        try site.succeed(["newdb", "--allow", "value-is-no-route", "--allow", "remark-in-value"])
        #expect(try site.run(["newdb", "--allow", "no-such-name"]).status == 64)
        try site.write(
            routes: "# zroute: allow value-is-no-route\none@x.example fg56778\n# zroute: allow remark-in-value\n"
                + "two@x.example smtp-lmtp!node!two # remark\n")
        #expect(try site.run(["newdb"]).errorText.isEmpty)
    }

    @Test func everyFaultyLineOfEverySourceIsNamed() throws {
        let routes = (1...30).map { "u\($0)@x.example wrong\n" }.joined()
        try site.write(aliases: "a: b,\nc: :blackhole:\nno colon\n", routes: routes)
        for command in [["newdb"], ["newdb", "--check"]] {
            let result = try site.run(command)
            #expect(result.status == 65)
            for line in 1...3 { #expect(result.errorText.contains("aliases:\(line): ")) }
            for line in 1...20 { #expect(result.errorText.contains("routes:\(line): ")) }
            #expect(!result.errorText.contains("routes:21: "))
            #expect(result.errorText.contains("db/routes: 10 more errors\n"))
        }
    }

    @Test func checkReadsTextMapsToo() throws {
        let site = try TestSite(mapType: "text")
        #expect(try site.run(["newdb", "--check"]).status == 0)
        try site.write(aliases: "root: ann,\n\n  bob\nbroken line\n")
        let result = try site.run(["newdb", "--check"])
        #expect(result.status == 65)
        let source = site.place.file("db/aliases")
        #expect(result.errorText.contains("\(source):3: a continuation line without an entry before it; "))
        #expect(result.errorText.contains("\(source):4: no colon after the key; "))
        #expect(try site.run(["newdb", "--check", "aliases"]).status == 65)
        #expect(try site.run(["newdb", "--check", "fqdnroutes"]).status == 0)
    }

    @Test func textMapSaysAFaultyEntryAndAnswersAsBefore() throws {
        let site = try TestSite(mapType: "text")
        try site.write(routes: "one@x.example wrong\ntwo@x.example smtp-lmtp!node!two\n")
        let result = try site.run(["route-test", "--format", "tsv", "two@x.example"])
        #expect(result.status == 0 && result.text.hasSuffix("smtp-lmtp!node!two\n"))
        #expect(result.errorText.contains("\(site.place.file("db/routes")):1: "), "\(result.errorText)")
        try site.write(routes: "one@x.example wrong\r\ntwo@x.example smtp-lmtp!node!two\r\n")
        let held = try site.run(["route-test", "--format", "tsv", "two@x.example"])
        #expect(held.status == 75)
        #expect(held.errorText.contains("routes:1: ") && held.errorText.contains("routes:2: "), "\(held.errorText)")
    }

    @Test(
        arguments: counted(
            "sources that makedb judges by their relation",
            ["one@x.example fg\n", "one@x.example smtp!h!one \n", "x.example smtp!h\n"]))
    func makedbJudgesByTheRelation(text: String) throws {
        let base = site.place.file("db/routes")
        try site.write(routes: text)
        #expect(try site.run(["makedb", "-l", "btree", base]).status == 65)
        #expect(!FileManager.default.fileExists(atPath: base + ".db"))
        let other = site.place.file("other")
        let arguments = ["makedb", "-l", "btree", other, base]
        let program = try Programs.zroute.get()
        #expect(try runCommand(program, arguments + ["--relation", "fqdnroutes"]).status == 65)
        #expect(try runCommand(program, arguments + ["--relation", "nothing"]).status == 64)
        #expect(try runCommand(program, arguments + ["--relation", "fqdnroutes", "--allow", "all"]).status == 0)
        #expect(try runCommand(program, arguments).status == 0)
    }

    private static let wrongEntries = [
        ("one@x.example", "fg56778", "value-is-no-route"), ("one", "smtp!h", "key-never-asked"),
        ("one@x.example", "smtp!h!one ", "trailing-blank"), ("one@x.example", "smtp!h!one\r", "carriage-return"),
        ("one@x.example\u{A0}", "smtp!h!one", "invisible-character"), ("*@x.example", "smtp!h", "pattern-key"),
    ]

    @Test(arguments: counted("entries that db put and db load refuse", wrongEntries))
    func dbPutAndLoadRefuse(key: String, value: String, name: String) throws {
        let put = try site.run(["db", "put", "fqdnroutes", key, value])
        #expect(put.status == 65 && put.errorText.contains("(\(name))"), "\(put.errorText)")
        let line = "good@x.example\tsmtp!h\n\(key)\t\(value.replacingOccurrences(of: "\r", with: "\\r"))\n"
        let load = try site.run(["db", "load", "fqdnroutes"], input: Array(line.utf8))
        #expect(load.status == 65 && load.errorText.contains("standard input:2: "), "\(load.errorText)")
        #expect(!FileManager.default.fileExists(atPath: site.live))
        try site.succeed(["db", "put", "fqdnroutes", key, value, "--allow", name])
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "1\n")
    }

    @Test func dbLoadNamesEveryFaultyLine() throws {
        let input = "no tab\na@x.example\tsmtp!h\nb@x.example\twrong\nc\\q\tv\n"
        let result = try site.run(["db", "load", "fqdnroutes"], input: Array(input.utf8))
        #expect(result.status == 65)
        for line in [1, 3, 4] { #expect(result.errorText.contains("standard input:\(line): "), "\(result.errorText)") }
    }

    @Test func sourceThatEveryoneMayWriteIsWarnedOf() throws {
        chmod(site.place.file("db/aliases"), 0o666)
        for command in [["newdb", "--check"], ["newdb"]] {
            let result = try site.run(command)
            #expect(result.status == 0)
            #expect(
                result.errorText.contains("db/aliases: warning: everyone may write this source"), "\(result.errorText)")
        }
        #expect(try site.run(["newdb", "--allow", "writable-by-all"]).errorText.isEmpty)
    }

    @Test func sourceThatIsNewerThanItsMapIsSaidWithBothTimes() throws {
        try site.succeed(["newdb"])
        #expect(try site.run(["route-test", "one@x.example"]).errorText.isEmpty)
        var times = [timespec(tv_sec: 1_900_000_000, tv_nsec: 0), timespec(tv_sec: 1_900_000_000, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, site.place.file("db/routes"), &times, 0) == 0)
        let said = try site.run(["route-test", "one@x.example"]).errorText
        #expect(said.contains("routes.db: warning: compiled at "), "\(said)")
        #expect(said.contains("was written at 2030-03-17 17:46:40 UTC"), "\(said)")
        #expect(said.split(separator: "\n").count == 1)
    }
}
