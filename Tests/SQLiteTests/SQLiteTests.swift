// What a SQLite database answers, and what it means: found, absent or failed, never one for another.

import Configuration
import Foundation
import Glibc
import Maps
import SQLite
import Testing
import ZRouteTestKit

@Suite struct SQLiteTests {
    static let entries = (0..<3000).map {
        (key: "user\($0)@\($0 % 7).example", value: "smtp-lmtp!node\($0 % 3)!u\($0)")
    }

    @Test func whatNewdbWritesIsFoundAndNothingElse() throws {
        let place = try SQLitePlace()
        try place.compile(Self.entries + [("bücher@x.example", "ü")], to: "m")
        let table = place.table("m", isLive: false)
        for entry in Self.entries { #expect(try table.text(of: entry.key) == entry.value) }
        #expect(try table.text(of: "bücher@x.example") == "ü")
        for key in [
            "", "user", "user1@1.example ", "User1@1.example", "user3000@4.example", "user1@1.exampl", "%", "'",
        ] {
            #expect(try table.text(of: key) == nil, "\(key)")
        }
        // Bytes that no text has, and a key with a NUL, which no text of ours has.
        #expect(try table.text(of: [0xFF, 0xFE]) == nil)
        #expect(try table.text(of: Array("user1@1.example\0zz".utf8)) == nil)
        #expect(SQLiteFormat().entryCount(of: place.directory.file("m.sqlite")) == Self.entries.count + 1)
        #expect(table.privilege == geteuid())
    }

    @Test func ourTablesHoldTextsAlone() throws {
        let place = try SQLitePlace()
        try place.compile([("k", "v")], to: "m")
        for entry in [
            "x'6162', 'v'", "'a', x'6162'", "NULL, 'v'", "'a', NULL", "'a' || char(0) || 'b', 'v'", "'k', 'w'",
        ] {
            let result = try runCommand(
                "/usr/bin/sqlite3", [place.directory.file("m.sqlite"), "INSERT INTO entries VALUES (\(entry))"])
            #expect(result.status != 0, "\(entry)")
        }
    }

    @Test(arguments: [Array("k v\u{0}w\n".utf8), [0x6B, 0xFF, 0x20, 0x76, 0x0A], [0x6B, 0x20, 0xE9, 0x0A]])
    func whatIsNoTextIsRefusedWhereItIsBuilt(source: [UInt8]) throws {
        let place = try SQLitePlace()
        try place.compile([("k", "old")], to: "m")
        #expect(throws: CompileError.self) { try place.compile(source, to: "m") }
        #expect(try place.table("m").text(of: "k") == "old")
    }

    /// What is no map of ours; the text of the failure has the word.
    static let strangers: [(name: String, word: String)] = [
        ("missing", "no such file"), ("directory", "is a directory"), ("empty", "is empty"),
        ("text", "not a SQLite database"),
        ("zeros", "not a SQLite database"), ("btree", "not a SQLite database"), ("others", "another program"),
        ("newer", "version 2"), ("cut", "damaged"), ("utf16", "UTF-16"), ("tableless", "no such table"),
        ("fifo", "not a regular"),
    ]

    @Test(arguments: strangers)
    func whatIsNoMapIsAFailureUntilItIsOne(stranger: (name: String, word: String)) throws {
        let place = try SQLitePlace()
        let (directory, name) = (place.directory, "\(stranger.name).sqlite")
        switch stranger.name {
        case "directory": try directory.makeDirectory(name)
        case "empty": try directory.write("", to: name)
        case "text": try directory.write(String(repeating: "user@x.example route\n", count: 400), to: name)
        case "zeros": try directory.write([UInt8](repeating: 0, count: 9000), to: name)
        case "btree": try BerkeleyDBTools.load([("a", "b")], into: directory.file(name))
        case "others": try place.run("CREATE TABLE entries (key TEXT, value TEXT)", in: name)
        case "newer":
            try place.compile([("a", "b")], to: stranger.name)
            try place.run("PRAGMA user_version = 2", in: name)
        case "cut":
            try place.compile(Self.entries, to: stranger.name)
            try directory.write(Array(directory.bytes(of: name).dropLast(5000)), to: name)
        case "utf16":
            try place.run(
                "PRAGMA encoding='UTF-16le'; PRAGMA application_id=1515353189; PRAGMA user_version=1;"
                    + "CREATE TABLE entries (key TEXT, value TEXT)", in: name)
        case "tableless":
            try place.run("PRAGMA application_id=1515353189; PRAGMA user_version=1; CREATE TABLE t (a)", in: name)
        case "fifo": #expect(mkfifo(directory.file(name), 0o600) == 0)
        default: break
        }
        let table = place.table(stranger.name, isLive: false)
        for _ in 0..<2 {
            let error = try #require(table.failure(of: "a"))
            #expect(error.text.contains(stranger.word), "\(error.text)")
        }
        #expect(table.privilege == 65_534)
        guard stranger.name != "directory" else { return }
        try place.compile([("a", "b")], to: stranger.name)
        #expect(table.refresh())
        #expect(try table.text(of: "a") == "b")
    }

    @Test(arguments: [true, false])
    func aReplacedFileAndChangesWithinAreSeenAtTheNextAddress(isLive: Bool) throws {
        let place = try SQLitePlace()
        let texts = TextTableLoader(allowing: .all)
        try place.compile([("k", "old")], to: "m")
        let tables = (0..<2).map { _ in place.table("m", isLive: isLive, texts: texts) }
        for table in tables { #expect(try table.text(of: "k") == "old") }
        try place.compile([("k", "new")], to: "m")
        for table in tables {
            #expect(try table.text(of: "k") == "old")
            #expect(table.refresh())
            #expect(try table.text(of: "k") == "new")
        }
        for value in ["first", "second"] {
            try place.run("PRAGMA journal_mode = wal; UPDATE entries SET value = '\(value)'", in: "m.sqlite")
            for table in tables {
                // In this mode the file itself may not change.
                #expect(table.refresh() || !isLive)
                #expect(try table.text(of: "k") == value)
            }
        }
        try FileManager.default.removeItem(atPath: place.directory.file("m.sqlite"))
        #expect(tables[0].refresh())
        #expect(tables[0].failure(of: "k")?.text.contains("no such file") == true)
    }

    @Test func aFileThatIsCutWhileItIsOpenIsAFailure() throws {
        let place = try SQLitePlace()
        try place.compile(Self.entries, to: "m")
        let table = place.table("m")
        #expect(try table.text(of: Self.entries[0].key) == Self.entries[0].value)
        for size in [8192, 4096, 100, 0] {
            #expect(truncate(place.directory.file("m.sqlite"), off_t(size)) == 0)
            for entry in Self.entries.prefix(50) {
                // What is still in the connection's cache may be found; nothing is absent.
                do throws(MapError) { #expect(try table.text(of: entry.key) == entry.value) } catch {}
                if table.refresh() { continue }
            }
            #expect(place.table("m").failure(of: "nobody") != nil)
        }
    }

    // MARK: Damage

    /// Ways in which a file is damaged.
    enum Damage: String, CaseIterable {
        case bit, eightBytes, zeroedPage, randomPage, exchangedPages, zeroedBlock, cut, headerBit

        func apply(to bytes: [UInt8], _ numbers: inout SeededNumbers) -> [UInt8] {
            var bytes = bytes
            let page = 4096
            let pages = bytes.count / page
            switch self {
            case .bit:
                bytes[Int.random(in: 0..<bytes.count, using: &numbers)] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case .headerBit:
                bytes[Int.random(in: 0..<100, using: &numbers)] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case .eightBytes:
                let start = Int.random(in: 0..<(bytes.count - 8), using: &numbers)
                for index in start..<start + 8 { bytes[index] = UInt8.random(in: 0...255, using: &numbers) }
            case .zeroedBlock:
                let start = Int.random(in: 0..<(bytes.count - 512), using: &numbers)
                for index in start..<start + 512 { bytes[index] = 0 }
            case .zeroedPage, .randomPage:
                let start = Int.random(in: 0..<pages, using: &numbers) * page
                for index in start..<start + page {
                    bytes[index] = self == .zeroedPage ? 0 : UInt8.random(in: 0...255, using: &numbers)
                }
            case .exchangedPages:
                let first = Int.random(in: 0..<(pages - 1), using: &numbers)
                let second = first + 1 + Int.random(in: 0..<(pages - first - 1), using: &numbers)
                for index in 0..<page { bytes.swapAt(first * page + index, second * page + index) }
            case .cut: bytes.removeLast(1 + Int.random(in: 0..<(bytes.count - 1), using: &numbers))
            }
            return bytes
        }
    }

    /// What cannot be noticed is a changed byte within a key or a value: the format has no checksums.
    @Test(arguments: Damage.allCases)
    func damageOfPagesIsNoticed(damage: Damage) throws {
        let place = try SQLitePlace()
        try place.compile(Self.entries, to: "m")
        let whole = try place.directory.bytes(of: "m.sqlite")
        let trials = ProcessInfo.processInfo.environment["ZROUTE_DAMAGES"].flatMap { Int($0) } ?? 60
        var numbers = SeededNumbers(seed: 11)
        var (unharmed, refused, absences, others, strangers) = (0, 0, 0, 0, 0)
        let values = Set(Self.entries.map(\.value))
        for _ in 0..<trials {
            try place.directory.write(damage.apply(to: whole, &numbers), to: "m.sqlite")
            let table = place.table("m")
            var (hasFailed, isAbsent, isOther) = (table.failure(of: "nobody") != nil, false, false)
            for entry in Self.entries {
                do throws(MapError) {
                    let value = try table.text(of: entry.key)
                    if value == nil { isAbsent = true }
                    if let value, value != entry.value {
                        isOther = true
                        if values.contains(value) { strangers += 1 }
                    }
                } catch {
                    hasFailed = true
                }
                if hasFailed { break }
            }
            if isAbsent { absences += 1 }
            if isOther { others += 1 }
            if hasFailed { refused += 1 } else if !isAbsent, !isOther { unharmed += 1 }
        }
        print(
            "sqlite, \(damage.rawValue): \(trials) files, \(refused) refused, \(unharmed) unharmed, \(absences) with a false"
                + " absence, \(others) with another value, \(strangers) values of other keys")
        switch damage {
        case .zeroedPage, .randomPage, .exchangedPages, .cut:
            #expect(absences + others == 0)
            #expect(refused + unharmed == trials)
        case .headerBit: #expect(absences + others == 0)
        case .bit, .eightBytes, .zeroedBlock: break
        }
        #expect(strangers == 0 || damage == .eightBytes || damage == .bit)
    }
}
