// Copied maps: what is answered while they change, and what of them is found again on the disk.

import Bytes
import Configuration
import Maps
import Site
import System
import Testing
import ZRouteTestKit

@Suite struct CopyTests {
    private static let rules: [SharedKeyRule] = [.refused, .joined(limit: 3)]
    private static let keys = (0..<40).map { "key\($0)@example.org" }

    /// One change that a source says, or what becomes of its connection.
    private enum Event: Sendable {
        case put(Int, [(key: String, value: String)]), remove(Int), commit, anew, keepOnly([Int]), lost, restart
    }

    private static func event(_ random: inout SeededNumbers) -> Event {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55:
            let entries = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                (key: keys.randomElement(using: &random) ?? "", value: "v\(Int.random(in: 0..<5, using: &random))")
            }
            return .put(Int.random(in: 0..<30, using: &random), entries)
        case 55..<70: return .remove(Int.random(in: 0..<30, using: &random))
        case 70..<88: return .commit
        case 88..<91: return .anew
        case 91..<94: return .keepOnly((0..<30).filter { _ in Bool.random(using: &random) })
        case 94..<97: return .lost
        default: return .restart
        }
    }

    @Test(arguments: 0..<60)
    func whatWasCommittedIsAnswered(seed: UInt64) throws {
        let place = try TemporaryDirectory(isInMemory: true)
        let rule = Self.rules[Int(seed % 2)]
        var random = SeededNumbers(seed: seed)
        var led = LedCopy(rule: rule, file: place.file("copy"))
        var (committed, working) = (CopyModel(), CopyModel())
        var isWhole = false
        var commits = 0
        for _ in 0..<120 {
            switch Self.event(&random) {
            case .put(let item, let entries):
                working.put(item, entries)
                led.source.take { writer throws(CopyFailure) in try writer.put(item, entries) }
            case .remove(let item):
                working.remove(item)
                led.source.take { writer in writer.remove(CopiedItem(number: item)) }
            case .anew:
                working = CopyModel()
                led.source.take { writer in writer.beginAnew() }
            case .keepOnly(let items):
                for name in working.items.map(\.name) where !items.contains(name) { working.remove(name) }
                led.source.take { writer in
                    writer.beginKeeping()
                    for item in items { writer.keep(CopiedItem(number: item)) }
                    writer.removeAllNotKept()
                }
            case .commit:
                commits += 1
                let cookie = Array("\(commits)".utf8)
                led.source.take { writer in writer.commit(cookie) }
                committed = working
                isWhole = true
            case .lost:
                let count = led.source.cookies.count
                led.source.take { _ throws(CopyFailure) in throw CopyFailure("lost on purpose") }
                led.source.waitForBeginnings(count + 1)
                working = committed
            case .restart:
                // The one before keeps the file until its thread ends.
                repeat {
                    led = LedCopy(rule: rule, file: place.file("copy"))
                    led.source.waitForBeginnings(1)
                } while !led.copy.status.isKept
                #expect(led.source.cookies == [isWhole ? Array("\(commits)".utf8) : nil])
                working = committed
            }
            guard isWhole else { continue }
            for key in Self.keys { #expect(led.answer(key) == committed.answer(key, rule), "\(key)") }
        }
        #expect(commits > 5)
    }

    /// Keys enough for many parts, which are divided while they come.
    @Test func manyEntriesAreAllThere() throws {
        let place = try TemporaryDirectory(isInMemory: true)
        let count = 20_000
        let led = LedCopy(file: place.file("copy"))
        led.source.take { writer throws(CopyFailure) in
            writer.beginAnew()
            for number in 0..<count { try writer.put(number, [(key: "user\(number)", value: "store!\(number)")]) }
            writer.commit(Array("whole".utf8))
        }
        led.source.take { writer throws(CopyFailure) in
            for number in stride(from: 0, to: count, by: 7) {
                try writer.put(number, [(key: "new\(number)", value: "new")])
            }
            for number in stride(from: 1, to: count, by: 7) { writer.remove(CopiedItem(number: number)) }
            writer.commit(Array("changed".utf8))
        }
        func check(_ led: LedCopy) {
            for number in 0..<count {
                #expect(led.answer("new\(number)") == (number % 7 == 0 ? .found("new") : .absent))
                #expect(led.answer("user\(number)") == (number % 7 < 2 ? .absent : .found("store!\(number)")))
            }
        }
        check(led)
        #expect(led.copy.status.count == count - (count + 5) / 7)
        let other = LedCopy(file: place.file("copy"))
        other.source.waitForBeginnings(1)
        check(other)
    }

    /// Cut anywhere, or with any byte changed, a file gives what some commit made of it, or nothing.
    @Test func damagedFilesGiveWhatWasCommitted() throws {
        let place = try TemporaryDirectory(isInMemory: true)
        let led = LedCopy(file: place.file("copy"))
        var model = CopyModel()
        var models = [model]
        for round in 0..<12 {
            let key = Self.keys[round], value = "value\(round)"
            model.put(round, [(key: key, value: value)])
            if round > 3 { model.remove(round - 3) }
            models.append(model)
            led.source.take { writer throws(CopyFailure) in
                try writer.put(round, [(key: key, value: value)])
                if round > 3 { writer.remove(CopiedItem(number: round - 3)) }
                writer.commit(Array("\(round)".utf8))
            }
        }
        let whole = try place.read("copy")
        let known = Set(models.map { model in Self.keys.map { model.answer($0, .refused) } })
        var random = SeededNumbers(seed: 1)
        var refused = 0
        for trial in 0..<300 {
            var bytes = whole
            if trial % 2 == 0 {
                bytes.removeLast(Int.random(in: 1...whole.count, using: &random))
            } else {
                bytes[Int.random(in: 0..<whole.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            try place.write(bytes, to: "damaged")
            let damaged = LedCopy(file: place.file("damaged"))
            damaged.source.waitForBeginnings(1)
            if damaged.source.cookies == [nil] {
                refused += 1
                #expect(damaged.copy.status.count == nil)
            } else {
                #expect(known.contains(Self.keys.map { damaged.answer($0) }))
            }
        }
        print("CopyTests: 300 damaged files, \(refused) of no use")
        #expect(refused < 250)
    }

    @Test func filesOfAnotherQuestionAreOfNoUse() throws {
        let place = try TemporaryDirectory(isInMemory: true)
        let led = LedCopy(file: place.file("copy"), subject: "(mail=*)")
        led.source.take { writer throws(CopyFailure) in
            try writer.put(1, [(key: "a", value: "b")])
            writer.commit([1])
        }
        let other = LedCopy(file: place.file("copy"), subject: "(uid=*)")
        other.source.waitForBeginnings(1)
        #expect(other.source.cookies == [nil])
        #expect(other.answer("a") == .failed)
    }

    @Test func nothingIsAbsentBeforeACopyIsWhole() throws {
        let led = LedCopy()
        #expect(led.answer("a") == .failed)
        led.source.take { writer throws(CopyFailure) in try writer.put(1, [(key: "a", value: "b")]) }
        #expect(led.answer("b") == .failed)
        led.source.take { _ throws(CopyFailure) in throw CopyFailure("the server is gone; start it") }
        led.source.waitForBeginnings(2)
        #expect(led.message("b")?.contains("the server is gone; start it") == true)
        led.source.take { writer throws(CopyFailure) in
            try writer.put(1, [(key: "a", value: "b")])
            writer.commit([1])
        }
        #expect(led.answer("a") == .found("b"))
        #expect(led.answer("b") == .absent)
    }

    @Test func anOldCopyAnswersAsLongAsItMay() throws {
        let (lasting, limited) = (LedCopy(), LedCopy(ageLimit: .zero))
        for led in [lasting, limited] {
            led.source.take { writer throws(CopyFailure) in
                try writer.put(1, [(key: "a", value: "b")])
                writer.commit([1])
            }
            led.source.take { _ throws(CopyFailure) in throw CopyFailure("the server is gone; start it") }
        }
        #expect(lasting.answer("a") == .found("b"))
        #expect(lasting.answer("c") == .absent)
        #expect(limited.answer("a") == .failed)
        #expect(limited.message("a")?.contains("older than") == true)
    }

    @Test func aFileThatCannotBeWrittenHoldsUpNobody() throws {
        let place = try TemporaryDirectory(isInMemory: true)
        let led = LedCopy(file: place.file("missing/copy"))
        led.source.take { writer throws(CopyFailure) in
            try writer.put(1, [(key: "a", value: "b")])
            writer.commit([1])
        }
        #expect(led.answer("a") == .found("b"))
        #expect(led.copy.status.fileFailure?.contains("missing/copy") == true)
    }

    @Test func tooLongFieldsAreRefused() throws {
        let led = LedCopy()
        led.source.take { writer throws(CopyFailure) in
            try writer.put(1, [(key: "a", value: String(repeating: "x", count: CopyWriter.longestField + 1))])
        }
        led.source.waitForBeginnings(2)
        #expect(led.copy.status.failure?.contains("'a'") == true)
    }

    /// The short way over all maps of relations sees every change, by whatever generation.
    @Test func changesAreSeenBetweenAddresses() throws {
        let hash = ByteHash()
        let led = LedCopy(hash: hash)
        led.source.take { writer throws(CopyFailure) in
            for number in 0..<1000 { try writer.put(number, [(key: "user\(number)", value: "\(number)")]) }
            writer.commit([1])
        }
        let conf = try DatabasesConf(
            Array("one text - - /copy -l\ntwo text - - /copy -l".utf8), file: "/c", variables: Variables(),
            types: MapBackEnds.all.types)
        var set = MapSet(conf, tables: CopyTables(led: led, hash: hash))
        var group = set.group([set.relation("one"), set.relation("two")])
        var now: UInt64 = 0
        func answer(_ key: String) throws -> String? {
            var text = TextArena()
            let place = text.append(Array(key.utf8))
            now += 600_000_000
            set.beginAddress(now: MonotonicTime(nanoseconds: now))
            let hit = try set.find(place, isFolded: true, of: &text, in: &group)
            return hit.map { String(decoding: text[$0.value(in: &text)], as: UTF8.self) }
        }
        #expect(try answer("nobody") == nil)
        for round in 0..<2500 {
            let (old, new) = ("user\(round)", "user\(round + 1000)")
            #expect(try answer(old) == "\(round)")
            #expect(try answer(new) == nil)
            led.source.take { writer throws(CopyFailure) in
                writer.remove(CopiedItem(number: round))
                try writer.put(round + 1000, [(key: new, value: "\(round + 1000)")])
                writer.commit([1])
            }
            #expect(try answer(old) == nil)
            #expect(try answer(new) == "\(round + 1000)")
        }
    }
}

private struct CopyTables: TableFactory {
    let led: LedCopy
    let hash: ByteHash

    func makeTable(for definition: MapDefinition) -> any Table { led.makeTable(hash) }
}
