import BerkeleyDB
import Foundation
import Glibc
import Maps
import Testing
import ZRouteTestKit

@Suite struct BerkeleyDBEnvironmentTests {
    let place: TemporaryDirectory
    let updater: Updater
    var home: String { place.file("env") }

    init() throws {
        place = try TemporaryDirectory()
        updater = try Updater.shared.get()
        try place.makeDirectory("env")
    }

    func table(create: Bool = false, file: String = "m.db") -> BerkeleyDBTable {
        let environment = BerkeleyDBEnvironment(settings: EnvironmentSettings(home: home, create: create))
        return BerkeleyDBTable(
            name: TableName(relation: "fqdnroutes", backEnd: "btree", file: file), environment: environment)
    }

    @Test func joinsWhatAnotherProgramCreated() throws {
        let entries = manyEntries(500)
        try updater.load(entries, home: home, file: "m.db")
        let table = table()
        for entry in entries { #expect(try find(entry.key, in: table) == entry.value) }
        #expect(try find("absent", in: table) == nil)
    }

    @Test func seesEveryChangeAtOnce() throws {
        try updater.load([("k", "1")], home: home, file: "m.db")
        let table = table(file: home + "/m.db")
        #expect(try find("k", in: table) == "1")
        try updater.put("k", "2", home: home, file: "m.db")
        #expect(try find("k", in: table) == "2")
        try updater.delete("k", home: home, file: "m.db")
        #expect(try find("k", in: table) == nil)
        #expect(table.refresh(), "in a live map no answer of before can be relied on")
    }

    @Test func neverMissesAKeyWhilePagesSplit() throws {
        try updater.load([("k", "v"), ("other", "w")], home: home, file: "m.db")
        let table = table()
        try updater.whileSpinning("k", "v", home: home, file: "m.db") { () throws in
            for _ in 0..<2000 {
                #expect(try find("k", in: table) == "v")
                #expect(try find("other", in: table) == "w")
            }
        }
    }

    @Test func severalTablesShareOneEnvironment() throws {
        try updater.load([("a", "1")], home: home, file: "one.db")
        try updater.load([("a", "2")], home: home, file: "two.db")
        let environment = BerkeleyDBEnvironment(settings: EnvironmentSettings(home: home))
        let tables = ["one.db", "two.db", "three.db"].map {
            BerkeleyDBTable(name: TableName(relation: "r", backEnd: "btree", file: $0), environment: environment)
        }
        #expect(try find("a", in: tables[0]) == "1")
        #expect(failure(of: "a", in: tables[2])?.code == ENOENT)
        #expect(try find("a", in: tables[1]) == "2")
        #expect(try find("a", in: tables[0]) == "1")
    }

    @Test func createsTheEnvironmentWhereAllowed() throws {
        try BerkeleyDBTools.load([("k", "v")], into: home + "/m.db")
        #expect(failure(of: "k", in: table())?.code == ENOENT)
        let table = table(create: true)
        #expect(try find("k", in: table) == "v")
        try updater.put("k", "w", home: home, file: "m.db")
        #expect(try find("k", in: table) == "w")
        // A second worker joins what the first one created.
        #expect(try find("k", in: self.table(create: true)) == "w")
    }

    func removeEnvironment() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: home) where name.hasPrefix("__db.") {
            unlink(home + "/" + name)
        }
    }

    @Test func tablesThatShareAnEnvironmentRejoinItTogether() throws {
        try updater.load([("a", "1")], home: home, file: "one.db")
        try updater.load([("a", "2")], home: home, file: "two.db")
        let environment = BerkeleyDBEnvironment(settings: EnvironmentSettings(home: home))
        let tables = ["one.db", "two.db"].map {
            BerkeleyDBTable(name: TableName(relation: "r", backEnd: "btree", file: $0), environment: environment)
        }
        for table in tables { #expect(try find("a", in: table) != nil) }
        try removeEnvironment()
        try updater.put("a", "3", home: home, file: "two.db")
        #expect(tables[0].refresh())
        #expect(try find("a", in: tables[1]) == "3")
        #expect(try find("a", in: tables[0]) == "1")
    }

    /// A map without checksums, half of whose pages are overwritten: it costs that map alone. (Pages of a hash table that are
    /// of no kind the library judges itself, and then refuses the environment.)
    @Test(arguments: [(BerkeleyDBTools.Kind.btree, UInt8(0)), (.btree, 0xFF), (.hash, 0)])
    func damageCostsOneMapAndNotItsEnvironment(kind: BerkeleyDBTools.Kind, byte: UInt8) throws {
        let entries = manyEntries(2000)
        try BerkeleyDBTools.load(entries, kind: kind, into: home + "/m.db")
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: home + "/m.db")))
        for page in 1..<bytes.count / 4096 where page % 2 == 0 {
            bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: repeatElement(byte, count: 4096))
        }
        try place.write(bytes, to: "env/m.db")
        try updater.put("k", "v", home: home, file: "other.db")
        let environment = BerkeleyDBEnvironment(settings: EnvironmentSettings(home: home))
        let tables = ["m.db", "other.db"].map {
            BerkeleyDBTable(name: TableName(relation: "r", backEnd: "btree", file: $0), environment: environment)
        }
        var failures = 0
        for entry in entries {
            do throws(MapError) {
                #expect(try find(entry.key, in: tables[0]) == entry.value)
            } catch {
                failures += 1
            }
            #expect(try find("k", in: tables[1]) == "v")
        }
        #expect(failures > 500)
        try updater.put("k", "w", home: home, file: "other.db")
        #expect(try find("k", in: tables[1]) == "w")
    }

    @Test func panickedEnvironmentFailsUntilItIsRecovered() throws {
        let entries = manyEntries(2000)
        // In a file with checksums the library itself finds the damage, and then refuses the whole environment.
        try BerkeleyDBTools.load(
            entries.map { (Array($0.key.utf8), Array($0.value.utf8)) }, header: ["chksum=1"], into: home + "/m.db")
        try updater.load([("k", "v")], home: home, file: "other.db")
        try removeEnvironment()
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: home + "/m.db")))
        for index in 4096..<bytes.count { bytes[index] = UInt8.random(in: 0...255) }
        try place.write(bytes, to: "env/m.db")
        try updater.put("k", "v", home: home, file: "other.db")

        let environment = BerkeleyDBEnvironment(settings: EnvironmentSettings(home: home))
        let tables = ["m.db", "other.db"].map {
            BerkeleyDBTable(name: TableName(relation: "r", backEnd: "btree", file: $0), environment: environment)
        }
        #expect(try find("k", in: tables[1]) == "v")
        for entry in entries.prefix(50) { _ = failure(of: entry.key, in: tables[0]) }
        #expect(failure(of: "k", in: tables[1])?.code == -30973)

        try removeEnvironment()
        unlink(home + "/m.db")
        try updater.load(entries, home: home, file: "m.db")
        for table in tables { _ = table.refresh() }
        #expect(try find("k", in: tables[1]) == "v")
        #expect(try find(entries[7].key, in: tables[0]) == entries[7].value)
    }

    @Test func rejoinsARecreatedEnvironment() throws {
        try updater.load([("k", "old")], home: home, file: "m.db")
        let table = table()
        #expect(try find("k", in: table) == "old")
        for name in try FileManager.default.contentsOfDirectory(atPath: home) { unlink(home + "/" + name) }
        #expect(table.refresh())
        #expect(failure(of: "k", in: table)?.code == ENOENT)
        try updater.load([("k", "new")], home: home, file: "m.db")
        #expect(table.refresh())
        #expect(try find("k", in: table) == "new")
    }

    /// One way for an environment to be useless.
    enum Damage: CaseIterable {
        case homeMissing, environmentMissing, databaseMissing
        case regionEmpty, regionShort, regionMagic, regionZero, regionDirectory
    }

    @Test(arguments: Damage.allCases)
    func damageIsNeverAnAbsence(damage: Damage) throws {
        let entries = manyEntries(100)
        try updater.load(entries, home: home, file: "m.db")
        let region = home + "/__db.001"
        switch damage {
        case .homeMissing: #expect(rename(home, place.file("elsewhere")) == 0)
        case .environmentMissing: for number in 1...4 { unlink(home + "/__db.00\(number)") }
        case .regionEmpty: truncate(region, 0)
        case .regionShort: truncate(region, 100)
        case .regionMagic:
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: region)))
            bytes[1] ^= 0xFF
            try place.write(bytes, to: "env/__db.001")
        case .regionZero: try place.write([UInt8](repeating: 0, count: 100_000), to: "env/__db.001")
        case .regionDirectory:
            unlink(region)
            try place.makeDirectory("env/__db.001")
        case .databaseMissing: unlink(home + "/m.db")
        }
        let table = table()
        for entry in entries {
            let error = try #require(failure(of: entry.key, in: table))
            #expect(error.code != 0 || error.text.contains("not a regular file"))
            #expect(!error.text.contains("\n"))
        }
    }
}
