// Readers beside writers of every kind: with and without locks, killed, stopped, too many, gone.

import Dispatch
import Foundation
import Glibc
import LMDB
import Maps
import Testing
import ZRouteTestKit

@Suite(.serialized) struct LMDBWriterTests {
    let place: LMDBPlace
    var directory: TemporaryDirectory { place.directory }
    var path: String { directory.file("m.lmdb") }

    init() throws {
        place = try LMDBPlace()
        try place.updater.load(LMDBPlace.entries, into: directory.file("m.lmdb"), options: ["-s"])
    }

    /// Looks everything up again and again, and counts what was wrong.
    private func lookUp(rounds: Int) throws -> (wrong: Int, failed: Int) {
        let table = place.table("m.lmdb")
        var wrong = 0, failed = 0
        for _ in 0..<rounds {
            for entry in LMDBPlace.entries {
                do {
                    if try table.text(of: entry.key) != entry.value { wrong += 1 }
                    let moving = try table.text(of: "moving@live.example")
                    if ![nil, "one", "other"].contains(moving) { wrong += 1 }
                    if try table.text(of: entry.key + "x") != nil { wrong += 1 }
                } catch {
                    failed += 1
                }
            }
            _ = table.refresh()
        }
        return (wrong, failed)
    }

    /// MDB_NOLOCK beside a writer makes the library's own reader answer NOTFOUND for keys that exist, or abort.
    @Test(arguments: [["-s"], ["-s", "-w"], ["-s", "-l"], ["-l", "-s", "-w"], ["-n", "-s"], []])
    func noAnswerIsWrongBesideAWriter(options: [String]) throws {
        let writer = try place.updater.start(options + ["spin", path, "moving@live.example", "one", "other"])
        let seen = try lookUp(rounds: 10)
        print("lmdb beside a writer with \(options): 60,000 lookups, \(seen.wrong) wrong, \(seen.failed) failed")
        #expect(seen.wrong == 0)
        #expect(seen.failed == 0)
        writer.end()
    }

