// newdb, makedb, route-test and `db` with maps of the type `lmdb`.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct LMDBCommandTests {
    let site: TestSite
    var place: TemporaryDirectory { site.place }
    var live: String { place.file("db/live.lmdb") }

    init() throws {
        site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\nlookuptimeout=2\n",
            "db/dbases.conf": """
            aliases lmdb - -la $MAILVAR/db/aliases -lm
            fqdnroutes lmdb - -l $MAILVAR/db/routes -lm%
            fqdnroutes lmdb - -r $MAILVAR/db/live -lm%
            fqdnaliases lmdb - -r $MAILVAR/db/all -lm -D users
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
            "db/aliases": "root: anna@y.example\n",
            "db/routes": "anna@y.example smtp-lmtp!node!anna%2\n",
        ])
        try LMDBUpdater.shared.get().load(
            [("team@y.example", "anna@y.example")], into: place.file("db/all.lmdb"), options: ["-N", "users"])
        let source = "bob@y.example\tsmtp-lmtp!node!bob\n"
        let result = try site.run(["db", "load", "fqdnroutes"], input: Array(source.utf8))
        guard result.status == 0 else { throw CommandFailure(result.errorText) }
        let compiled = try site.run(["newdb"])
        guard compiled.status == 0 else { throw CommandFailure(compiled.errorText) }
    }

    private func succeed(_ arguments: [String], input: String = "") throws -> String {
        let result = try site.run(arguments, input: Array(input.utf8))
        #expect(result.status == 0, "\(arguments): \(result.errorText)")
        #expect(result.errors.isEmpty, "\(arguments): \(result.errorText)")
        return result.text
    }

    @Test func everythingWorksOnEveryKindOfMap() throws {
        #expect(
            try succeed(["newdb"])
                == "aliases\t1\t\(place.path)/db/aliases.lmdb\nfqdnroutes\t1\t\(place.path)/db/routes.lmdb\n")
        let answer = try succeed([
            "route-test", "--format", "tsv", "anna+news@y.example", "root", "bob@y.example", "team@y.example",
        ])
        #expect(answer.contains("smtp-lmtp!node!anna+news\n"))
        #expect(answer.contains("root\tsmtp-lmtp!node!anna\n"))
        #expect(answer.contains("bob@y.example\tsmtp-lmtp!node!bob\n"))
        #expect(answer.contains("team@y.example\tsmtp-lmtp!node!anna\n"))
        // The live map, and a database in a file, are changed.
        for (map, key, value) in [
            ("fqdnroutes", "new@y.example", "smtp-lmtp!node!new"), ("fqdnaliases", "all@y.example", "bob@y.example"),
        ] {
            _ = try succeed(["db", "put", map, key, value])
            #expect(try succeed(["db", "get", map, key]) == value + "\n")
            #expect(try succeed(["db", "count", map]) == "2\n")
            #expect(try succeed(["db", "verify", map]).hasSuffix("2 entries, all well\n"))
            let dump = try succeed(["db", "dump", map])
            #expect(dump.contains("\(key)\t\(value)\n"))
            _ = try succeed(["db", "delete", map, key])
            #expect(try site.run(["db", "get", map, key]).status == 1)
            #expect(try site.run(["db", "delete", map, key]).status == 1)
            _ = try succeed(["db", "load", map], input: dump)
            #expect(try succeed(["db", "dump", map]) == dump)
        }
        #expect(try succeed(["check"]).contains("nothing found"))
        #expect(try site.run(["db", "recover", "fqdnroutes"]).errorText.contains("lives in no environment"))
        #expect(try site.run(["db", "get", "--env", "/tmp", live, "a"]).status == 64)
    }

    @Test(arguments: ["cut", "zeros", "text", "none"])
    func aFileThatCannotBeAskedHoldsItsAddresses(damage: String) throws {
        _ = try succeed(["newdb"])
        for name in ["db/routes.lmdb", "db/live.lmdb"] {
            let whole = try place.bytes(of: name)
            switch damage {
            case "cut": try place.write(Array(whole.dropLast()), to: name)
            case "zeros": try place.write([UInt8](repeating: 0, count: 9000), to: name)
            case "text": try place.write("anna@y.example smtp-lmtp!node!anna\n", to: name)
            default: try FileManager.default.removeItem(atPath: place.file(name))
            }
            let answer = try site.run(["route-test", "--format", "tsv", "nobody@y.example"])
            #expect(answer.text.contains("hold!IO:error!nobody@y.example"), "\(answer.text)")
            #expect(answer.errorText.contains(name), "\(answer.errorText)")
            if name.contains("live") {
                for command in ["get", "count", "dump", "verify", "put"] {
                    let arguments =
                        ["db", command, live]
                        + (command == "get" ? ["a"] : command == "put" ? ["a@y.example", "smtp!h"] : [])
                    let result = try site.run(arguments)
                    let mayMake = command == "put" && damage == "none"
                    #expect(mayMake ? result.status == 0 : [1, 75].contains(result.status), "\(arguments): \(result)")
                    #expect(result.output.isEmpty)
                    if command == "get" { #expect(result.status == 75) }
                }
            }
            try place.write(whole, to: name)
        }
    }

    /// What cannot be stored is refused where it is built, with its place.
    @Test func entriesThatCannotBeStoredAreRefused() throws {
        let key = String(repeating: "k", count: 511) + "@y.example"
        try site.write("a@y.example smtp!h\n\(key) smtp!h\n", to: "db/routes")
        let result = try site.run(["newdb"])
        #expect(result.status == 65)
        #expect(result.errorText.contains("db/routes:2: "), "\(result.errorText)")
        #expect(result.errorText.contains("LMDB stores 511 at most; keep it in a map of another type"))
        let made = try site.run(["makedb", "lmdb", place.file("m"), place.file("db/routes")])
        #expect(made.status == 65 && made.errorText.contains("db/routes:2: "), "\(made.errorText)")
        let put = try site.run(["db", "put", "fqdnroutes", key, "smtp!h"])
        #expect(put.status == 65 && put.errorText.contains("511 at most"), "\(put.errorText)")
        let load = try site.run(["db", "load", "fqdnroutes"], input: Array("a@y.example\tx\n\(key)\tsmtp!h\n".utf8))
        #expect(load.status == 65 && load.errorText.contains("standard input:2: "), "\(load.errorText)")
        // Asking for it is no failure: it certainly is not there.
        #expect(try site.run(["db", "get", "fqdnroutes", key]).status == 1)
        #expect(try succeed(["db", "count", "fqdnroutes"]) == "1\n")
    }

    @Test func makedbAddsToAFile() throws {
        let base = place.file("db/m")
        try place.write("a old\nb old\n", to: "first")
        try place.write("b new\nc new\n", to: "second")
        #expect(try site.run(["makedb", "lmdb", base, place.file("first")]).status == 0)
        let added = try site.run(["makedb", "-A", "lmdb", base, place.file("second")])
        #expect(added.status == 0, "\(added.errorText)")
        #expect(added.errorText.contains("1 key was there already; the old value stands"))
        #expect(try succeed(["db", "dump", base + ".lmdb"]) == "a\told\nb\told\nc\tnew\n")
    }

    /// The one wait that there is: for the right to write.
    @Test(arguments: ["put", "load", "delete"])
    func aStoppedWriterCostsOneDeadline(command: String) throws {
        let updater = try LMDBUpdater.shared.get()
        let writer = try updater.start(["hold", live])
        writer.signal(SIGSTOP)
        let arguments = ["db", command, "fqdnroutes"] + (command == "load" ? [] : ["bob@y.example"])
        let result = try site.run(
            arguments + (command == "put" ? ["smtp!x"] : []), input: Array("bob@y.example\tsmtp!x\n".utf8),
            endedAfter: 30)
        #expect(result.status == 75, "\(result)")
        #expect(result.errorText.contains("no answer within 2 s"), "\(result.errorText)")
        #expect(result.errorText.contains("another process has the right to write"))
        #expect(try succeed(["db", "get", "fqdnroutes", "bob@y.example"]) == "smtp-lmtp!node!bob\n")
        #expect(try succeed(["db", "verify", "fqdnroutes"]).contains("all well"))
        writer.end()
        _ = try succeed(["db", "put", "fqdnroutes", "bob@y.example", "smtp!x"])
        #expect(try succeed(["db", "get", "fqdnroutes", "bob@y.example"]) == "smtp!x\n")
    }

    /// A file without NULs stays one, and the two forms of a key are never both there.
    @Test func changesFollowTheFormOfTheFile() throws {
        let path = place.file("db/plain.lmdb")
        let updater = try LMDBUpdater.shared.get()
        try updater.load([("a", "1"), ("b", "2")], into: path, options: ["-n"])
        try updater.load([("c", "3")], into: path)
        _ = try succeed(["db", "put", path, "b", "new"])
        _ = try succeed(["db", "put", path, "c", "new"])
        _ = try succeed(["db", "put", path, "d", "new"])
        #expect(try succeed(["db", "dump", path]) == "a\\c\t1\\c\nb\\c\tnew\\c\nc\\c\tnew\\c\nd\\c\tnew\\c\n")
        for key in ["a", "b", "c"] { _ = try succeed(["db", "delete", path, key]) }
        #expect(try succeed(["db", "count", path]) == "1\n")
        #expect(try succeed(["db", "verify", path]).contains("1 entry, all well"))
    }

    /// What a damaged file would make of the library is found before the library looks at it.
    @Test func aDamagedFileIsNotChanged() throws {
        let lines = (0..<5000).map { "user\($0)@y.example\tsmtp-lmtp!node!user\($0)\n" }.joined()
        _ = try succeed(["db", "load", "fqdnroutes"], input: lines)
        let whole = try place.bytes(of: "db/live.lmdb")
        var random = SeededNumbers(seed: 5)
        var refused = 0
        for _ in 0..<25 {
            var bytes = whole
            let page = Int(random.next() % UInt64(whole.count / 4096)) * 4096
            for index in page..<page + 4096 { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            try place.write(bytes, to: "db/live.lmdb")
            for arguments in [
                ["put", "fqdnroutes", "a@y.example", "smtp!x"], ["verify", "fqdnroutes"], ["dump", "fqdnroutes"],
            ] {
                let result = try site.run(["db"] + arguments)
                #expect([0, 1, 75].contains(result.status), "\(arguments): \(result)")
                if result.status != 0 { refused += 1 }
            }
        }
        print("lmdb, 25 random pages: \(refused) of 75 commands refused, none killed")
        #expect(refused > 30)
    }

    @Test func aReadOnlyFileSystemCanBeRead() throws {
        guard geteuid() == 0 else {
            print("lmdb on a read-only file system: not run: only the superuser can mount one")
            return
        }
        let mounted = try runCommand("/bin/mount", ["--bind", place.file("db"), place.file("db")])
        guard mounted.status == 0 else {
            print("lmdb on a read-only file system: not run: \(mounted.errorText)")
            return
        }
        defer { _ = try? runCommand("/bin/umount", ["-l", place.file("db")]) }
        try runCommandSuccessfully("/bin/mount", ["-o", "remount,ro,bind", place.file("db")])
        #expect(try succeed(["db", "get", "fqdnroutes", "bob@y.example"]) == "smtp-lmtp!node!bob\n")
        #expect(try succeed(["db", "verify", "fqdnroutes"]).contains("all well"))
        let put = try site.run(["db", "put", "fqdnroutes", "bob@y.example", "smtp!x"])
        #expect([74, 75].contains(put.status), "\(put)")
        #expect(put.errorText.contains("read-only"), "\(put.errorText)")
    }

    @Test func whoMayNotWriteIsTold() throws {
        guard geteuid() == 0 else {
            print("lmdb of another user: not run: only the superuser can become another")
            return
        }
        chmod(place.path, 0o755)
        let program = try Programs.zroute.get()
        func runAsNobody(_ arguments: [String]) throws -> CommandResult {
            try runCommand(
                "/usr/bin/setpriv",
                ["--reuid=65534", "--regid=65534", "--clear-groups", program] + site.options(arguments))
        }
        let read = try runAsNobody(["db", "get", "fqdnroutes", "bob@y.example"])
        guard read.status != 126, read.status != 127 else {
            print("lmdb of another user: not run: \(read.errorText)")
            return
        }
        #expect(read.text == "smtp-lmtp!node!bob\n", "\(read)")
        let put = try runAsNobody(["db", "put", "fqdnroutes", "bob@y.example", "smtp!x"])
        #expect(put.status == 75 && put.errorText.contains("write"), "\(put)")
        #expect(put.errorText.contains("permission denied") || put.errorText.contains("Permission denied"), "\(put)")
    }

    @Test func anEnvironmentHasNoEffect() throws {
        try place.write("fqdnroutes lmdb - -l $MAILVAR/db/routes -lm% -C sleepyenv.conf\n", to: "db/dbases.conf")
        let result = try site.run(["newdb"])
        #expect(result.errorText.contains("a map of type lmdb lives in no environment"))
    }
}
