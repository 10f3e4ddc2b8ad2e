// Constant databases: files of every writer are read, damage is never taken for an absence, and newdb and makedb write them.

import BerkeleyDB
import Bytes
import CDB
import Maps
import Site
import Testing
import ZRouteTestKit

/// A place for files, and tables over them.
struct CDBPlace {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    func table(_ name: String, _ contents: SharedContents = SharedContents()) -> CDBTable {
        CDBTable(
            name: TableName(relation: "r", backEnd: "cdb", file: directory.file(name)), contents: contents,
            hash: ByteHash())
    }

    /// Writes a file as newdb does.
    ///
    /// - Parameter appending: whether what is there is kept, as with `-A`.
    func compile(
        _ entries: [(key: String, value: String)], to name: String, _ format: CDBFormat = CDBFormat(),
        appending: Bool = false
    ) throws {
        let text = entries.map { "\($0.key) \($0.value)\n" }.joined()
        let compiler = MapCompiler()
        let job = CompileJob(
            source: .bytes(Array(text.utf8), name: "source"), form: .plain, folding: .none, format: format,
            base: directory.file(name))
        _ = try compiler.prepare(job, appending: appending)
        try compiler.commit()
    }
}

@Suite struct CDBTests {
    static let entries = (0..<2000).map {
        (key: "user\($0)@\($0 % 7).example", value: "smtp-lmtp!node\($0 % 3)!u\($0)")
    }

    /// Who can write a file.
    enum Writer: String, CaseIterable {
        case newdb, tinycdb, freecdb

        func write(_ entries: [(key: String, value: String)], to name: String, in place: CDBPlace) throws {
            let text = entries.map { "+\($0.key.utf8.count),\($0.value.utf8.count):\($0.key)->\($0.value)\n" }.joined()
            let path = place.directory.file(name)
            switch self {
            case .newdb:
                try place.compile(entries, to: String(name.dropLast(4)))
            case .tinycdb:
                try runCommandSuccessfully("/usr/bin/cdb", ["-c", path], input: Array((text + "\n").utf8))
            case .freecdb:
                try runCommandSuccessfully("/usr/bin/cdbmake", [path, path + ".tmp"], input: Array((text + "\n").utf8))
            }
        }
    }

