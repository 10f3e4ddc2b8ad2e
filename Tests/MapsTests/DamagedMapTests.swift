import BerkeleyDB
import Foundation
import Maps
import Testing
import ZRouteTestKit

/// What damaged maps answer: never another key's value, and with checksums nothing but right answers and failures.
@Suite struct DamagedMapTests {
    let place: TemporaryDirectory
    /// Whether there is time for every place, and not for some of them only.
    let isLong = ProcessInfo.processInfo.environment["ZROUTE_DAMAGES"] != nil

    init() throws { place = try TemporaryDirectory() }

    @Test(arguments: SampleMap.Shape.allCases)
    func soundMapsAreRead(shape: SampleMap.Shape) throws {
        let sample = try SampleMap(shape, in: place)
        let outcome = try sample.judge(sample.bytes, in: place)
        #expect(outcome.right == sample.entries.count + 20)
    }

    @Test(arguments: SampleMap.Shape.allCases)
    func everyZeroedPageIsNoticed(shape: SampleMap.Shape) throws {
        let sample = try SampleMap(shape, in: place)
        var tally = DamageTally()
        for page in stride(from: 0, to: sample.pages, by: isLong ? 1 : 2) {
            var damaged = sample.bytes
            let range = page * sample.pageSize..<(page + 1) * sample.pageSize
            damaged.replaceSubrange(range, with: repeatElement(0, count: range.count))
            tally.add(try sample.judge(damaged, in: place), "page \(page) zeroed")
        }
        expectAllNoticed(tally)
        print("\(shape.testDescription): of zeroed pages \(tally)")
    }

    @Test(arguments: SampleMap.Shape.allCases)
    func everyPageInThePlaceOfAnotherIsNoticed(shape: SampleMap.Shape) throws {
        let sample = try SampleMap(shape, in: place)
        var tally = DamageTally()
        for page in stride(from: 0, to: sample.pages, by: isLong ? 1 : 4) {
            let other = (page + 1) % sample.pages
            var damaged = sample.bytes
            let (to, from) = (
                page * sample.pageSize..<(page + 1) * sample.pageSize,
                other * sample.pageSize..<(other + 1) * sample.pageSize
            )
            damaged.replaceSubrange(to, with: sample.bytes[from])
            tally.add(try sample.judge(damaged, in: place), "page \(other) over page \(page)")
            damaged.replaceSubrange(from, with: sample.bytes[to])
            tally.add(try sample.judge(damaged, in: place), "pages \(other) and \(page) changed places")
        }
        expectAllNoticed(tally)
        print("\(shape.testDescription): of misplaced pages \(tally)")
    }

    /// One page of each kind, each bit of its header and of the beginning of its index; all of them with `ZROUTE_DAMAGES`.
    @Test(arguments: SampleMap.Shape.allCases)
    func everyBitOfAPageHeaderIsNoticedOrHarmless(shape: SampleMap.Shape) throws {
        let sample = try SampleMap(shape, in: place)
        var tally = DamageTally()
        var kinds: Set<UInt8> = []
        for page in 0..<sample.pages where kinds.insert(sample.kind(of: page)).inserted {
            for offset in 0..<(page == 0 ? 240 : sample.kind(of: page) == 7 ? 26 : 40) {
                for bit in 0..<8 where isLong || (offset * 8 + bit) % 23 == Int(page) % 23 {
                    var damaged = sample.bytes
                    damaged[page * sample.pageSize + offset] ^= 1 << UInt8(bit)
                    let what = "bit \(bit) of byte \(offset) of page \(page), kind \(sample.kind(of: page))"
                    tally.add(try sample.judge(damaged, in: place), what)
                }
            }
        }
        expectAllNoticed(tally)
        print("\(shape.testDescription): of changed bits in page headers \(tally)")
    }

