// Looks keys up in a Berkeley DB file by reading its pages: every number in them is checked before it is used, so that a
// damaged file is an error. The library trusts its files: damage made it answer with another key's value, wait without
// end, or kill the process.

import CBerkeleyDB
import Glibc
import Maps
import System

/// A reader of one btree or hash.
///
/// What it can know of a file with checksums is whether any byte changed. Of one without it knows whether the structure
/// is whole; a change within a key or a value that keeps the order of keys it cannot know (docs/live-maps.md).
final class DatabaseReader {
    /// A key of an inner page, which bounds the keys of the pages below.
    struct Bound {
        let page: DatabasePage
        let index: Int

        /// Where it stands.
        var place: BoundPlace { BoundPlace(edition: page.edition, index: index) }
    }

    /// The pages of the file.
    let pages: PageCache
    /// The key that is looked for, with its NUL; this and what was found change between two steps only, and need no check
    /// of each use, which would cost a lookup some hundredths.
    @exclusivity(unchecked) private(set) var key: [UInt8] = []
    /// The value that was found, as it is stored.
    @exclusivity(unchecked) var found: [UInt8] = []
    /// The last bucket of a hash behind which no other was found.
    var checkedBucket: UInt32?
    /// Whether every long key and value was found to have pages of its own.
    private var isOwnershipKnown = false

    /// Reads the first page of a file.
    ///
    /// - Parameters:
    ///   - pageSize: the bytes of a page, if somebody else has found that out.
    ///   - cacheLimit: the most bytes of pages that are kept.
    init(_ origin: any PageOrigin, pageSize: Int? = nil, cacheLimit: Int) throws(BerkeleyDBFailure) {
        pages = try PageCache(origin, size: pageSize, limit: cacheLimit)
    }

    /// Looks a key up; the NUL that ends keys and values in ZMailer's files is added and dropped here.
    ///
    /// - Parameter value: replaced by the value when the key is found, otherwise of no meaning.
    /// - Returns: false if the key certainly does not exist.
    /// - Throws: if the file is damaged, or cannot be read.
    func find(_ wanted: Span<UInt8>, into value: inout [UInt8]) throws(BerkeleyDBFailure) -> Bool {
        unsafe key.removeAll(keepingCapacity: true)
        unsafe wanted.withUnsafeBytes { unsafe key.append(contentsOf: $0) }
        unsafe key.append(0)
        guard try find() else { return false }
        unsafe swap(&value, &found)
        if value.last == 0 { value.removeLast() }
        guard !value.contains(0) else {
            throw BerkeleyDBFailure(
                code: DB_VERIFY_BAD,
                text: "damaged: the value has a NUL inside, which no value of a map can have", remedy: .replace)
        }
        return true
    }

    /// Looks a key up as it is stored, NUL included.
    ///
    /// - Returns: the value as it is stored; nil if the key certainly does not exist.
    func find(stored wanted: [UInt8]) throws(BerkeleyDBFailure) -> [UInt8]? {
        unsafe key = wanted
        return unsafe try find() ? found : nil
    }

    private func find() throws(BerkeleyDBFailure) -> Bool {
        if unsafe !found.isEmpty { unsafe found.removeAll(keepingCapacity: true) }
        if case .tree(let root) = pages.header.method { return try findInTree(root: root) }
        // How many buckets there are decides where a key is.
        try pages.renew()
        guard case .hash(let table) = pages.header.method else {
            throw .damage(page: 0, "it was a hash, and is one no more")
        }
        return try findInHash(table)
    }

    /// Whether the file is small enough to be read as a whole for the sake of one lookup: some tens of milliseconds.
    var isSmallEnough: Bool { Int(pages.header.lastPage) <= (64 << 20) / pages.header.layout.pageSize }

    // MARK: Long keys and values

    /// Appends the bytes of a chain of overflow pages.
    ///
    /// - Parameter length: how many bytes there must be.
    func readChain(
        _ first: UInt32, length: UInt32, into output: inout [UInt8]
    ) throws(BerkeleyDBFailure) {
        var number = first
        var previous: UInt32 = 0
        var missing = Int(length)
        while missing > 0 {
            let page = try pages.page(number)
            guard page.kind == PageKind.overflow, page.previous == previous else {
                throw page.damage("it is not the page of a long key or value that page \(previous) names")
            }
            let count = page.itemsOffset
            guard count > 0, count <= missing, (count == missing) == (page.next == 0) else {
                throw page.damage("a long key or value has another length than it says")
            }
            try page.append(at: page.layout.indexOffset, count: count, to: &output)
            missing -= count
            (previous, number) = (number, page.next)
        }
    }

    /// Reads a value from overflow pages.
    func readValue(_ first: UInt32, length: UInt32) throws(BerkeleyDBFailure) {
        unsafe try readChain(first, length: length, into: &found)
        // Without checksums a changed number may name the pages of another value of the same length.
        guard !pages.header.layout.hasChecksums, !isOwnershipKnown, isSmallEnough else { return }
        // To check all pages it has to be known which is the last.
        try pages.renew()
        try OverflowOwners.check(pages)
        isOwnershipKnown = true
    }

    // MARK: Several values of one key

    /// Reads the first value of a key from the tree that holds its values.
    func takeFirstDuplicate(root: UInt32) throws(BerkeleyDBFailure) -> Bool {
        var page = try pages.page(root)
        for _ in 0..<UInt8.max {
            switch page.kind {
            case PageKind.inner, PageKind.innerByNumber:
                let offset = try page.offset(of: 0)
                let below = try pages.page(try page.word(at: offset + (page.kind == PageKind.inner ? 4 : 0)))
                guard below.level == page.level &- 1, below.level > 0 else {
                    throw below.damage("it is not the page that page \(page.number) names")
                }
                page = below
            case PageKind.duplicates, PageKind.leafByNumber:
                guard page.level == 1, page.previous == 0 else {
                    throw page.damage("it is not the first of its values")
                }
                for index in 0..<page.count {
                    let offset = try page.offset(of: index)
                    if try page.byte(at: offset + 2) & TreeItem.deleted == 0 {
                        guard try page.byte(at: offset + 2) != TreeItem.duplicates else { break }
                        return try takeTreeItem(page, offset)
                    }
                }
                throw page.damage("none of its values can be read")
            default: throw page.damage("it is no page of values of one key")
            }
        }
        throw .damage(page: root, "the tree of values is too deep")
    }
}
