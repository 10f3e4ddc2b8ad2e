// The sum beside a constant database: what it says, what does not fit it, and that no file is refused for ever.

import CDB
import Foundation
import Maps
import Site
import Testing
import ZRouteTestKit

@Suite struct CDBSumTests {
    let place: CDBPlace
    var directory: TemporaryDirectory { place.directory }

    init() throws { place = try CDBPlace() }

    private func value(of key: String = "k") throws -> String? { try place.table("m.cdb").text(of: key) }

    private func sum() throws -> String { String(decoding: try directory.bytes(of: "m.cdb.sum"), as: UTF8.self) }

    private func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: directory.file(name)) }

    /// Changes a byte of the value, and nothing else.
    private func damage(_ name: String, _ value: String) throws {
        let bytes = try directory.bytes(of: name)
        let damaged = bytes.replacing(value.utf8, with: (value.dropLast() + "?").utf8)
        try #require(damaged != bytes)
        try directory.write(damaged, to: name)
    }

    @Test(arguments: [0, 1, 500])
    func otherProgramsCheckIt(count: Int) throws {
        try place.compile((0..<count).map { ("k\($0)", "v\($0)") }, to: "m")
        let lines = try sum().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first == "# size \(try directory.bytes(of: "m.cdb").count), entries \(count)")
        let check = ["-C", directory.path, "sha256sum", "--strict", "-c", "m.cdb.sum"]
        #expect(try runCommandSuccessfully("/usr/bin/env", check) == Array("m.cdb: OK\n".utf8))
        // Also when it names the file that was there before.
        try place.compile([("k", "longer than before")], to: "m")
        #expect(try sum().split(separator: "\n").count == 3)
        #expect(try runCommandSuccessfully("/usr/bin/env", check) == Array("m.cdb: OK\n".utf8))
        #expect(try value() == "longer than before")
    }

    @Test(arguments: [false, true])
    func aChangedValueIsNoticed(appended: Bool) throws {
        try place.compile([("k", "value"), ("l", "x")], to: "m")
        if appended { try place.compile([("more", "another")], to: "m", appending: true) }
        try damage("m.cdb", appended ? "another" : "value")
        let error = #expect(throws: MapError.self) { try value() }
        #expect(error?.text.contains("SHA-256") == true && error?.text.contains("compile the map") == true)
        // It is not added to, and compiling puts it right.
        #expect(throws: CompileError.self) { try place.compile([("n", "n")], to: "m", appending: true) }
        try place.compile([("k", "value")], to: "m")
        #expect(try value() == "value")
    }

    @Test func aTableTurnsToWhatIsPutRight() throws {
        try place.compile([("k", "value")], to: "m")
        let whole = try directory.bytes(of: "m.cdb")
        try damage("m.cdb", "value")
        let table = place.table("m.cdb")
        for _ in 0..<3 { #expect(throws: MapError.self) { try table.text(of: "k") } }
        // By the sum alone ...
        try directory.write(try sum(), to: "kept")
        try remove("m.cdb.sum")
        #expect(table.refresh())
        #expect(try table.text(of: "k") == "valu?")
        // ... and by the file.
        try directory.write(try directory.bytes(of: "kept"), to: "m.cdb.sum")
        #expect(!table.refresh())
        try directory.write(whole, to: "m.cdb")
        #expect(table.refresh())
        #expect(try table.text(of: "k") == "value")
    }

    /// What a crash between the steps of a publication may leave: the old or the new file, each with the old or the new sum.
    @Test(arguments: ["old", "a longer old one"], [true, false])
    func whatACrashLeavesIsRead(old: String, hadSum: Bool) throws {
        try place.compile([("k", old)], to: "m")
        if !hadSum { try remove("m.cdb.sum") }
        let oldFile = try directory.bytes(of: "m.cdb")
        try place.compile([("k", "new")], to: "m")
        let newFile = try directory.bytes(of: "m.cdb")
        let newSum = try directory.bytes(of: "m.cdb.sum")
        #expect(try value() == "new")
        // The sum is on the disk before the file is: there is no new file beside an old sum.
        try directory.write(oldFile, to: "m.cdb")
        #expect(try value() == old)
        // The next run ends it.
        try place.compile([("k", "newer")], to: "m")
        #expect(try value() == "newer")
        // A file of other content is neither.
        try directory.write(newSum, to: "m.cdb.sum")
        for (file, word) in [(oldFile, old), (newFile, "new")] {
            try directory.write(file, to: "m.cdb")
            try damage("m.cdb", word)
            #expect(throws: MapError.self) { try value() }
        }
    }

    /// A damaged file is not trusted because of a run that was killed before it replaced the file.
    @Test(arguments: ["new", "a longer new one"])
    func aDamagedFileIsRefusedAlsoBesideTheNextSum(new: String) throws {
        try place.compile([("k", "old")], to: "m")
        try damage("m.cdb", "old")
        let damaged = try directory.bytes(of: "m.cdb")
        try place.compile([("k", new)], to: "m")
        #expect(try value() == new)
        try directory.write(damaged, to: "m.cdb")
        #expect(throws: MapError.self) { try value() }
    }

    @Test func aFileThatAnotherProgramHasWrittenIsReadUnlessItMayBeADamagedOne() throws {
        try place.compile([("k", "value")], to: "m")
        try CDBTests.Writer.tinycdb.write([("k", "of another size")], to: "m.cdb", in: place)
        #expect(try value() == "of another size")
        // Of the same size nobody can tell it from a damaged one.
        try CDBTests.Writer.tinycdb.write([("k", "VALUE")], to: "m.cdb", in: place)
        let error = #expect(throws: MapError.self) { try value() }
        #expect(error?.text.contains("another program") == true)
        try remove("m.cdb.sum")
        #expect(try value() == "VALUE")
    }

    /// Every bit of a sum; one that does not fit refuses a whole file, and never lets a damaged one through.
    @Test func aDamagedSumNeverLetsADamagedFileThrough() throws {
        try place.compile([("k", "old")], to: "m")
        try place.compile([("k", "value of the map")], to: "m")
        let text = try directory.bytes(of: "m.cdb.sum")
        let whole = try directory.bytes(of: "m.cdb")
        var read = 0, refused = 0
        for place in 0..<8 * text.count {
            var damaged = text
            damaged[place / 8] ^= 1 << UInt8(place % 8)
            try directory.write(damaged, to: "m.cdb.sum")
            do {
                #expect(try value() == "value of the map")
                read += 1
            } catch is MapError {
                refused += 1
            }
        }
        for count in 0..<text.count {
            try directory.write(Array(text.prefix(count)), to: "m.cdb.sum")
            // Cut behind its second line it is whole.
            if (try? value()) != nil { read += 1 } else { refused += 1 }
        }
        try directory.write(whole, to: "m.cdb")
        print(
            "sum of \(text.count) bytes: \(8 * text.count) changed bits and \(text.count) cuts, \(refused) refused, \(read) read"
        )
        #expect(refused > 4 * text.count)
        for other in ["", "\n", "# size 1, entries 1\n", String(repeating: "x", count: 5000), "\u{FEFF}"] {
            try directory.write(other, to: "m.cdb.sum")
            let error = #expect(throws: MapError.self) { try value() }
            #expect(error?.text.contains("compile the map again") == true || error?.text.contains("larger") == true)
        }
        try remove("m.cdb.sum")
        try directory.makeDirectory("m.cdb.sum")
        #expect(throws: MapError.self) { try value() }
    }

    @Test func theSumIsOfTheModeThatTheFileHas() throws {
        var job = CompileJob(
            source: .bytes(Array("k v\n".utf8), name: "source"), form: .plain, folding: .none, format: CDBFormat(),
            base: directory.file("m"))
        job.permissions = CompileJob.Permissions(mode: 0o640)
        let compiler = MapCompiler()
        _ = try compiler.prepare(job)
        #expect(compiler.preparedFiles.map(\.target) == [directory.file("m.cdb")])
        try compiler.commit()
        for name in ["m.cdb", "m.cdb.sum"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory.file(name))
            #expect(attributes[.posixPermissions] as? Int == 0o640)
        }
        // What is prepared and not wanted leaves nothing.
        _ = try compiler.prepare(job)
        #expect(try directory.names().count == 4)
        compiler.discard()
        #expect(try directory.names() == ["m.cdb", "m.cdb.sum"])
    }

    /// What another run publishes between the preparation and the end of this one.
    @Test(arguments: ["of one size", "OF ONE SIZE"])
    func twoRunsAtOnceLeaveAFileThatIsRead(other: String) throws {
        try place.compile([("k", "old")], to: "m")
        func prepared(_ value: String) throws -> MapCompiler {
            let compiler = MapCompiler()
            _ = try compiler.prepare(
                CompileJob(
                    source: .bytes(Array("k \(value)\n".utf8), name: "source"), form: .plain, folding: .none,
                    format: CDBFormat(), base: directory.file("m")))
            return compiler
        }
        let first = try prepared("of one size"), second = try prepared(other)
        try first.commit()
        #expect(try value() == "of one size")
        let between = try directory.bytes(of: "m.cdb")
        try second.commit()
        #expect(try value() == other)
        // As it was when the second run had published its sum, and not yet its file.
        try directory.write(between, to: "m.cdb")
        #expect(try value() == "of one size")
    }

    @Test func checkFindsASumThatDoesNotFit() throws {
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\n",
            "dbases.conf": "fqdnroutes cdb - -l @SITE@/routes -lm%\naliases NONE - - - -\nfqdnaliases NONE - - - -\n"
                + "routesdb NONE - - - -\nthishost NONE - - - -\n",
            "routes": "anna@y.example smtp!store!anna%2\n",
        ])
        #expect(try site.run(["newdb"]).status == 0)
        func check() throws -> String { try site.run(["check", "--format", "text"]).text }
        #expect(try !check().contains("routes.cdb"))
        let whole = try site.place.bytes(of: "routes.cdb")
        try site.place.write(whole.replacing("store".utf8, with: "stork".utf8), to: "routes.cdb")
        let damaged = try check()
        #expect(damaged.contains("unreadable-map") && damaged.contains("SHA-256"), "\(damaged)")
        try runCommandSuccessfully(
            "/usr/bin/cdb", ["-c", site.place.file("routes.cdb")],
            input: Array("+14,11:anna@y.example->smtp!s!anna\n\n".utf8))
        let strange = try check()
        #expect(strange.contains("routes.cdb.sum") && strange.contains("sum-of-another-file"), "\(strange)")
        // Who routes is told, too, and routes.
        let answer = try site.run(["route-test", "--format", "tsv", "anna@y.example"])
        #expect(answer.text == "anna@y.example\tsmtp!s!anna\n", "\(answer.text) \(answer.errorText)")
    }
}
