import BerkeleyDB
import Foundation
import Glibc
import Maps
import Testing
import ZRouteTestKit

@Suite struct BerkeleyDBTableTests {
    let place: TemporaryDirectory

    init() throws { place = try TemporaryDirectory() }

    @Test(arguments: BerkeleyDBTools.Kind.allCases)
    func findsWhatAnotherProgramWrote(kind: BerkeleyDBTools.Kind) throws {
        let entries = manyEntries(3000)
        try BerkeleyDBTools.load(entries, kind: kind, into: place.file("m.db"))
        let table = berkeleyTable(place.file("m.db"))
        for entry in entries {
            #expect(try find(entry.key, in: table) == entry.value)
        }
        #expect(try find("absent@domain1.example", in: table) == nil)
        #expect(try find("", in: table) == nil)
        #expect(try find(String(repeating: "x", count: 100_000), in: table) == nil)
    }

    @Test func keepsBytesAsTheyAre() throws {
        let value: [UInt8] = [0x80, 0xFF, 1, 0x0D, 0x20]
        try BerkeleyDBTools.load([(key: [0xC3, 0x89], value: value), (key: [], value: [])], into: place.file("m.db"))
        let table = berkeleyTable(place.file("m.db"))
        var found: [UInt8] = [1, 2, 3]
        let key: [UInt8] = [0xC3, 0x89]
        #expect(try table.lookUp(key.span, into: &found))
        #expect(found == value)
        #expect(try find("", in: table) == "")
    }

    /// What zeros of a lost block leave behind; no source can have such a value.
    @Test(arguments: [[0, 0x76], [0x76, 0, 0x77], [0x76, 0]] as [[UInt8]])
    func valueWithNULInsideIsDamage(value: [UInt8]) throws {
        try BerkeleyDBTools.load([(key: Array("k".utf8), value: value)], into: place.file("m.db"))
        #expect(failure(of: "k", in: berkeleyTable(place.file("m.db")))?.text.contains("NUL inside") == true)
    }

    @Test func longKeysAndValuesAreWhole() throws {
        let key = String(repeating: "k", count: 20_000)
        let value = String(repeating: "v", count: 300_000)
        try BerkeleyDBTools.load([(key, value)], into: place.file("m.db"))
        #expect(try find(key, in: berkeleyTable(place.file("m.db"))) == value)
    }

    @Test func keysWithoutNULAreAbsentAsInZMailer() throws {
        try BerkeleyDBTools.load([("a@b", "c")], nul: false, into: place.file("m.db"))
        #expect(try find("a@b", in: berkeleyTable(place.file("m.db"))) == nil)
    }

    @Test func valueWithoutNULIsGivenWhole() throws {
        let entry = (key: Array("k\0".utf8), value: Array("v".utf8))
        try BerkeleyDBTools.load([entry], nul: false, into: place.file("m.db"))
        #expect(try find("k", in: berkeleyTable(place.file("m.db"))) == "v")
    }

    @Test func readsWhatEximWrites() throws {
        let program = "/usr/sbin/exim_dbmbuild"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            print("not run: \(program) (Debian: exim4-base) is not installed")
            return
        }
        try place.write("a@b: smtp!c\n", to: "source")
        try runCommandSuccessfully(program, [place.file("source"), place.file("m")])
        let file = try #require(try place.names().first { $0.hasPrefix("m") })
        let table = berkeleyTable(place.file(file))
        #expect(try find("a@b", in: table) == "smtp!c")
        #expect(try find("b@a", in: table) == nil)
    }

    @Test func privilegeIsTheOwnersUnlessOthersMayWrite() throws {
        let path = place.file("m.db")
        try BerkeleyDBTools.load([("k", "v")], into: path)
        chmod(path, 0o644)
        let table = berkeleyTable(path)
        _ = try find("k", in: table)
        #expect(table.privilege == getuid())
        chmod(path, 0o664)
        #expect(table.refresh())
        _ = try find("k", in: table)
        #expect(table.privilege == 65534)
    }

    @Test func noticesAReplacedFileAtRefreshOnly() throws {
        let path = place.file("m.db")
        try BerkeleyDBTools.load([("k", "old")], into: path)
        try BerkeleyDBTools.load([("k", "new"), ("l", "new")], into: place.file("next.db"))
        let table = berkeleyTable(path)
        #expect(try find("k", in: table) == "old")
        #expect(!table.refresh())
        #expect(rename(place.file("next.db"), path) == 0)
        #expect(try find("l", in: table) == nil)
        #expect(table.refresh())
        #expect(try find("l", in: table) == "new")
        #expect(!table.refresh())
    }
}

@Suite struct BerkeleyDBFailureTests {
    let place: TemporaryDirectory

    init() throws { place = try TemporaryDirectory() }

    /// One way for a file to be useless.
    enum Damage: String, CaseIterable {
        case missing, directory, fifo, empty, text, hundredBytes, oddSize, random, magic, version10, version7
        case truncated, randomPages, severalDatabases, queue
    }

