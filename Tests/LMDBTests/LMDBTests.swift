// Files of LMDB: of every writer they are read, what is none is a failure, and newdb writes what others read.

import BerkeleyDB
import Foundation
import Glibc
import LMDB
import Maps
import Testing
import ZRouteTestKit

@Suite struct LMDBTests {
    let place: LMDBPlace
    var directory: TemporaryDirectory { place.directory }

    init() throws { place = try LMDBPlace() }

    @Test(arguments: LMDBMaker.allCases, [1, 60, 2000])
    func filesOfEveryWriterAreRead(maker: LMDBMaker, count: Int) throws {
        let entries = Array(LMDBPlace.entries.prefix(count))
        try maker.write(entries, to: "m.lmdb", in: place)
        let table = place.table("m.lmdb")
        for entry in entries { #expect(try table.text(of: entry.key) == entry.value) }
        for key in ["", "user", "user1@1.example ", "User1@1.example", "user2000@5.example", "zzz", "\u{1}"] {
            #expect(try table.text(of: key) == nil)
        }
        #expect(LMDBFormat().entryCount(of: directory.file("m.lmdb")) == count)
        #expect(!table.refresh())
    }

    @Test(arguments: LMDBMaker.allCases.filter { $0 != .tool })
    func aFileWithoutEntriesHasNone(maker: LMDBMaker) throws {
        try maker.write([], to: "m.lmdb", in: place)
        #expect(try place.table("m.lmdb").text(of: "a") == nil)
    }

    /// Of a key with and without NUL the form counts that the first key of the file has.
    @Test(arguments: [true, false])
    func bothFormsOfAKeyAreFound(firstHasNUL: Bool) throws {
        let path = directory.file("m.lmdb")
        try place.updater.load([("a", "first")], into: path, options: firstHasNUL ? [] : ["-n"])
        for number in 0..<400 where number % 3 > 0 {
            try? place.updater.load(
                [("k\(number)", "v\(number)")], into: path, options: number % 3 == 1 ? ["-n"] : [])
        }
        try place.updater.load([("both", "without")], into: path, options: ["-n"])
        try place.updater.load([("both", "with")], into: path)
        let table = place.table("m.lmdb")
        for number in 0..<400 { #expect(try table.text(of: "k\(number)") == (number % 3 > 0 ? "v\(number)" : nil)) }
        #expect(try table.text(of: "both") == (firstHasNUL ? "with" : "without"))
    }

    @Test(arguments: [1, 510, 511, 512, 513, 5000, 70_000])
    func keysOfEveryLengthAreFoundOrCertainlyAbsent(length: Int) throws {
        let key = String(repeating: "k", count: length)
        let path = directory.file("m.lmdb")
        try place.updater.load([("a", "b"), ("kk", "two"), ("kkkk", "four")], into: path, options: ["-n"])
        let isStored = length <= 511
        if isStored { try place.updater.load([(key, "long")], into: path, options: ["-n"]) }
        #expect(try place.table("m.lmdb").text(of: key) == (isStored ? "long" : nil))
    }

    @Test(arguments: [0, 1, 2000, 4096, 9000, 1_000_000])
    func valuesOfEveryLengthAreFound(length: Int) throws {
        let value = String(repeating: "v", count: length)
        try place.updater.load([("a", "b"), ("key", value), ("z", "y")], into: directory.file("m.lmdb"))
        #expect(try place.table("m.lmdb").text(of: "key") == value)
    }

    @Test func otherProgramsReadWhatNewdbWrites() throws {
        try place.compile(LMDBPlace.entries, to: "m")
        let path = directory.file("m.lmdb")
        let dump = try runCommandSuccessfully("/usr/bin/mdb_dump", ["-n", "-p", path])
        let lines = String(decoding: dump, as: UTF8.self).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix(" ") }.count == 2 * LMDBPlace.entries.count)
        #expect(lines.contains(" user7@0.example\\00"))
        let output = try runCommandSuccessfully("/usr/bin/mdb_stat", ["-n", "-f", path])
        let status = String(decoding: output, as: UTF8.self)
        #expect(status.contains("Entries: \(LMDBPlace.entries.count)"))
        // Another program's change is seen at the next lookup.
        let table = place.table("m.lmdb")
        #expect(try table.text(of: "new") == nil)
        try place.updater.run(["put", path, "new", "x"])
        #expect(try table.text(of: "new") == "x")
    }

