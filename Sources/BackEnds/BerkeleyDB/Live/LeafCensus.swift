// How many entries a database file should have by what its pages say of themselves: held against what can still be read,
// it tells how much was lost.

import Maps
import System

/// The count of a file's entries, page by page.
struct LeafCensus {
    /// How many entries the readable leaf pages say they hold.
    private(set) var entries = 0
    /// How many pages hold entries and can be read.
    private(set) var readablePages = 0
    /// How many pages are none any more, or are missing at the end of the file.
    private(set) var unreadablePages = 0

    /// Looks at every page of a file.
    ///
    /// - Returns: nil where the first page does not even tell the size of a page.
    /// - Throws: `FileError` when the file cannot be read.
    init?(_ path: String) throws(FileError) {
        let file = try ReadableFile(path)
        var page = [UInt8](repeating: 0, count: 512)
        guard try file.read(into: &page, at: 0) == page.count else { return nil }
        let magics = [Self.btreeMagic, Self.hashMagic]
        let isSwapped = !magics.contains(Self.number(page, 12, isSwapped: false))
        let magic = Self.number(page, 12, isSwapped: isSwapped)
        guard magics.contains(magic) else { return nil }
        let isHash = magic == Self.hashMagic
        let size = Int(Self.number(page, 20, isSwapped: isSwapped))
        guard (512...65_536).contains(size), size & (size - 1) == 0 else { return nil }
        let last = Int(Self.number(page, 32, isSwapped: isSwapped))
        page = [UInt8](repeating: 0, count: size)
        var number = 1
        while try file.read(into: &page, at: number * size) == size {
            take(page, number, isHash: isHash, isSwapped: isSwapped)
            number += 1
        }
        if number <= last { unreadablePages += last - number + 1 }
    }

    /// About how many entries are missing where so many could be read.
    ///
    /// What a page held that cannot be read is guessed from the others.
    func missing(having found: Int) -> Int {
        let average = readablePages > 0 ? max(entries / readablePages, 1) : 1
        let (guessed, isOverflow) = unreadablePages.multipliedReportingOverflow(by: average)
        return max(entries &+ (isOverflow ? 0 : guessed) &- found, 0)
    }

    private mutating func take(_ page: [UInt8], _ number: Int, isHash: Bool, isSwapped: Bool) {
        // A hash table's file has pages that were never used; they are zeros.
        if isHash, page.allSatisfy({ $0 == 0 }) { return }
        guard Int(Self.number(page, 8, isSwapped: isSwapped)) == number, Self.pageTypes.contains(page[25]) else {
            unreadablePages += 1
            return
        }
        guard Self.leafTypes.contains(page[25]) else { return }
        readablePages += 1
        let count = UInt16(page[20]) | UInt16(page[21]) << 8
        entries += Int(isSwapped ? count.byteSwapped : count) / 2
    }

    /// Four bytes of a page, least significant first unless swapped.
    private static func number(_ page: [UInt8], _ offset: Int, isSwapped: Bool) -> UInt32 {
        let number = (0..<4).reduce(UInt32(0)) { $0 | UInt32(page[offset + $1]) << UInt32(8 * $1) }
        return isSwapped ? number.byteSwapped : number
    }

    private static let btreeMagic: UInt32 = 0x053162
    private static let hashMagic: UInt32 = 0x061561
    /// From db_page.h: unused, unsorted hash, inner and leaf btree, overflow, both metadata pages, hash.
    private static let pageTypes: Set<UInt8> = [0, 2, 3, 5, 7, 8, 9, 13]
    private static let leafTypes: Set<UInt8> = [2, 5, 13]
}
