// One page of a Berkeley DB file: its header, and numbers at places that are checked before they are read.
//
// The layout is that of Berkeley DB's db_page.h. A page begins with a header of 26 bytes; where the file has checksums,
// two unused bytes and the checksum follow; then an index of the page's items, two bytes each; the items lie at the end.

import Glibc
import Maps

/// The kinds of page that maps have.
enum PageKind {
    static let hashUnsorted: UInt8 = 2
    static let inner: UInt8 = 3
    static let innerByNumber: UInt8 = 4
    static let leaf: UInt8 = 5
    static let leafByNumber: UInt8 = 6
    static let overflow: UInt8 = 7
    static let hashMeta: UInt8 = 8
    static let treeMeta: UInt8 = 9
    static let duplicates: UInt8 = 12
    static let hash: UInt8 = 13
}

/// What all pages of one file have in common.
struct PageLayout: Sendable, Hashable {
    /// The bytes of a page: a power of two from 512 to 65,536.
    var pageSize: Int
    /// Whether numbers stand in the other byte order than this machine's.
    var isSwapped: Bool
    /// Whether every page has a checksum.
    var hasChecksums: Bool

    /// Where the index of a page begins.
    var indexOffset: Int { hasChecksums ? 32 : 26 }
    /// Where the checksum of a page is.
    static let checksumOffset = 28
}

/// Where a key of an inner page stands.
struct BoundPlace: Equatable {
    /// The edition of the page.
    let edition: UInt64
    /// The place in its index.
    let index: Int
}

/// The bytes of one page.
///
/// An object, so that whoever holds it may go on reading while the cache gives its place to another.
final class DatabasePage {
    /// The number of the page, which it was read by.
    let number: UInt32
    /// What it has in common with the file's other pages.
    let layout: PageLayout
    /// Its bytes, `layout.pageSize` of them.
    let bytes: [UInt8]
    /// Tells it from what else its cache has read, the same page at other times among it.
    let edition: UInt64
    /// The bucket that all its keys were found to belong to, in a table of so many buckets; nil before that is known.
    var bucket: (bucket: UInt32, lastBucket: UInt32)?
    /// What the keys of a leaf were found to lie between; nil before that is known.
    ///
    /// Each use is one step of one method.
    @exclusivity(unchecked) var bounds: (low: BoundPlace?, high: BoundPlace?)?

    /// Takes the bytes of a page.
    init(number: UInt32, layout: PageLayout, bytes: [UInt8], edition: UInt64 = 0) {
        self.number = number
        self.layout = layout
        self.bytes = bytes
        self.edition = edition
    }

    /// The number that the page says it has.
    var ownNumber: UInt32 { field(8) }
    /// The page before it at its level, or in its chain; 0 for none.
    var previous: UInt32 { field(12) }
    /// The page after it; 0 for none.
    var next: UInt32 { field(16) }
    /// How many places its index has; on an overflow page, how many items refer to it.
    var count: Int { Int(halfField(20)) }
    /// Where its items begin; on an overflow page, how many bytes it has.
    var itemsOffset: Int { Int(halfField(22)) }
    /// Its level in the tree: 1 for leaves; 0 where pages have none.
    var level: UInt8 { bytes[24] }
    /// What kind of page it is.
    var kind: UInt8 { bytes[25] }
    /// Whether it is a page of a hash table's bucket.
    var isBucket: Bool { kind == PageKind.hash || kind == PageKind.hashUnsorted }
    /// Whether it can be the root of a tree.
    var isRoot: Bool { previous == 0 && next == 0 && (kind == PageKind.leaf || kind == PageKind.inner) }
    /// Whether no byte was ever written to it.
    var isBlank: Bool { bytes.allSatisfy { $0 == 0 } }
    /// Whether it was never changed: the library gives a page that was never written to a header without this mark.
    var isUntouched: Bool { field(0) == 0 && field(4) == 0 }