    // MARK: What is none

    static let strangers: [(name: String, word: String)] = [
        ("missing.lmdb", "no such file"), ("directory.lmdb", "no such file"),
        ("empty.lmdb", "ends before its first page"),
        ("text.lmdb", "ends before its first page"), ("long.lmdb", "no file of LMDB"),
        ("btree.lmdb", "no file of LMDB"),
        ("zeros.lmdb", "no file of LMDB"), ("ones.lmdb", "no file of LMDB"), ("fifo.lmdb", "not a regular file"),
        ("null.lmdb", "not a regular file"), ("named.lmdb", "named databases"), ("integer.lmdb", "MDB_INTEGERKEY"),
        ("reverse.lmdb", "MDB_REVERSEKEY"), ("version.lmdb", "another format"),
    ]

    @Test(arguments: strangers)
    func whatIsNoMapIsAFailure(stranger: (name: String, word: String)) throws {
        let updater = place.updater
        try directory.makeDirectory("directory.lmdb")
        try directory.write("", to: "empty.lmdb")
        try directory.write("a b\n", to: "text.lmdb")
        try directory.write(String(repeating: "user@example.org smtp-lmtp!node!user\n", count: 500), to: "long.lmdb")
        try directory.write([UInt8](repeating: 0, count: 9000), to: "zeros.lmdb")
        try directory.write([UInt8](repeating: 255, count: 9000), to: "ones.lmdb")
        try BerkeleyDBTools.load([("a", "b")], into: directory.file("btree.lmdb"))
        mkfifo(directory.file("fifo.lmdb"), 0o600)
        symlink("/dev/null", directory.file("null.lmdb"))
        try updater.load([("a", "b")], into: directory.file("named.lmdb"), options: ["-N", "users"])
        try updater.load([("aaaaaaa", "b")], into: directory.file("integer.lmdb"), options: ["-i"])
        try updater.load([("a", "b")], into: directory.file("reverse.lmdb"), options: ["-r"])
        try updater.load([("a", "b")], into: directory.file("version.lmdb"))
        var bytes = try directory.bytes(of: "version.lmdb")
        bytes[20] = 2
        bytes[4096 + 20] = 2
        try directory.write(bytes, to: "version.lmdb")
        let table = place.table(stranger.name)
        for key in ["a", "users", "b"] {
            let error = #expect(throws: MapError.self) { try table.text(of: key) }
            #expect(error?.text.contains(stranger.word) == true, "\(error?.text ?? "")")
        }
        #expect(table.privilege == 65_534)
        // A file that is put right is noticed.
        let path = directory.file(stranger.name)
        try? FileManager.default.removeItem(atPath: path)
        try updater.load([("a", "b")], into: path, options: ["-l"])
        #expect(table.refresh())
        #expect(try table.text(of: "a") == "b")
    }