    /// The numbers of buckets of a hash: one bucket less, and its keys are looked for in another.
    @Test(arguments: SampleMap.Shape.allCases.filter { $0.kind == .hash })
    func everyBitOfTheNumbersOfBucketsIsNoticedOrHarmless(shape: SampleMap.Shape) throws {
        let sample = try SampleMap(shape, in: place)
        var tally = DamageTally()
        // Last bucket, masks, fill factor and number of entries, with the pages of the first doublings.
        for offset in 72..<112 {
            for bit in 0..<8 {
                var damaged = sample.bytes
                damaged[offset] ^= 1 << UInt8(bit)
                tally.add(try sample.judge(damaged, in: place), "bit \(bit) of byte \(offset)")
            }
        }
        expectAllNoticed(tally)
        print("\(shape.testDescription): of changed bits in numbers of buckets \(tally)")
    }

    /// A short campaign; `ZROUTE_DAMAGES` makes it longer, `ZROUTE_SEED` another one.
    @Test(arguments: SampleMap.Shape.allCases)
    func randomDamage(shape: SampleMap.Shape) throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["ZROUTE_DAMAGES"].flatMap(Int.init) ?? 35
        var generator = SeededNumbers(seed: environment["ZROUTE_SEED"].flatMap(UInt64.init) ?? 1)
        let sample = try SampleMap(shape, in: place)
        var total = DamageTally()
        for kind in RandomDamage.allCases {
            var tally = DamageTally()
            for _ in 0..<max(count / RandomDamage.allCases.count, 1) {
                let (bytes, what) = kind.damage(sample, &generator)
                let outcome = try sample.judge(bytes, in: place)
                tally.add(outcome, what)
                total.add(outcome, what)
            }
            print("\(shape.testDescription), \(kind): \(tally)")
        }
        #expect(total.foreign == 0, "\(total.examples)")
        if shape.hasChecksums { #expect(total.unnoticed == 0, "\(total.examples)") }
    }

    /// Values on pages of their own that have the same length: a changed page number names those of another key.
    @Test(arguments: BerkeleyDBTools.Kind.allCases)
    func pagesOfAnotherValueAreNoticed(kind: BerkeleyDBTools.Kind) throws {
        let entries = (0..<60).map { ("list\($0)", String(repeating: "member\($0 + 10)@example.org,", count: 50)) }
        try BerkeleyDBTools.load(
            entries.map { (Array($0.0.utf8), Array($0.1.utf8)) }, kind: kind, header: ["db_pagesize=512"],
            into: place.file("m.db"))
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: place.file("m.db"))))
        let length = Array(withUnsafeBytes(of: UInt32(entries[0].1.utf8.count + 1).littleEndian, Array.init))
        let references = (0..<bytes.count - 8).filter { Array(bytes[$0 + 4..<$0 + 8]) == length }
        #expect(references.count >= entries.count)
        var noticed = 0
        for (one, other) in zip(references, references.dropFirst()) {
            var damaged = bytes
            damaged.replaceSubrange(one..<one + 4, with: bytes[other..<other + 4])
            let table = berkeleyTable(try place.write(damaged, to: "damaged.db"))
            var failures = 0
            for entry in entries {
                do throws(MapError) {
                    #expect(try find(entry.0, in: table) == entry.1)
                } catch {
                    failures += 1
                }
            }
            noticed += failures > 0 ? 1 : 0
        }
        // Some that were found lie where nothing is any more.
        #expect(noticed >= entries.count / 2)
        print("\(kind): of \(references.count - 1) places that name the pages of another value \(noticed) noticed")
    }

    @Test func failureNamesThePageAndTheRemedy() throws {
        let sample = try SampleMap(SampleMap.Shape.allCases[0], in: place)
        var damaged = sample.bytes
        let page = try #require((1..<sample.pages).first { sample.kind(of: $0) == 5 })
        damaged[page * sample.pageSize + 300] ^= 1
        let table = berkeleyTable(try place.write(damaged, to: "damaged.db"))
        let failures = sample.entries.compactMap { entry -> MapError? in
            do throws(MapError) {
                _ = try find(entry.key, in: table)
                return nil
            } catch { return error }
        }
        let first = try #require(failures.first)
        #expect(first.text.hasPrefix("damaged, page \(page): its checksum is wrong; compile the map again"))
        #expect(first.isDamage)
    }

    private func expectAllNoticed(_ tally: DamageTally, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(tally.unnoticed == 0 && tally.foreign == 0, "\(tally.examples)", sourceLocation: sourceLocation)
        #expect(tally.noticed > 0, sourceLocation: sourceLocation)
    }
}
