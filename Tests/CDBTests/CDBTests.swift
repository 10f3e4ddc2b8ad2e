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
            name: TableName(relation: "r", backEnd: "cdb", file: directory.file(name)), contents: contents)
    }

    /// Writes a file as newdb does.
    func compile(_ entries: [(key: String, value: String)], to name: String) throws {
        let text = entries.map { "\($0.key) \($0.value)\n" }.joined()
        let compiler = MapCompiler()
        let job = CompileJob(
            source: .bytes(Array(text.utf8), name: "source"), form: .plain, folding: .none, format: CDBFormat(),
            base: directory.file(name))
        _ = try compiler.prepare(job)
        try compiler.commit()
    }
}

extension CDBTable {
    /// The value of a key as text; nil where it certainly does not exist.
    func text(of key: String) throws -> String? {
        var value: [UInt8] = []
        let key = Array(key.utf8)
        return try lookUp(key.span, into: &value) ? String(decoding: value, as: UTF8.self) : nil
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

    /// Ways in which a file is damaged.
    enum Damage: String, CaseIterable {
        case bit, eightBytes, zeroedPage, randomPage, exchangedPages, zeroedBlock, cut, headerBit

        func apply(to bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
            var bytes = bytes
            let page = 4096
            let pages = bytes.count / page
            func position(_ size: Int) -> Int { Int(random.next() % UInt64(max(bytes.count - size, 1))) }
            switch self {
            case .bit: bytes[position(1)] ^= 1 << UInt8(random.next() % 8)
            case .headerBit: bytes[Int(random.next() % 2048)] ^= 1 << UInt8(random.next() % 8)
            case .eightBytes:
                let start = position(8)
                for index in start..<start + 8 { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            case .zeroedBlock:
                let start = position(512)
                for index in start..<start + 512 { bytes[index] = 0 }
            case .zeroedPage, .randomPage:
                let start = Int(random.next() % UInt64(pages)) * page
                for index in start..<start + page {
                    bytes[index] = self == .zeroedPage ? 0 : UInt8(truncatingIfNeeded: random.next())
                }
            case .exchangedPages:
                let first = Int(random.next() % UInt64(pages - 1))
                for index in 0..<page { bytes.swapAt(first * page + index, (pages - 1) * page + index) }
            case .cut: bytes.removeLast(1 + Int(random.next() % UInt64(bytes.count - 1)))
            }
            return bytes
        }
    }

    @Test(arguments: Damage.allCases)
    func damageIsNeverAnAbsence(damage: Damage) throws {
        let place = try CDBPlace()
        try place.compile(Self.entries, to: "m")
        let whole = try place.directory.bytes(of: "m.cdb")
        var random = SplitMix(seed: 7)
        var refused = 0, unharmed = 0, other = 0
        for _ in 0..<60 {
            try place.directory.write(damage.apply(to: whole, &random), to: "m.cdb")
            let table = place.table("m.cdb")
            guard (try? table.text(of: "nobody")) != nil || (try? table.text(of: Self.entries[0].key)) != nil else {
                refused += 1
                continue
            }
            var isOther = false
            for entry in Self.entries {
                let value = try table.text(of: entry.key)
                #expect(value != nil)
                // Without checksums in the format a byte of a key or a value that has become another is not noticeable.
                if damage == .bit || damage == .eightBytes {
                    isOther = isOther || value != entry.value
                } else {
                    #expect(value == entry.value)
                }
            }
            if isOther { other += 1 } else { unharmed += 1 }
        }
        print(
            "cdb, \(damage.rawValue): 60 files, \(refused) refused, \(unharmed) unharmed, \(other) with other bytes in a record"
        )
        #expect(refused + unharmed + other == 60)
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

/// Numbers that are the same in every run.
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