    func stage(_ damage: Damage) throws -> String {
        let path = place.file("m.db")
        try BerkeleyDBTools.load(manyEntries(3000), into: path)
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        switch damage {
        case .missing: return place.file("missing.db")
        case .directory: return try place.makeDirectory("directory.db")
        case .fifo:
            #expect(mkfifo(place.file("fifo.db"), 0o600) == 0)
            return place.file("fifo.db")
        case .severalDatabases:
            let text = "VERSION=3\nformat=print\ndatabase=one\ntype=btree\nHEADER=END\n k\\00\n v\\00\nDATA=END\n"
            try runCommandSuccessfully("/usr/bin/db5.3_load", [place.file("s.db")], input: Array(text.utf8))
            return place.file("s.db")
        case .queue:
            let text = "VERSION=3\nformat=print\ntype=recno\nHEADER=END\n v\nDATA=END\n"
            try runCommandSuccessfully("/usr/bin/db5.3_load", [place.file("q.db")], input: Array(text.utf8))
            return place.file("q.db")
        case .empty: bytes = []
        case .text: bytes = Array(repeating: Array("user@domain smtp!x\n".utf8), count: 500).flatMap(\.self)
        case .hundredBytes: bytes = Array(bytes.prefix(100))
        case .oddSize: bytes = Array(bytes.prefix(1234))
        case .random:
            var generator = SystemRandomNumberGenerator()
            bytes = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        case .magic: bytes[12] ^= 0xFF
        case .version10: bytes[16] = 10
        case .version7: bytes[16] = 7
        case .truncated: bytes = Array(bytes.prefix(bytes.count / 2 & ~4095))
        case .randomPages:
            var generator = SystemRandomNumberGenerator()
            for index in 4096..<bytes.count { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
        }
        return try place.write(bytes, to: "damaged.db")
    }

    @Test(arguments: Damage.allCases)
    func damageIsNeverAnAbsence(damage: Damage) throws {
        let path = try stage(damage)
        let table = berkeleyTable(path)
        var failures = 0
        for entry in manyEntries(3000).prefix(500) {
            do throws(MapError) {
                #expect(try find(entry.key, in: table) == entry.value)
            } catch {
                failures += 1
                #expect(error.table == table.name)
                #expect(error.key == Array(entry.key.utf8))
                #expect(error.code != 0)
                #expect(!error.text.isEmpty && !error.text.contains("\n"))
            }
        }
        #expect(failures > 0)
    }

    /// Entries whose tree has several levels in a small file.
    func deepEntries() -> [(key: [UInt8], value: [UInt8])] {
        (0..<400).map { (Array("\($0 &* 7919 % 400)-".utf8) + [UInt8](repeating: 0x78, count: 50), [0x76]) }
    }

    @Test(arguments: ["db_lorder=1234", "db_lorder=4321", "duplicates=1", "chksum=1"])
    func soundTreesOfEveryShapeAreRead(header: String) throws {
        let path = place.file("m.db")
        let entries = deepEntries()
        try BerkeleyDBTools.load(entries, header: [header, "db_pagesize=512"], into: path)
        let table = berkeleyTable(path)
        for entry in entries { #expect(try find(String(decoding: entry.key, as: UTF8.self), in: table) == "v") }
        #expect(try find("none", in: table) == nil)
    }

    @Test(arguments: ["db_lorder=1234", "db_lorder=4321"])
    func zeroedPageOfATreeNeverHangsNorHidesAKey(header: String) throws {
        let path = place.file("m.db")
        let entries = deepEntries()
        try BerkeleyDBTools.load(entries, header: [header, "db_pagesize=512"], into: path)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        for page in 1..<bytes.count / 512 {
            var damaged = bytes
            damaged.replaceSubrange(page * 512..<(page + 1) * 512, with: repeatElement(0, count: 512))
            let table = berkeleyTable(try place.write(damaged, to: "damaged.db"))
            #expect(failure(of: "none", in: table)?.text.hasPrefix("damaged") == true)
        }
    }

    @Test func randomlyOverwrittenTreesAlwaysAnswer() throws {
        let path = place.file("m.db")
        try BerkeleyDBTools.load(deepEntries(), header: ["db_pagesize=512"], into: path)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...40, using: &generator) {
                let place = Int.random(in: 20..<damaged.count, using: &generator)
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
            }
            // Any answer will do, as long as there is one.
            _ = try? find("399-", in: berkeleyTable(try place.write(damaged, to: "damaged.db")))
        }
    }

    @Test func damageLeaksNeitherDescriptorsNorHandles() throws {
        let table = berkeleyTable(try stage(.randomPages))
        _ = failure(of: "user1@domain1.example", in: table)
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        for _ in 0..<150 { _ = failure(of: "user1@domain1.example", in: table) }
        let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        // Other tests run at the same time, with files of their own.
        #expect(after < before + 75)
    }

    @Test func noPermission() throws {
        guard getuid() != 0 else {
            print("not run: the superuser may read everything")
            return
        }
        let path = place.file("m.db")
        try BerkeleyDBTools.load([("k", "v")], into: path)
        chmod(path, 0)
        #expect(failure(of: "k", in: berkeleyTable(path))?.code == EACCES)
    }

    @Test func repairedFileIsSeenAtTheNextLookup() throws {
        let path = place.file("m.db")
        let table = berkeleyTable(path)
        #expect(failure(of: "k", in: table)?.code == ENOENT)
        try place.write("garbage", to: "m.db")
        #expect(failure(of: "k", in: table)?.code == EINVAL)
        #expect(table.refresh())
        try BerkeleyDBTools.load([("k", "v")], into: place.file("good.db"))
        #expect(rename(place.file("good.db"), path) == 0)
        #expect(try find("k", in: table) == "v")
        #expect(!table.refresh())
    }

    @Test func messageNamesTheMapTheKeyAndTheRemedy() throws {
        let table = berkeleyTable(place.file("none.db"))
        let error = try #require(failure(of: "a@b", in: table))
        #expect(
            error.description
                == "map fqdnroutes (btree:\(place.file("none.db"))) key 'a@b': "
                + "no such file or directory; compile the map, or correct its path")
    }
}