    /// Where an item lies.
    ///
    /// - Throws: where the index has no such place.
    @inline(__always)
    func offset(of index: Int) throws(BerkeleyDBFailure) -> Int {
        guard index >= 0, index < count else { throw damage("entry \(index) is asked for, and there are \(count)") }
        return Int(try half(at: layout.indexOffset + 2 * index))
    }

    /// A number of one byte.
    @inline(__always)
    func byte(at offset: Int) throws(BerkeleyDBFailure) -> UInt8 {
        guard offset >= 0, offset < bytes.count else { throw outside(offset) }
        return bytes[offset]
    }

    /// A number of two bytes.
    @inline(__always)
    func half(at offset: Int) throws(BerkeleyDBFailure) -> UInt16 {
        guard offset >= 0, offset < bytes.count - 1 else { throw outside(offset) }
        return halfField(offset)
    }

    /// A number of four bytes.
    @inline(__always)
    func word(at offset: Int) throws(BerkeleyDBFailure) -> UInt32 {
        guard offset >= 0, offset < bytes.count - 3 else { throw outside(offset) }
        return field(offset)
    }

    /// Compares bytes of the page with others, as the library's own order has it: byte by byte, then by length.
    ///
    /// - Returns: less than 0 where those of the page come first, 0 where they are equal.
    @inline(__always)
    func compare(at offset: Int, count: Int, with other: [UInt8]) throws(BerkeleyDBFailure) -> Int {
        guard offset >= 0, count >= 0, offset <= bytes.count - count else { throw outside(offset) }
        // In bounds: checked right above.
        return unsafe bytes.withUnsafeBytes { own in
            unsafe other.withUnsafeBytes { other in
                unsafe compareBytes(UnsafeRawBufferPointer(rebasing: own[offset..<offset + count]), other)
            }
        }
    }

    /// Compares bytes of the page with some of another one.
    func compare(
        at offset: Int, count: Int, with other: DatabasePage, at otherOffset: Int, count otherCount: Int
    ) throws(BerkeleyDBFailure) -> Int {
        guard offset >= 0, count >= 0, offset <= bytes.count - count else { throw outside(offset) }
        guard otherOffset >= 0, otherCount >= 0, otherOffset <= other.bytes.count - otherCount else {
            throw other.outside(otherOffset)
        }
        // In bounds: checked right above.
        return unsafe bytes.withUnsafeBytes { own in
            unsafe other.bytes.withUnsafeBytes { other in
                unsafe compareBytes(
                    UnsafeRawBufferPointer(rebasing: own[offset..<offset + count]),
                    UnsafeRawBufferPointer(rebasing: other[otherOffset..<otherOffset + otherCount]))
            }
        }
    }

    /// Appends bytes of the page.
    func append(at offset: Int, count: Int, to output: inout [UInt8]) throws(BerkeleyDBFailure) {
        guard offset >= 0, count >= 0, offset <= bytes.count - count else { throw outside(offset) }
        output.append(contentsOf: bytes[offset..<offset + count])
    }

    /// Damage of this page.
    func damage(_ finding: String) -> BerkeleyDBFailure { .damage(page: number, finding) }

    private func outside(_ offset: Int) -> BerkeleyDBFailure { damage("offset \(offset) lies outside of the page") }

    /// Within the header, which every page has.
    @inline(__always)
    private func field(_ offset: Int) -> UInt32 {
        // In bounds: of the header, or checked by the caller; no page is smaller than 512 bytes.
        let word = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        return layout.isSwapped ? word.byteSwapped : word
    }

    @inline(__always)
    private func halfField(_ offset: Int) -> UInt16 {
        // In bounds: as above.
        let half = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
        return layout.isSwapped ? half.byteSwapped : half
    }
}

/// The order of keys: byte by byte, then by length.
@inline(__always)
func compareBytes(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
    let shared = min(first.count, second.count)
    if shared > 0, let one = first.baseAddress, let other = second.baseAddress {
        // In bounds: both have as many bytes.
        let order = unsafe memcmp(one, other, shared)
        if order != 0 { return Int(order) }
    }
    return first.count - second.count
}
