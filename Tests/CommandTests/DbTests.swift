import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct DbTests {
    let site: TestSite

    init() throws { site = try TestSite() }

    @Test func getTellsFoundAbsentAndUnknownApart() throws {
        try site.loadLive(10)
        let found = try site.run(["db", "get", "fqdnroutes", "User3@LIVE.example"])
        #expect(found.status == 0 && found.text == "smtp-lmtp!node!user3\n")
        let absent = try site.run(["db", "get", "fqdnroutes", "nobody@live.example"])
        #expect(absent.status == 1 && absent.output.isEmpty && absent.errors.isEmpty)
        #expect(try site.run(["db", "get", "--raw", "fqdnroutes", "User3@LIVE.example"]).status == 1)
        #expect(truncate(site.live, 4096) == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: site.home) { unlink(site.home + "/" + name) }
        let unknown = try site.run(["db", "get", "fqdnroutes", "user3@live.example"])
        #expect(unknown.status == 75 && unknown.output.isEmpty)
        #expect(unknown.errorText.contains("fqdnroutes (btree:\(site.live)) key 'user3@live.example'"))
        unlink(site.live)
        #expect(try site.run(["db", "get", "fqdnroutes", "user3@live.example"]).status == 75)
    }

    @Test func putAndDeleteAreSeenByReadersAndOnTheDisk() throws {
        try site.succeed(["newdb"])
        try site.succeed(["db", "put", "fqdnroutes", "New@x.example", "smtp-lmtp!node!new"])
        #expect(try site.route(of: "new@x.example") == (0, "smtp-lmtp!node!new"))
        #expect(try BerkeleyDBTools.dump(site.live).contains(" new@x.example\\00\n smtp-lmtp!node!new\\00\n"))
        try site.succeed(["db", "put", "fqdnroutes", "new@x.example", "smtp-lmtp!node!other"])
        #expect(try site.route(of: "new@x.example") == (0, "smtp-lmtp!node!other"))
        try site.succeed(["db", "delete", "fqdnroutes", "new@X.example"])
        #expect(try site.route(of: "new@x.example").text != "smtp-lmtp!node!other")
        #expect(!(try BerkeleyDBTools.dump(site.live).contains("new@x.example")))
        #expect(try site.run(["db", "delete", "fqdnroutes", "new@x.example"]).status == 1)
    }

    @Test func compiledMapsAreReadButNotChangedInPlace() throws {
        try site.succeed(["newdb"])
        let path = site.place.file("db/routes.db")
        #expect(try site.succeed(["db", "get", path, "one@x.example"]) == "smtp-lmtp!node!one\n")
        let refused = try site.run(["db", "put", path, "a", "b"])
        #expect(refused.status == 64)
        #expect(refused.errorText.contains("its readers would miss keys while it is changed"))
    }

    /// Keys and values of every byte, with and without the NUL that ends them, and all escapes as text.
    static let hostile: [(key: [UInt8], value: [UInt8])] = {
        var entries: [(key: [UInt8], value: [UInt8])] = [([], []), ([0, 0], [0])]
        for byte in UInt8.min...UInt8.max { entries.append((key: [byte], value: [byte, 0])) }
        let texts: [(String, String)] = [
            ("\\\0", "\\c"), ("a\\c", "\t\n\r\0"), ("é\0", "é\u{7F}"), ("#x\0", " y \0"),
            (String(repeating: "k", count: 9000) + "\0", String(repeating: "v", count: 200_000) + "\0"),
        ]
        for (key, value) in texts { entries.append((key: Array(key.utf8), value: Array(value.utf8))) }
        return entries
    }()

    @Test(arguments: ["text", "db"], BerkeleyDBTools.Kind.allCases)
    func dumpIsReadBackByteExact(format: String, kind: BerkeleyDBTools.Kind) throws {
        let suffix = kind == .hash ? "dbh" : "db"
        let first = site.place.file("env/first.\(suffix)")
        let second = site.place.file("env/second.\(suffix)")
        try BerkeleyDBTools.load(Self.hostile, kind: kind, nul: false, into: first)
        let dump = try site.bytes(["db", "dump", "--format", format, "--env", site.home, first])
        try site.succeed(["db", "load", "--env", site.home, second], input: dump)
        let again = try site.bytes(["db", "dump", "--format", format, "--env", site.home, second])
        // A hash table has no order.
        if kind == .btree || format == "text" { #expect(lines(dump) == lines(again)) }
        #expect(try entries(first) == entries(second))
        #expect(try site.succeed(["db", "count", "--env", site.home, second]) == "\(Self.hostile.count)\n")
        #expect(try BerkeleyDBTools.verify(second).status == 0)
    }

    private func lines(_ bytes: [UInt8]) -> Set<[UInt8]> {
        Set(bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init))
    }

    private func entries(_ path: String) throws -> Set<[Substring]> {
        let lines = try BerkeleyDBTools.dump(path).split(separator: "\n").filter { $0.hasPrefix(" ") }
        return Set(stride(from: 0, to: lines.count - 1, by: 2).map { [lines[$0], lines[$0 + 1]] })
    }

    @Test(arguments: [
        ("a\tb\nno tab\n", 2, "no TAB between key and value"), ("a\t\\q\n", 1, "an unknown escape"),
        ("a\tb\nc\td\\x1\n", 2, "\\x without two hexadecimal digits"), ("a\tb\tc\n", 1, "a bare TAB or NUL"),
        ("a\\cb\tc\n", 1, "an unknown escape"), ("VERSION=3\ntype=btree\nHEADER=END\n 61\n", 4, "a key without"),
        ("VERSION=3\nformat=print\nHEADER=END\n", 2, "the format of db5.3_dump -p"),
        ("VERSION=3\nHEADER=END\n 61\n 62\n", 4, "cut short"),
    ])
    func badDumpStoresNothing(text: String, line: Int, reason: String) throws {
        let source = try site.place.write(text, to: "dump")
        let result = try site.run(["db", "load", "fqdnroutes", source])
        #expect(result.status == 65)
        #expect(result.errorText.contains("zroute: \(source):\(line): "), "\(result.errorText)")
        #expect(result.errorText.contains(reason), "\(result.errorText)")
        #expect(!FileManager.default.fileExists(atPath: site.live))
        #expect(try site.run(["db", "load", "fqdnroutes", site.place.file("none")]).status == 66)
    }

    @Test func zeroedPagesAreNoticed() throws {
        try site.loadLive(2000)
        for name in try FileManager.default.contentsOfDirectory(atPath: site.home) { unlink(site.home + "/" + name) }
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: site.live)))
        let page = bytes.count / 2 / 4096 * 4096
        bytes.replaceSubrange(page..<(page + 4096), with: [UInt8](repeating: 0, count: 4096))
        try Data(bytes).write(to: URL(fileURLWithPath: site.live))
        for command in ["count", "dump"] {
            let result = try site.run(["db", command, "fqdnroutes"])
            #expect(result.status == 75, "\(command)")
            #expect(result.output.isEmpty && result.errorText.contains("damaged"), "\(command): \(result.errorText)")
        }
        #expect(try site.run(["db", "verify", "fqdnroutes"]).status == 1)
    }

    @Test func verifyFindsKeysThatAreNeverFound() throws {
        try site.succeed(["db", "load", "fqdnroutes", "--allow", "all"], input: Array("good\tv\n".utf8))
        let well = try site.run(["db", "verify", "fqdnroutes"])
        #expect(well.status == 0 && well.text == "\(site.live): 1 entry, all well\n")
        let bad = Array("bad\\c\tv\nUPPER\tv\n".utf8)
        let refused = try site.run(["db", "load", "fqdnroutes"], input: bad)
        #expect(refused.status == 65)
        #expect(refused.errorText.contains("standard input:1: nothing ever asks for the key 'bad': it lacks the NUL"))
        #expect(refused.errorText.contains("standard input:2: nothing ever asks for the key 'UPPER'"))
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "1\n")
        try site.succeed(["db", "load", "fqdnroutes", "--allow", "all"], input: bad)
        let result = try site.run(["db", "verify", "fqdnroutes"])
        #expect(result.status == 1)
        #expect(
            result.errorText.contains("1 key lacks the NUL that lookups add, and can never be found, such as 'bad'"))
        #expect(
            result.errorText.contains("1 key has letters that lookups fold, and can never be found, such as 'UPPER'"))
    }

    /// The limit also holds for the environment's own files, so that the library may wait for room that never comes.
    @Test(arguments: [64 << 10, 640 << 10, 1 << 20])
    func fileSizeLimitIsAnErrorAndNothingIsTakenForAbsent(limit: Int) throws {
        try site.loadLive(100)
        let more = (0..<20_000).map { "more\($0)@live.example\tsmtp-lmtp!node!more\($0)\n" }.joined()
        let source = try site.place.write(more, to: "more")
        // ulimit counts blocks of 1024 bytes.
        let program = try Programs.zroute.get()
        let arguments = site.options(["db", "load", "fqdnroutes", source])
        let result = try runCommand(
            "/bin/bash", ["-c", "ulimit -f \(limit / 1024); exec \"$@\"", "bash", program] + arguments)
        #expect([74, 75].contains(result.status), "\(result.errorText)")
        #expect(result.errorText.contains("fqdnroutes (btree:\(site.live))"), "\(result.errorText)")
        #expect([0, 75].contains(try site.run(["db", "get", "fqdnroutes", "user7@live.example"]).status))
        if result.status == 75 { try site.succeed(["db", "recover", "fqdnroutes", "--force"]) }
        try site.succeed(["db", "load", "fqdnroutes", source])
        let count = try #require(Int(try site.succeed(["db", "count", "fqdnroutes"]).dropLast()))
        // Where the environment survived nothing is lost; where it had to be recovered, what was on torn pages is.
        #expect(result.status == 74 ? count == 20_100 : count >= 20_000)
    }
}