    @Test func aNamedDatabaseIsAskedByItsName() throws {
        let path = directory.file("m.lmdb")
        for (name, value) in [("aliases", "1"), ("routes", "2")] {
            try place.updater.load(
                LMDBPlace.entries.map { ($0.key, value + $0.value) }, into: path, options: ["-N", name], batch: 100)
        }
        try place.updater.load([("empty", "")], into: path, options: ["-N", "other"])
        for (name, value) in [("aliases", "1"), ("routes", "2")] {
            let table = place.table("m.lmdb", database: name)
            for entry in LMDBPlace.entries { #expect(try table.text(of: entry.key) == value + entry.value) }
            #expect(try table.text(of: "aliases") == nil)
        }
        let error = #expect(throws: MapError.self) { try place.table("m.lmdb", database: "none").text(of: "a") }
        #expect(error?.text.contains("no database 'none'") == true, "\(error?.text ?? "")")
        try place.updater.load([("a", "b")], into: directory.file("p.lmdb"))
        #expect(throws: MapError.self) { try place.table("p.lmdb", database: "a").text(of: "a") }
    }

    @Test func aDirectoryIsTaken() throws {
        try directory.makeDirectory("m.lmdb")
        try place.updater.load([("a", "b")], into: directory.file("m.lmdb"), command: "directory")
        #expect(try place.table("m.lmdb").text(of: "a") == "b")
    }

    /// As the library's own lookup answers: the first in the order of the values.
    @Test(arguments: [2, 20, 3000])
    func ofSeveralValuesTheFirstIsFound(count: Int) throws {
        let entries = [("a", "x"), ("z", "y")] + (0..<count).map { ("k", "value\(10_000 + $0)") }
        try place.updater.load(entries, into: directory.file("m.lmdb"), options: ["-d"])
        let table = place.table("m.lmdb")
        #expect(try table.text(of: "k") == "value10000")
        #expect(try table.text(of: "a") == "x")
        #expect(try table.text(of: "b") == nil)
    }

    // MARK: Replaced and growing files

    @Test func aReplacedFileIsSeen() throws {
        try place.compile([("k", "old")], to: "m")
        let table = place.table("m.lmdb")
        #expect(try table.text(of: "k") == "old")
        #expect(!table.refresh())
        try place.compile([("k", "new")], to: "m")
        // Within an address a map is of one generation.
        #expect(try table.text(of: "k") == "old")
        #expect(table.refresh())
        #expect(try table.text(of: "k") == "new")
    }

    /// A file that is written over with another of the same transactions shows that by its time alone.
    @Test func aFileThatIsWrittenOverIsSeen() throws {
        try place.compile(LMDBPlace.entries, to: "m")
        try place.compile(LMDBPlace.entries.map { ($0.key + "x", $0.value) }, to: "other")
        let table = place.table("m.lmdb")
        #expect(try table.text(of: "user7@0.example") != nil)
        let bytes = try directory.bytes(of: "other.lmdb")
        try Data(bytes).withUnsafeBytes { _ in
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file("m.lmdb")))
            try handle.write(contentsOf: bytes)
            try handle.close()
        }
        #expect(table.refresh())
        #expect(try table.text(of: "user7@0.examplex") != nil)
        #expect(try table.text(of: "user7@0.example") == nil)
    }

    @Test func aGrowingFileIsFollowed() throws {
        let path = directory.file("m.lmdb")
        try place.updater.load([("a", "b")], into: path)
        let table = place.table("m.lmdb")
        #expect(try table.text(of: "a") == "b")
        for round in 0..<5 {
            let entries = (0..<20_000).map { ("round\(round)-\($0)", "value\($0)") }
            try place.updater.load(entries, into: path, options: ["-s"])
            for number in stride(from: 0, to: 20_000, by: 997) {
                #expect(try table.text(of: "round\(round)-\(number)") == "value\(number)")
            }
            #expect(try table.text(of: "a") == "b")
        }
    }

    /// What a program does with a file says nothing of damage, whatever it does.
    @Test(arguments: Array(1...12))
    func noDamageIsSeenWhereThereIsNone(seed: Int) throws {
        let path = directory.file("m.lmdb")
        let options = [["-s"], ["-s", "-w"], ["-s", "-n"], ["-s", "-d"], ["-s", "-l"], ["-s", "-N", "name"]][seed % 6]
        let database = seed % 6 == 5 ? "name" : nil
        for step in 0..<4 {
            try place.updater.run(options + ["stress", path, "\(seed * 10 + step)", "60"])
            let table = place.table("m.lmdb", database: database)
            for number in 0..<3000 { _ = try table.text(of: "key\(number)x") }
            let arguments = ["db", "verify", path]
            guard database == nil else { continue }
            let result = try runCommand(Programs.zroute.get(), arguments)
            #expect(result.status == 0, "\(result.errorText)")
        }
    }

    @Test func addingKeepsWhatIsThere() throws {
        try place.compile([("a", "old"), ("b", "old")], to: "m")
        try place.compile([("b", "new"), ("c", "new"), ("0", "new")], to: "m", appending: true)
        let table = place.table("m.lmdb")
        for (key, value) in [("a", "old"), ("b", "old"), ("c", "new"), ("0", "new")] {
            #expect(try table.text(of: key) == value)
        }
        // A damaged file is not added to: what its damage hides would be lost for good.
        try directory.write([UInt8](repeating: 0, count: 9000), to: "m.lmdb")
        #expect(throws: CompileError.self) { try place.compile([("d", "x")], to: "m", appending: true) }
        #expect(try directory.bytes(of: "m.lmdb").count == 9000)
    }
}
