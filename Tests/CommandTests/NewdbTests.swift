import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct NewdbTests {
    let site: TestSite

    init() throws { site = try TestSite() }

    @Test(arguments: [("btree", "db"), ("bhash", "dbh")])
    func compilesAllButLiveMaps(type: String, suffix: String) throws {
        let site = try TestSite(mapType: type)
        let output = try site.succeed(["newdb"])
        let directory = site.place.file("db")
        #expect(output == "aliases\t1\t\(directory)/aliases.\(suffix)\nfqdnroutes\t1\t\(directory)/routes.\(suffix)\n")
        #expect(!FileManager.default.fileExists(atPath: "\(directory)/live.\(suffix)"))
        for map in ["aliases", "routes"] {
            #expect(try BerkeleyDBTools.verify("\(directory)/\(map).\(suffix)").status == 0)
        }
    }

    @Test func compilesTheNamedRelationsOnly() throws {
        #expect(try site.succeed(["newdb", "aliases"]).split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: site.place.file("db/routes.db")))
    }

    @Test func errorInOneSourceLeavesAllMaps() throws {
        try site.succeed(["newdb"])
        try site.write(aliases: "root: other\nno colon\n", routes: "one@x.example smtp-lmtp!node!changed\n")
        let result = try site.run(["newdb"])
        #expect(result.status == 65)
        let source = site.place.file("db/aliases")
        #expect(result.errorText.hasPrefix("zroute: \(source):2: no colon after the key; write 'key: value'"))
        #expect(result.output.isEmpty)
        #expect(try site.succeed(["db", "dump", site.place.file("db/routes.db")]).hasSuffix("!one\n"))
    }

    @Test func exitStatusNamesTheKindOfTrouble() throws {
        unlink(site.place.file("db/routes"))
        let missing = try site.run(["newdb"])
        #expect(missing.status == 66)
        #expect(missing.errorText.contains(site.place.file("db/routes") + ": stat: No such file or directory"))
        #expect(try site.run(["newdb", "nothing"]).status == 78)
        try site.place.write("aliases btree - -la $NOTSET/x -l\n", to: "db/dbases.conf")
        #expect(try site.run(["newdb"]).status == 78)
    }

    @Test func targetThatCannotBeReplacedIsCannotCreate() throws {
        try site.place.makeDirectory("db/routes.db")
        #expect(try site.run(["newdb", "fqdnroutes"]).status == 73)
    }

    @Test func checkCompilesNothing() throws {
        try site.write(aliases: "a: b\nA: c\n")
        let result = try site.run(["newdb", "--check"])
        #expect(result.status == 0)
        #expect(result.errorText.contains("aliases:2: warning: duplicate of key 'a'; line 1 stands, remove one"))
        #expect(!FileManager.default.fileExists(atPath: site.place.file("db/aliases.db")))
        try site.write(aliases: "a\n")
        #expect(try site.run(["newdb", "--check"]).status == 65)
    }

    @Test func ownerAndModeAreThoseOfTheLine() throws {
        let line = "aliases btree \(getuid()):\(getgid()):640 -la $MAILVAR/db/aliases -l\n"
        try site.place.write(line, to: "db/dbases.conf")
        try site.succeed(["newdb"])
        var status = stat()
        #expect(stat(site.place.file("db/aliases.db"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o640)
    }

    @Test func unknownOwnerIsAConfigurationErrorForRoot() throws {
        guard geteuid() == 0 else {
            print("not run: only the superuser gives files away")
            return
        }
        try site.place.write("aliases btree nosuchuser:0:640 -la $MAILVAR/db/aliases -l\n", to: "db/dbases.conf")
        let result = try site.run(["newdb"])
        #expect(result.status == 78)
        #expect(result.errorText.contains("dbases.conf:1: the map is to belong to user 'nosuchuser'"))
    }

    @Test func secondRunWaitsForTheFirst() throws {
        let descriptor = open(site.place.file("db/dbases.conf"), O_RDONLY)
        #expect(flock(descriptor, LOCK_EX) == 0)
        let process = Process()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: try Programs.zroute.get())
        process.arguments = site.options(["newdb"])
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let said = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
        #expect(said.contains("waiting for another newdb or convert to finish"))
        #expect(!FileManager.default.fileExists(atPath: site.place.file("db/aliases.db")))
        close(descriptor)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test(arguments: [FileFault.kill, .full])
    func everyMapIsOldOrNewWhateverHappens(fault: FileFault) throws {
        let injector = try FaultInjector.shared.get()
        let old = ["aliases": "root: old\n", "routes": "one@x.example smtp-lmtp!node!old\n"]
        // Enough for several pages.
        let more = (0..<300).map { "user\($0)@x.example smtp-lmtp!node!new\n" }.joined()
        let new = ["aliases": "root: new\n", "routes": "one@x.example smtp-lmtp!node!new\n" + more]
        var number = 1
        var seen: Set<[String]> = []
        while true {
            try site.write(aliases: old["aliases"], routes: old["routes"])
            try site.succeed(["newdb"])
            try site.write(aliases: new["aliases"], routes: new["routes"])
            let (result, changes) = try injector.run(fault, at: number, site.options(["newdb"]))
            let isDone = changes.map { $0 < number } ?? false
            if isDone { break }
            if fault == .full {
                // Removing what is left over, after the last rename, cannot fail for want of room.
                #expect(result.status == 73 || result.status == 0, "full at \(number): \(result.errorText)")
                if result.status != 0 { #expect(result.errorText.contains("No space left on device"), "at \(number)") }
            } else {
                #expect(result.status == -9, "kill at \(number)")
            }
            var generations: [String] = []
            for map in ["aliases", "routes"] {
                let path = site.place.file("db/\(map).db")
                #expect(try BerkeleyDBTools.verify(path).status == 0, "\(fault) at \(number): \(path)")
                let dump = try BerkeleyDBTools.dump(path)
                generations.append(dump.contains("new") ? "new" : "old")
                let count = dump.split(separator: "\n").count { $0.hasPrefix(" ") } / 2
                let whole = generations.last == "new" && map == "routes" ? 301 : 1
                #expect(count == whole, "\(fault) at \(number): \(path)")
            }
            seen.insert(generations)
            number += 1
        }
        print(
            "newdb: \(fault): \(number - 1) fault points; states seen: \(seen.sorted { $0.last ?? "" < $1.last ?? "" })"
        )
        #expect(number > 20)
        #expect(seen.contains(["old", "old"]))
        try site.succeed(["newdb"])
        let left = try FileManager.default.contentsOfDirectory(atPath: site.place.file("db"))
        #expect(!left.contains { $0.contains(".zroute-") }, "a later run removes what killed ones left")
    }
}

@Suite struct MakedbTests {
    let place: TemporaryDirectory

    init() throws { place = try TemporaryDirectory() }

    func makedb(_ arguments: [String], input: String = "") throws -> CommandResult {
        try runCommand(Programs.zroute.get(), ["makedb"] + arguments, input: Array(input.utf8))
    }

    private func entries(_ file: String) throws -> [String] {
        try BerkeleyDBTools.dump(place.file(file)).split(separator: "\n").filter { $0.hasPrefix(" ") }
            .map { String($0.dropFirst()).replacingOccurrences(of: "\\00", with: "") }
    }

    @Test(arguments: ["btree", "bhash"])
    func readsStandardInputAndFiles(type: String) throws {
        let suffix = type == "btree" ? "db" : "dbh"
        #expect(try makedb(["-l", type, place.file("m"), "-"], input: "K v w\n").status == 0)
        #expect(try entries("m.\(suffix)") == ["k", "v w"])
        let source = try place.write("K v\n", to: "source")
        #expect(try makedb(["-u", type, place.file("m"), source]).status == 0)
        #expect(try entries("m.\(suffix)") == ["K", "v"])
        try place.write("Base v\n", to: "m")
        #expect(try makedb([type, place.file("m")]).status == 0)
        #expect(try entries("m.\(suffix)") == ["Base", "v"])
    }

    @Test func aliasesForm() throws {
        #expect(try makedb(["-a", "btree", place.file("m"), "-"], input: "A : b,\n  c\n").status == 0)
        #expect(try entries("m.db") == ["a", "b,c"])
    }

    @Test(arguments: ["btree", "bhash"])
    func appendingKeepsWhatIsThere(type: String) throws {
        let suffix = type == "btree" ? "db" : "dbh"
        #expect(try makedb(["-A", type, place.file("m"), "-"], input: "a 1\nb 1\n").status == 0)
        let result = try makedb(["-A", type, place.file("m"), "-"], input: "b 2\nc 2\n")
        #expect(result.status == 0)
        #expect(result.text == "1\t\(place.file("m")).\(suffix)\n")
        #expect(result.errorText.contains("1 key was there already; the old value stands"))
        let found = try entries("m.\(suffix)")
        let pairs = stride(from: 0, to: found.count, by: 2).map { found[$0] + found[$0 + 1] }
        #expect(pairs.sorted() == ["a1", "b1", "c2"])
        #expect(try BerkeleyDBTools.verify(place.file("m.\(suffix)")).status == 0)
    }

    @Test func damagedDatabaseIsNotAppendedTo() throws {
        try place.write("no database", to: "m.db")
        #expect(try makedb(["-A", "btree", place.file("m"), "-"], input: "b 2\n").status == 73)
        #expect(try String(contentsOfFile: place.file("m.db"), encoding: .utf8) == "no database")
        #expect(try place.names() == ["m.db"])
    }

    @Test func wrongUsageAndBadInput() throws {
        #expect(try makedb(["-l", "-u", "btree", place.file("m"), "-"]).status == 64)
        #expect(try makedb(["gdbm", place.file("m"), "-"]).status == 64)
        #expect(try makedb(["btree", place.file("m"), place.file("none")]).status == 66)
        #expect(try makedb(["-a", "btree", place.file("m"), "-"], input: "x\n").status == 65)
        #expect(try makedb(["btree", place.file("none/m"), "-"], input: "x y\n").status == 73)
        let silent = try makedb(["-s", "btree", place.file("m"), "-"], input: "x y\nx z\n")
        #expect(silent.status == 0 && silent.output.isEmpty && silent.errors.isEmpty)
    }
}
