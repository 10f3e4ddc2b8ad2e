// When a file that is saved in place is believed, by clocks that the test moves.

import Configuration
import Foundation
import Maps
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite struct SettlingFileTests {
    /// Clocks at which nothing happens but what the test does.
    final class Clocks: Sendable {
        let nanoseconds = Mutex<UInt64>(1)
        let waiting = Mutex<(@Sendable (Int) -> Void)?>(nil)
        let waits = Mutex(0)

        func pass(_ seconds: Double) { nanoseconds.withLock { $0 += UInt64(seconds * 1e9) } }

        /// The date is that of no file: only what was watched counts.
        var clock: FileClock {
            FileClock(
                date: { 0 }, now: { MonotonicTime(nanoseconds: self.nanoseconds.withLock { $0 }) },
                wait: { time in
                    self.nanoseconds.withLock { $0 += time }
                    let number = self.waits.withLock { count in
                        count += 1
                        return count
                    }
                    self.waiting.withLock { $0 }?(number)
                })
        }
    }

    private let directory: TemporaryDirectory
    private let clocks = Clocks()
    private var path: String { directory.file("map") }

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ text: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    private func describe(_ look: SettlingFile.Look) -> String {
        switch look {
        case .unchanged: "unchanged"
        case .settled(let bytes, _): String(decoding: bytes, as: UTF8.self)
        case .unsettled(let file): file.isEndless ? "endless" : "\(file.reason)"
        }
    }

    @Test(arguments: [
        ("a 1\nb 2\nc 3\n", "beingWritten", 1.0), ("a 1\n", "shrunk", 5), ("a 1\nb 2\nc 3", "cutShort", 60),
        ("a", "cutShort", 60), ("", "emptied", 60),
    ])
    func areBelievedWhenTheyHaveKeptStillForLongEnough(text: String, reason: String, seconds: Double) throws {
        try directory.write("a 1\nb 2\n", to: "map")
        var file = SettlingFile(path, limit: 100, clock: clocks.clock)
        #expect(try String(decoding: file.read().bytes, as: UTF8.self) == "a 1\nb 2\n")
        #expect(try describe(file.look()) == "unchanged")
        try write(text)
        #expect(try describe(file.look()) == reason)
        clocks.pass(seconds - 0.1)
        #expect(try describe(file.look()) == reason)
        clocks.pass(0.1)
        #expect(try describe(file.look()) == text)
        #expect(try describe(file.look()) == "unchanged")
    }

    @Test(arguments: [("a 1\n", 0.02), ("", 1), ("a 1", 2), ("a 1\n\nb", 2)])
    func thatNobodyKnowsYetAreTakenAtOnceWhereTheyAreWhole(text: String, seconds: Double) throws {
        try directory.write(text, to: "map")
        let before = clocks.nanoseconds.withLock { $0 }
        let read = try readSettledFile(path, limit: 100, clock: clocks.clock)
        #expect(read.bytes == Array(text.utf8))
        #expect(clocks.nanoseconds.withLock { $0 } - before == UInt64(seconds * 1e9))
    }

    @Test(arguments: [true, false])
    func thatAWriterHasOpenAreNotBelievedWhereItOnlyPaused(isOpen: Bool) throws {
        try directory.write("a 1\n", to: "map")
        let writer = try #require(FileHandle(forWritingAtPath: path))
        if !isOpen { try writer.close() }
        let before = clocks.nanoseconds.withLock { $0 }
        _ = try readSettledFile(path, limit: 100, clock: clocks.clock)
        let passed = clocks.nanoseconds.withLock { $0 } - before
        // The date is none here, so that all is waited for.
        #expect(passed == (isOpen ? 1_000_000_000 : 20_000_000))
        if isOpen { try writer.close() }
    }

    @Test func areNoticedAlthoughAsManyBytesWereWrittenAndTheDateWasKept() throws {
        try directory.write("a 1\n", to: "map")
        var file = SettlingFile(path, limit: 100, clock: clocks.clock)
        let date = try file.read().state.identity.modified
        try write("a 2\n")
        let seconds = Int(date / 1_000_000_000)
        let time = timespec(tv_sec: seconds, tv_nsec: Int(date) - seconds * 1_000_000_000)
        #expect(utimensat(AT_FDCWD, path, [time, time], 0) == 0)
        #expect(try FileIdentity(path: path).modified == date)
        #expect(try describe(file.look()) == "beingWritten")
        clocks.pass(1)
        #expect(try describe(file.look()) == "a 2\n")
    }

    @Test func thatAreNeverStillAreGivenUp() throws {
        try directory.write("a 1\n", to: "map")
        var file = SettlingFile(path, limit: 10_000, clock: clocks.clock)
        _ = try file.read()
        var looks: [String] = []
        for round in 1...200 {
            try write(String(repeating: "a 1\n", count: round + 1))
            clocks.pass(0.5)
            looks.append(describe(try file.look()))
        }
        #expect(looks.first == "beingWritten" && looks.last == "endless")
        #expect(Set(looks) == ["beingWritten", "endless"])
    }

    @Test func areBelievedAlthoughTheyAreReplacedByRenameAllTheTime() throws {
        try directory.write("n 0\n", to: "map")
        var file = SettlingFile(path, limit: 100, clock: clocks.clock)
        _ = try file.read()
        var settled = 0
        for round in 1...20 {
            try directory.write("n \(round)\n", to: "new")
            #expect(rename(directory.file("new"), path) == 0)
            clocks.pass(0.5)
            let look = describe(try file.look())
            #expect(look == "beingWritten" || look.hasPrefix("n "))
            if look.hasPrefix("n ") { settled += 1 }
        }
        print("replaced by rename 20 times: believed \(settled) times")
        #expect(settled >= 5)
    }

    @Test(arguments: [false, true])
    func areWaitedForByWhoeverReadsThemFirst(isEndless: Bool) throws {
        try directory.write("a 1\nb", to: "map")
        let path = path
        clocks.waiting.withLock {
            $0 = { number in
                guard number < 10 || isEndless else { return }
                let text = "a 1\nb 2\n" + (number == 9 ? "" : String(repeating: "c\n", count: number))
                try? Data(text.utf8).write(to: URL(fileURLWithPath: path))
            }
        }
        var file = SettlingFile(path, limit: 10_000, clock: clocks.clock)
        do throws(FileError) {
            let bytes = try file.read().bytes
            #expect(!isEndless && bytes == Array("a 1\nb 2\n".utf8))
        } catch {
            #expect(isEndless && error.isUnsettled && error.description.contains("being written"), "\(error)")
        }
    }

    @Test func textMapsAnswerWithTheirOldEntriesUntilTheyAreWhole() throws {
        try directory.write("a 1\nb 2\n", to: "map")
        let said = Mutex<[UnsettledFile]>([])
        let loader = TextTableLoader(
            clock: clocks.clock, reportUnsettled: { file in said.withLock { $0.append(file) } })
        let name = TableName(relation: "r", backEnd: "text", file: path)
        let table = TextTable(name: name, form: .plain, folding: .lower, loader: loader)
        func find(_ key: String) throws -> String? {
            var value: [UInt8] = []
            return try table.lookUp(Array(key.utf8).span, into: &value) ? String(decoding: value, as: UTF8.self) : nil
        }
        #expect(try find("b") == "2")
        try write("a 1\n")
        for _ in 0..<3 {
            #expect(!table.refresh())
            #expect(try find("b") == "2")
        }
        #expect(said.withLock { $0.map(\.reason) } == [.shrunk])
        try write("a 1\nc 3")
        clocks.pass(30)
        #expect(!table.refresh())
        clocks.pass(59)
        #expect(!table.refresh())
        #expect(try find("b") == "2")
        clocks.pass(1)
        #expect(table.refresh())
        #expect(try find("b") == nil)
        #expect(try find("c") == "3")
        for _ in 0..<100 {
            try write(String(repeating: "d 4\n", count: Int.random(in: 3...90)))
            clocks.pass(0.95)
            _ = table.refresh()
        }
        #expect(throws: MapError.self) { try find("c") }
        clocks.pass(1)
        #expect(try find("d") == "4")
    }

    @Test(arguments: counted("emptied text maps", [("", 60.0), ("# nothing left\n", 5), ("\n", 5)]), [1, 2])
    func aTextMapThatLostAllItsEntriesIsSaidToWithHowManyThereWere(text: (String, seconds: Double), count: Int) throws {
        try directory.write((1...count).map { "k\($0) a value of some length\n" }.joined(), to: "map")
        let said = Mutex<[Finding]>([])
        let loader = TextTableLoader(
            clock: clocks.clock, report: { findings in said.withLock { $0 += findings.first } })
        let table = TextTable(
            name: TableName(relation: "r", backEnd: "text", file: path), form: .plain, folding: .none, loader: loader)
        #expect(try find("k1", in: table) != nil)
        #expect(said.withLock { $0 }.isEmpty)
        try write(text.0)
        _ = table.refresh()
        #expect(try find("k1", in: table) != nil, "the old entries stand at first")
        clocks.pass(text.seconds)
        #expect(table.refresh())
        #expect(try find("k1", in: table) == nil)
        let warning = try #require(said.withLock { $0 }.first)
        #expect(warning.name == .emptySource && warning.severity == .warning)
        #expect(
            warning.text.contains("had \(count) \(count == 1 ? "entry" : "entries"), has none any more"), "\(warning)")
        // It is said once.
        clocks.pass(100)
        _ = table.refresh()
        #expect(said.withLock { $0 }.count == 1)
    }
}
