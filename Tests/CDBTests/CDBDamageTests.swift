// Damaged constant databases: with the sum that newdb writes every damage is noticed; without it, as in files of others, no key
// becomes absent, and the values that became others are counted.

import CDB
import Foundation
import Maps
import Testing
import ZRouteTestKit

/// Ways in which a file is damaged.
enum CDBDamage: String, CaseIterable {
    case bit, eightBytes, zeroedPage, randomPage, exchangedPages, zeroedBlock, hole, cut, cutAtPage, longer, headerBit,
        tableBit

    func apply(to whole: [UInt8], _ random: inout SeededNumbers) -> [UInt8] {
        var bytes = whole
        let page = 4096
        let pages = bytes.count / page
        func number(below limit: Int) -> Int { Int(random.next() % UInt64(max(limit, 1))) }
        func flip(_ place: Int) { bytes[place] ^= 1 << UInt8(number(below: 8)) }
        switch self {
        case .bit: flip(number(below: bytes.count))
        case .headerBit: flip(number(below: 2048))
        case .tableBit:
            // The first table begins where the header says.
            let start = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16 | Int(bytes[3]) << 24
            flip(start + number(below: bytes.count - start))
        case .eightBytes:
            let start = number(below: bytes.count - 8)
            for index in start..<start + 8 { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
        case .zeroedBlock:
            let start = number(below: bytes.count - 512)
            for index in start..<start + 512 { bytes[index] = 0 }
        case .zeroedPage, .randomPage:
            let start = number(below: pages) * page
            for index in start..<start + page {
                bytes[index] = self == .zeroedPage ? 0 : UInt8(truncatingIfNeeded: random.next())
            }
        case .hole:
            // What was written last before a crash, and is not on the disk.
            let start = number(below: pages) * page
            for index in start..<bytes.count { bytes[index] = 0 }
        case .exchangedPages:
            let first = number(below: pages)
            let second = (first + 1 + number(below: pages - 1)) % pages
            for index in 0..<page { bytes.swapAt(first * page + index, second * page + index) }
        case .cut: bytes.removeLast(1 + number(below: bytes.count - 1))
        case .cutAtPage: bytes.removeLast(bytes.count - number(below: pages) * page)
        case .longer: bytes += [UInt8](repeating: 0, count: 1 + number(below: 2 * page))
        }
        return bytes
    }
}

@Suite struct CDBDamageTests {
    static let entries = (0..<1000).map { number in
        // Some are lists of several pages.
        let tail = number % 200 == 7 ? String(repeating: ",member\(number)@list.example", count: 300) : ""
        return (key: "user\(number)@\(number % 7).example", value: "smtp-lmtp!node\(number % 3)!u\(number)\(tail)")
    }

    /// How many files are damaged in each way; `ZROUTE_DAMAGES` says otherwise.
    static let count = ProcessInfo.processInfo.environment["ZROUTE_DAMAGES"].flatMap(Int.init) ?? 40

    @Test(arguments: CDBDamage.allCases, [true, false])
    func damageIsNeverAnAbsence(damage: CDBDamage, hasSum: Bool) throws {
        let place = try CDBPlace()
        try place.compile(Self.entries, to: "m")
        if !hasSum { try FileManager.default.removeItem(atPath: place.directory.file("m.cdb.sum")) }
        let whole = try place.directory.bytes(of: "m.cdb")
        let values = Set(Self.entries.map(\.value))
        var random = SeededNumbers(seed: ProcessInfo.processInfo.environment["ZROUTE_SEED"].flatMap(UInt64.init) ?? 7)
        var refused = 0, same = 0, changed = 0
        for _ in 0..<Self.count {
            let bytes = damage.apply(to: whole, &random)
            guard bytes != whole else {
                same += 1
                continue
            }
            try place.directory.write(bytes, to: "m.cdb")
            let table = place.table("m.cdb")
            do {
                #expect(try table.text(of: "nobody") == nil)
            } catch {
                // The whole file is refused: no key of it is answered.
                #expect(throws: MapError.self) { try table.text(of: Self.entries[0].key) }
                refused += 1
                continue
            }
            var wrong = 0
            for entry in Self.entries {
                let value = try table.text(of: entry.key)
                #expect(value != nil, "\(damage): \(entry.key) became absent")
                guard let value, value != entry.value else { continue }
                wrong += 1
                #expect(!values.contains(value), "\(damage): \(entry.key) has another key's value")
            }
            if wrong > 0 { changed += 1 } else { same += 1 }
        }
        print(
            "cdb \(hasSum ? "with" : "without") sum, \(damage.rawValue): \(Self.count) files, \(refused) refused, \(same) unharmed,"
                + " \(changed) with another value")
        #expect(refused + same + changed == Self.count)
        // Unharmed are those that were not changed at all.
        if hasSum { #expect(changed == 0) }
        if [.zeroedPage, .hole, .cut, .cutAtPage, .longer, .headerBit, .tableBit, .zeroedBlock].contains(damage) {
            #expect(changed == 0)
        }
    }
}
