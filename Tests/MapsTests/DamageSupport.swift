import Foundation
import Maps
import Testing
import ZRouteTestKit

/// A sound map, made by Berkeley DB's own tool, whose every key and value is known.
struct SampleMap: CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let pageSize: Int
    let hasChecksums: Bool
    let entries: [(key: String, value: String)]
    private let values: Set<String>

    /// How a sample is made.
    struct Shape: Sendable, CaseIterable, CustomTestStringConvertible {
        let kind: BerkeleyDBTools.Kind
        let hasChecksums: Bool
        let pageSize: Int
        let count: Int
        var isBigEndian = false

        var testDescription: String {
            "\(kind) of \(count) entries, pages of \(pageSize)\(isBigEndian ? ", big endian" : "")"
                + (hasChecksums ? ", checksums" : "")
        }

        /// Trees of several levels and tables of long chains; some values lie on pages of their own.
        static let allCases: [Shape] = BerkeleyDBTools.Kind.allCases.flatMap { kind in
            [true, false].flatMap { hasChecksums in
                [
                    Shape(kind: kind, hasChecksums: hasChecksums, pageSize: 512, count: 150),
                    Shape(kind: kind, hasChecksums: hasChecksums, pageSize: 512, count: 60, isBigEndian: true),
                    Shape(kind: kind, hasChecksums: hasChecksums, pageSize: 2048, count: 200),
                ]
            }
        }
    }

    init(_ shape: Shape, in place: TemporaryDirectory) throws {
        testDescription = shape.testDescription
        pageSize = shape.pageSize
        hasChecksums = shape.hasChecksums
        var generator = SeededNumbers(seed: 7)
        entries = (0..<shape.count).map { number in
            let key = "\(number &* 7919 % shape.count).user-\(number % 37)@domain\(number % 11).example"
            // No two values are alike, nor one changed bit apart.
            let mark = String(generator.next(), radix: 36)
            let isLong = number % 30 == 7
            let tail = isLong ? String(repeating: mark, count: 3 * shape.pageSize / mark.count + number % 3) : ""
            return (key, "smtp-lmtp!store\(number % 7)!\(mark)\(tail)")
        }
        values = Set(entries.map(\.value))
        let path = place.file("sample.db")
        try? FileManager.default.removeItem(atPath: path)
        var header = ["db_pagesize=\(shape.pageSize)", "db_lorder=\(shape.isBigEndian ? 4321 : 1234)"]
        if shape.hasChecksums { header.append("chksum=1") }
        try BerkeleyDBTools.load(
            entries.map { (Array($0.key.utf8), Array($0.value.utf8)) }, kind: shape.kind, header: header, into: path)
        bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// How many pages the file has.
    var pages: Int { bytes.count / pageSize }

    /// What kind a page is of, as its header says.
    func kind(of page: Int) -> UInt8 { bytes[page * pageSize + 25] }

    /// Asks a damaged copy for every key of the map, and for some that it does not have.
    func judge(_ damaged: [UInt8], in place: TemporaryDirectory) throws -> DamageOutcome {
        let table = berkeleyTable(try place.write(damaged, to: "damaged.db"))
        var outcome = DamageOutcome()
        for entry in entries { outcome.add(answer(entry.key, in: table), expected: entry.value, others: values) }
        for number in 0..<20 {
            let key = "\(number * entries.count / 20).nobody@domain\(number % 11).example"
            outcome.add(answer(key, in: table), expected: nil, others: values)
        }
        return outcome
    }

    private func answer(_ key: String, in table: any Table) -> Result<String?, MapError> {
        Result { () throws(MapError) in try find(key, in: table) }
    }
}

/// What a damaged map answered.
struct DamageOutcome {
    var right = 0, failed = 0
    /// A key that the map has was not found.
    var missed = 0
    /// The value was none of the map's.
    var changed = 0
    /// The value was that of another key, or of a key that the map does not have.
    var foreign = 0

    mutating func add(_ answer: Result<String?, MapError>, expected: String?, others: Set<String>) {
        switch answer {
        case .failure: failed += 1
        case .success(let value) where value == expected: right += 1
        case .success(nil): missed += 1
        case .success(let value?) where expected == nil || others.contains(value): foreign += 1
        case .success: changed += 1
        }
    }

    /// Whether an answer was wrong in a way that nobody could see.
    var isSilentlyWrong: Bool { missed + changed > 0 }
}

/// How many damages had which outcome.
struct DamageTally: CustomStringConvertible {
    var noticed = 0, harmless = 0, unnoticed = 0, foreign = 0
    var examples: [String] = []

    mutating func add(_ outcome: DamageOutcome, _ what: @autoclosure () -> String) {
        if outcome.foreign > 0 {
            foreign += 1
            examples.append("another key's value: " + what())
        } else if outcome.isSilentlyWrong {
            unnoticed += 1
            examples.append("not noticed (\(outcome.missed) missed, \(outcome.changed) changed): " + what())
        } else if outcome.failed > 0 {
            noticed += 1
        } else {
            harmless += 1
        }
    }

    var description: String {
        "\(noticed) noticed, \(harmless) harmless, \(unnoticed) not noticeable, \(foreign) with another key's value"
    }
}

/// One kind of damage, done at random places.
enum RandomDamage: String, CaseIterable {
    case bit, byte, zeroedPage, swappedPages, copiedPage, cutFile, zeroedBlock

    func damage(_ sample: SampleMap, _ generator: inout SeededNumbers) -> (bytes: [UInt8], what: String) {
        var bytes = sample.bytes
        let size = sample.pageSize
        switch self {
        case .bit:
            let offset = Int.random(in: 0..<bytes.count, using: &generator)
            let bit = UInt8.random(in: 0..<8, using: &generator)
            bytes[offset] ^= 1 << bit
            return (bytes, "bit \(bit) of byte \(offset % size) of page \(offset / size)")
        case .byte:
            let offset = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[offset] ^= UInt8.random(in: 1...255, using: &generator)
            return (bytes, "byte \(offset % size) of page \(offset / size)")
        case .zeroedPage:
            let page = Int.random(in: 0..<sample.pages, using: &generator)
            bytes.replaceSubrange(page * size..<(page + 1) * size, with: repeatElement(0, count: size))
            return (bytes, "page \(page) zeroed")
        case .swappedPages, .copiedPage:
            let first = Int.random(in: 0..<sample.pages, using: &generator)
            let second = Int.random(in: 0..<sample.pages, using: &generator)
            let (one, two) = (first * size..<(first + 1) * size, second * size..<(second + 1) * size)
            bytes.replaceSubrange(one, with: sample.bytes[two])
            if self == .swappedPages { bytes.replaceSubrange(two, with: sample.bytes[one]) }
            return (bytes, "page \(second) over page \(first)\(self == .swappedPages ? ", and back" : "")")
        case .cutFile:
            let count = Int.random(in: 0..<bytes.count, using: &generator)
            return (Array(bytes.prefix(count)), "cut after byte \(count)")
        case .zeroedBlock:
            let block = Int.random(in: 0..<bytes.count / 512, using: &generator) * 512
            bytes.replaceSubrange(block..<block + 512, with: repeatElement(0, count: 512))
            return (bytes, "512 bytes from \(block % size) of page \(block / size) zeroed")
        }
    }
}