    /// More commits than lookups: whoever reads again and again may come to no end, which is a failure and no answer.
    @Test(arguments: [["-s", "-w"], ["-s", "-w", "-l"]])
    func noAnswerIsWrongBesideTheFastestWriter(options: [String]) throws {
        let writer = try place.updater.start(options + ["race", path, "moving@live.example", "one", "other"])
        let table = place.table("m.lmdb")
        var failed = 0
        for entry in LMDBPlace.entries.prefix(200) {
            do throws(MapError) {
                let (present, other) = (try table.text(of: entry.key), try table.text(of: entry.key + "x"))
                #expect(present == entry.value && other == nil)
            } catch {
                #expect(error.text.contains("is changed faster than it can be read"), "\(error)")
                failed += 1
            }
        }
        print("lmdb beside the fastest writer with \(options): 400 lookups, \(failed) failed")
        writer.end()
        for entry in LMDBPlace.entries { #expect(try table.text(of: entry.key) == entry.value) }
    }

    @Test func writersThatAreKilledLeaveTheLastState() throws {
        var wrong = 0
        for round in 0..<30 {
            let writer = try place.updater.start(["-s", "spin", path, "moving@live.example", "one", "other"])
            usleep(UInt32.random(in: 0...20_000))
            writer.end()
            _ = try place.updater.run(["die", path, LMDBPlace.entries[round].key, "never"])
            let seen = try lookUp(rounds: 1)
            wrong += seen.wrong + seen.failed
        }
        print("lmdb after 60 killed writers: 180,000 lookups, \(wrong) wrong or failed")
        #expect(wrong == 0)
        // The next writer is not held up by the dead.
        #expect(try place.updater.run(["put", path, "a", "b"]).status == 0)
        #expect(try place.table("m.lmdb").text(of: "a") == "b")
    }

    @Test func aStoppedWriterHoldsNoReaderUp() throws {
        let writer = try place.updater.start(["hold", path])
        writer.signal(SIGSTOP)
        let seen = try lookUp(rounds: 1)
        #expect(seen.wrong == 0 && seen.failed == 0)
        #expect(try place.table("m.lmdb").text(of: "held@live.example") == nil)
        writer.signal(SIGCONT)
        writer.end()
    }

    @Test func aFullTableOfReadersIsNoMatter() throws {
        let readers = try place.updater.start(["readers", path])
        #expect(Int(readers.word) == 126)
        let seen = try lookUp(rounds: 1)
        #expect(seen.wrong == 0 && seen.failed == 0)
        readers.end()
    }

    /// Nobody who reads keeps pages from being used again.
    @Test func readersDoNotMakeTheFileGrow() throws {
        func size() throws -> Int { try directory.bytes(of: "m.lmdb").count }
        let table = place.table("m.lmdb")
        for _ in 0..<20 { try place.updater.run(["-s", "put", path, "k", "v"]) }
        let before = try size()
        for round in 0..<200 {
            #expect(try table.text(of: LMDBPlace.entries[round].key) != nil)
            try place.updater.run(["-s", "put", path, "k", "v\(round)"])
        }
        #expect(try size() <= before + 16 * 4096)
    }

    /// Nothing but the file is needed, and nothing is written: no lock file, no right to write.
    @Test func nothingIsWrittenByReaders() throws {
        try FileManager.default.removeItem(atPath: path + "-lock")
        chmod(path, 0o444)
        chmod(directory.path, 0o555)
        defer { chmod(directory.path, 0o755) }
        let seen = try lookUp(rounds: 1)
        #expect(seen.wrong == 0 && seen.failed == 0)
        #expect(try directory.names().sorted() == ["m.lmdb"])
    }

    @Test func aReplacedFileUnderAWriterIsFollowed() throws {
        let table = place.table("m.lmdb")
        var wrong = 0
        for round in 0..<20 {
            let writer = try place.updater.start(["-s", "spin", path, "moving@live.example", "one", "other"])
            try place.compile(LMDBPlace.entries + [("round", "\(round)")], to: "m")
            _ = table.refresh()
            for entry in LMDBPlace.entries where try table.text(of: entry.key) != entry.value { wrong += 1 }
            #expect(try table.text(of: "round") == "\(round)")
            // It writes to the file that is gone, and counts in the lock file of the one that is there.
            usleep(5000)
            for entry in LMDBPlace.entries where try table.text(of: entry.key) != entry.value { wrong += 1 }
            writer.end()
            // A program of the library that comes later finds everything as well.
            _ = try place.updater.run(["put", path, "later", "\(round)"])
            #expect(try table.text(of: "later") == "\(round)")
            for entry in LMDBPlace.entries where try table.text(of: entry.key) != entry.value { wrong += 1 }
        }
        print("lmdb, replaced under 20 writers: 120,000 lookups, \(wrong) wrong")
        #expect(wrong == 0)
    }

    /// A writer on the disk's end: the old state stays.
    @Test func aFullDiskTakesNothingAway() throws {
        try directory.makeDirectory("disk")
        guard let disk = try SmallDisk(at: directory.file("disk"), kibibytes: 2048, for: "lmdb on a full disk") else {
            return
        }
        let full = directory.file("disk/m.lmdb")
        try place.updater.load(LMDBPlace.entries, into: full)
        try disk.fill()
        let more = (0..<20_000).map { ("more\($0)", String(repeating: "x", count: 200)) }
        #expect(throws: (any Error).self) { try place.updater.load(more, into: full, batch: 50) }
        let table = place.table("disk/m.lmdb")
        for entry in LMDBPlace.entries { #expect(try table.text(of: entry.key) == entry.value) }
        try disk.empty()
        #expect(try place.updater.run(["put", full, "a", "b"]).status == 0)
        #expect(try table.text(of: "a") == "b")
    }

    @Test func workersReadAtOnceBesideAWriter() throws {
        let writer = try place.updater.start(["-s", "-l", "spin", path, "moving@live.example", "one", "other"])
        let wrong = Mutexed(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            let seen = try? lookUp(rounds: 3)
            wrong.add(seen.map { $0.wrong + $0.failed } ?? 1)
        }
        #expect(wrong.value == 0)
        writer.end()
    }
}

/// A number that threads add to.
private final class Mutexed: @unchecked Sendable {
    private let lock = NSLock()
    private var number: Int

    init(_ number: Int) { self.number = number }

    var value: Int { lock.withLock { number } }

    func add(_ more: Int) { lock.withLock { number += more } }
}
