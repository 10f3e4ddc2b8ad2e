// Damage of every kind at many places: never a signal, never another key's value, and an absence only where nobody could notice.
// ZROUTE_DAMAGES=N makes N damages of each kind; ZROUTE_SEED chooses others.

import Foundation
import Glibc
import LMDB
import Maps
import Testing
import ZRouteTestKit

@Suite struct LMDBDamageTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let trials = environment["ZROUTE_DAMAGES"].flatMap { Int($0) } ?? 12
    private static let seed = environment["ZROUTE_SEED"].flatMap { UInt64($0) } ?? 1

    /// Ways in which a file is damaged.
    enum Damage: String, CaseIterable {
        case bit, eightBytes, zeroedPage, randomPage, exchangedPages, zeroedBlock, cutAnywhere, cutAtPage, metaBit

        /// Whether a changed byte of a key or a value can be all that there is, which nothing in the format tells.
        var canBeUnnoticed: Bool { self == .bit || self == .eightBytes }

        func apply(to bytes: [UInt8], _ random: inout SeededNumbers) -> [UInt8] {
            var bytes = bytes
            let page = 4096
            let pages = bytes.count / page
            func number(_ limit: Int) -> Int { Int(random.next() % UInt64(max(limit, 1))) }
            switch self {
            case .bit: bytes[number(bytes.count)] ^= 1 << UInt8(random.next() % 8)
            case .metaBit: bytes[number(2 * page)] ^= 1 << UInt8(random.next() % 8)
            case .eightBytes:
                let start = number(bytes.count - 8)
                for index in start..<start + 8 { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            case .zeroedBlock:
                let start = number(bytes.count / 512) * 512
                for index in start..<start + 512 { bytes[index] = 0 }
            case .zeroedPage, .randomPage:
                let start = number(pages) * page
                for index in start..<start + page {
                    bytes[index] = self == .zeroedPage ? 0 : UInt8(truncatingIfNeeded: random.next())
                }
            case .exchangedPages:
                let (first, second) = (number(pages), number(pages))
                for index in 0..<page { bytes.swapAt(first * page + index, second * page + index) }
            case .cutAnywhere: bytes.removeLast(1 + number(bytes.count - 1))
            case .cutAtPage: bytes.removeLast(page * (1 + number(pages - 1)))
            }
            return bytes
        }
    }

    private struct Counts {
        var unharmed = 0, refused = 0, withErrors = 0, withAbsences = 0, withOtherBytes = 0
    }

    /// How many entries a file has: small files are checked as a whole when they are opened, large ones page by page.
    @Test(arguments: Damage.allCases, [5000, 12_000])
    func damageIsNeverAnotherAnswer(damage: Damage, count: Int) throws {
        let place = try LMDBPlace()
        var random = SeededNumbers(seed: Self.seed)
        // No value is a bit away from another key's.
        let entries = (0..<count).map {
            (key: "user\($0)@\($0 % 7).example", value: "v\($0)-" + String(random.next(), radix: 16))
        }
        let long = (0..<20).map { (key: "long\($0)@x.example", value: String(repeating: "l\($0)", count: 1500)) }
        try place.updater.load(entries + long, into: place.directory.file("m.lmdb"), options: ["-s"], batch: 900)
        let whole = try place.directory.bytes(of: "m.lmdb")
        let values = Set(entries.map(\.value))
        var counts = Counts()
        for _ in 0..<Self.trials {
            try place.directory.write(damage.apply(to: whole, &random), to: "m.lmdb")
            let table = place.table("m.lmdb")
            var errors = 0, absences = 0, others = 0, answers = 0
            // All but the first page of a long value is nothing but bytes of it.
            var otherLongValues = 0
            for entry in entries + long {
                do {
                    guard let value = try table.text(of: entry.key) else {
                        absences += 1
                        continue
                    }
                    answers += 1
                    guard value != entry.value else { continue }
                    others += 1
                    if value.utf8.count > 1000 { otherLongValues += 1 }
                    #expect(!values.contains(value), "another key's value for \(entry.key)")
                } catch {
                    errors += 1
                    // Whoever has it in every lookup need not be asked again.
                    if answers == 0, errors > 50 { break }
                }
            }
            _ = try? table.text(of: "nobody@x.example")
            if answers == 0, absences == 0 { counts.refused += 1 }
            if answers > 0, errors > 0 { counts.withErrors += 1 }
            if absences > 0 { counts.withAbsences += 1 }
            if others > 0 { counts.withOtherBytes += 1 }
            if errors == 0, absences == 0, others == 0 { counts.unharmed += 1 }
            if !damage.canBeUnnoticed {
                #expect(absences == 0, "\(damage)")
                #expect(others == otherLongValues, "\(damage): \(others) \(otherLongValues)")
            }
        }
        print(
            "lmdb, \(damage.rawValue), \(count) entries: \(Self.trials) files, \(counts.unharmed) unharmed, "
                + "\(counts.refused) refused, \(counts.withErrors) with errors, \(counts.withAbsences) with absences, "
                + "\(counts.withOtherBytes) with other bytes in a value")
        if damage == .cutAnywhere || damage == .cutAtPage { #expect(counts.refused == Self.trials) }
    }

    /// The file ends under its reader, between any two of its looks.
    @Test(arguments: [0, 100, 8192, 40_000])
    func aFileThatIsCutWhileItIsReadIsAFailure(size: Int) throws {
        let place = try LMDBPlace()
        try place.compile(LMDBPlace.entries, to: "m")
        let path = place.directory.file("m.lmdb")
        let whole = try place.directory.bytes(of: "m.lmdb")
        let table = place.table("m.lmdb")
        var failures = 0
        for round in 0..<25 {
            try place.directory.write(whole, to: "m.lmdb")
            _ = table.refresh()
            let first = LMDBPlace.entries[round * 13 % LMDBPlace.entries.count]
            #expect(try table.text(of: first.key) == first.value)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                usleep(UInt32(round))
                truncate(path, off_t(size))
                done.signal()
            }
            for entry in LMDBPlace.entries {
                do {
                    #expect(try table.text(of: entry.key) == entry.value)
                } catch {
                    failures += 1
                }
            }
            done.wait()
            // Now it is cut for certain, and nothing says so but the pages that are gone.
            for entry in LMDBPlace.entries.suffix(300) {
                let value = try? table.text(of: entry.key)
                #expect(value == entry.value || value == nil)
                #expect((try? table.text(of: entry.key + ".x")) == nil)
            }
        }
        print("lmdb, cut to \(size) bytes while it is read: 25 times, \(failures) lookups failed")
    }
}