    @Test(arguments: Writer.allCases)
    func filesOfEveryWriterAreRead(writer: Writer) throws {
        let place = try CDBPlace()
        try writer.write(Self.entries, to: "m.cdb", in: place)
        let table = place.table("m.cdb")
        for entry in Self.entries { #expect(try table.text(of: entry.key) == entry.value) }
        for key in ["", "user", "user1@1.example ", "User1@1.example", "user2000@5.example"] {
            #expect(try table.text(of: key) == nil)
        }
        #expect(CDBFormat().entryCount(of: place.directory.file("m.cdb")) == Self.entries.count)
    }

    @Test(arguments: Writer.allCases)
    func aFileWithoutEntriesHasNone(writer: Writer) throws {
        let place = try CDBPlace()
        try writer.write([], to: "m.cdb", in: place)
        #expect(try place.table("m.cdb").text(of: "a") == nil)
    }

    @Test func ofTwoRecordsWithOneKeyTheFirstIsFound() throws {
        let place = try CDBPlace()
        try Writer.tinycdb.write([("k", "first"), ("k", "second"), ("l", "x")], to: "m.cdb", in: place)
        #expect(try place.table("m.cdb").text(of: "k") == "first")
    }

    @Test func otherProgramsReadWhatNewdbWrites() throws {
        let place = try CDBPlace()
        try place.compile(Self.entries, to: "m")
        let path = place.directory.file("m.cdb")
        let dump = try runCommandSuccessfully("/usr/bin/cdb", ["-d", path])
        #expect(dump.split(separator: UInt8(ascii: "\n")).count == Self.entries.count)
        for entry in Self.entries.prefix(20) {
            #expect(try runCommandSuccessfully("/usr/bin/cdb", ["-q", path, entry.key]) == Array(entry.value.utf8))
        }
    }

    /// What is no constant database; the text of the failure has the word.
    static let strangers: [(name: String, word: String)] = [
        ("missing.cdb", "no such file"), ("directory.cdb", "not a regular file"), ("empty.cdb", "0 bytes"),
        ("text.cdb", "bytes, and a header"), ("long.cdb", "hash table"), ("btree.cdb", "hash table"),
        ("zeros.cdb", "hash table"), ("header.cdb", "hash table"), ("ones.cdb", "hash table"),
    ]

    @Test(arguments: strangers)
    func whatIsNoConstantDatabaseIsAFailure(stranger: (name: String, word: String)) throws {
        let place = try CDBPlace()
        let directory = place.directory
        try directory.makeDirectory("directory.cdb")
        try directory.write("", to: "empty.cdb")
        try directory.write("a b\n", to: "text.cdb")
        try directory.write(String(repeating: "user@example.org smtp-lmtp!node!user\n", count: 500), to: "long.cdb")
        try directory.write([UInt8](repeating: 0, count: 5000), to: "zeros.cdb")
        try directory.write([UInt8](repeating: 0, count: 2048), to: "header.cdb")
        try directory.write([UInt8](repeating: 255, count: 5000), to: "ones.cdb")
        try BerkeleyDBTools.load([("a", "b")], into: directory.file("btree.cdb"))
        let table = place.table(stranger.name)
        for _ in 0..<2 {
            let error = #expect(throws: MapError.self) { try table.text(of: "a") }
            #expect(error?.text.contains(stranger.word) == true, "\(error?.text ?? "")")
            #expect(error?.text.contains("compile the map") == true)
        }
        #expect(table.privilege == 65_534)
        // A file that is put right is noticed.
        if stranger.name != "directory.cdb" {
            try Writer.tinycdb.write([("a", "b")], to: stranger.name, in: place)
            #expect(table.refresh())
            #expect(try table.text(of: "a") == "b")
        }
    }

    @Test(arguments: Writer.allCases)
    func whatAFileCannotHoldIsSaidWhenItIsBuilt(writer: Writer) throws {
        let place = try CDBPlace()
        try writer.write([("k", "old")], to: "m.cdb", in: place)
        let before = try place.directory.bytes(of: "m.cdb")
        // As at 4 GB: the header, and of each entry the record and two slots.
        let size = 2048 + Self.entries.reduce(0) { $0 + 24 + $1.key.utf8.count + $1.value.utf8.count }
        let error = #expect(throws: CompileError.self) {
            try place.compile(Self.entries, to: "m", CDBFormat(sizeLimit: size - 1))
        }
        #expect(error?.text.contains("4 GB at most") == true, "\(error?.text ?? "")")
        #expect(try place.directory.bytes(of: "m.cdb") == before)
        #expect(try place.table("m.cdb").text(of: "k") == "old")
        try place.compile(Self.entries, to: "m", CDBFormat(sizeLimit: size))
        #expect(try place.directory.bytes(of: "m.cdb").count == size)
        #expect(throws: CompileError.self) {
            try place.compile([("more", "x")], to: "m", CDBFormat(sizeLimit: size), appending: true)
        }
        #expect(try place.table("m.cdb").text(of: "user7@0.example") == "smtp-lmtp!node1!u7")
    }

    /// Files of others whose keys and values end with a NUL.
    static let terminated = (0..<300).map { (key: "user\($0)@x.example\0", value: "smtp-lmtp!node!u\($0)\0") }

    @Test(arguments: [1, 2, 300])
    func keysAndValuesThatEndWithANULAreFoundWithout(count: Int) throws {
        let place = try CDBPlace()
        let entries = Array(Self.terminated.prefix(count)) + [("empty\0", "\0"), (Self.terminated[0].key, "second\0")]
        try Writer.tinycdb.write(entries, to: "m.cdb", in: place)
        let table = place.table("m.cdb")
        for entry in Self.terminated.prefix(count) {
            #expect(try table.text(of: String(entry.key.dropLast())) == String(entry.value.dropLast()))
            #expect(try table.text(of: entry.key) == nil)
        }
        #expect(try table.text(of: "empty") == "")
        #expect(try table.text(of: "") == nil)
        // What is added is as the others are, for those who ask with a NUL.
        try place.compile([("added", "a"), ("empty", "b")], to: "m", appending: true)
        #expect(try place.table("m.cdb").text(of: "added") == "a")
        #expect(try place.table("m.cdb").text(of: "empty") == "")
        #expect(
            try runCommandSuccessfully("/usr/bin/cdb", ["-d", place.directory.file("m.cdb")]).contains(
                "+6,2:added\0->a\0\n".utf8))
    }

    /// Of which keys and values nobody can say what they are.
    @Test(arguments: [
        [("a\0", "v\0"), ("b", "v\0")], [("a", "v"), ("b\0", "v\0")], [("a\0", "v")], [("a", "v\0")],
        [("a\0\0", "v\0")], [("a\0b\0", "v\0")], [("a", "v"), ("b", "v\0w")], [("a\0", "v\0"), ("b\0", "v\0w\0")],
        [("a", "v"), ("b", "\0")], [("a\0", "v\0"), ("", "v\0")], [("", "v"), ("a\0", "v\0")], [("a\0", "")],
    ])
    func filesWithStrayNULsAreRefused(entries: [(String, String)]) throws {
        let place = try CDBPlace()
        try Writer.tinycdb.write(entries.map { (key: $0.0, value: $0.1) }, to: "m.cdb", in: place)
        let error = #expect(throws: MapError.self) { try place.table("m.cdb").text(of: "a") }
        #expect(error?.text.contains("NUL") == true, "\(error?.text ?? "")")
    }

    @Test func aReplacedFileIsSeenAndWorkersShareIt() throws {
        let place = try CDBPlace()
        let contents = SharedContents()
        try place.compile([("k", "old")], to: "m")
        let first = place.table("m.cdb", contents), second = place.table("m.cdb", contents)
        #expect(try first.text(of: "k") == "old")
        #expect(try second.text(of: "k") == "old")
        #expect(!first.refresh())
        try place.compile([("k", "new")], to: "m")
        // Within an address a map is of one generation.
        #expect(try first.text(of: "k") == "old")
        #expect(first.refresh() && second.refresh())
        #expect(try first.text(of: "k") == "new")
        #expect(try second.text(of: "k") == "new")
    }

    @Test func aFileIsLoadedOnceForAllWorkers() {
        let contents = SharedContents()
        var loads = 0
        for generation in [1, 1, 2, 2, 2] {
            let content = contents.content(of: "/m", isCurrent: { $0 == generation }) {
                loads += 1
                return generation
            }
            #expect(content == generation)
        }
        #expect(loads == 2)
    }
}
