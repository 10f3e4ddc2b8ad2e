// What can be known of one page by itself. It is checked once, when the page was read; so searches need not ask whether
// an item lies within the page, in its order, and apart from the others.

import Maps

/// The check of one page.
///
/// The items of every page of a tree fill it from the beginning of the first one to the end of the page, without gaps and
/// overlaps (the library's `db_verify` asks for the same); so an entry that a damaged index hides leaves a gap.
struct PageCheck {
    private let page: DatabasePage
    private let header: DatabaseHeader

    /// Checks a page.
    ///
    /// - Parameter checksum: whether its checksum is that of its bytes as they are: not in the library's cache.
    /// - Throws: if anything in it contradicts another thing in it, or what the first page says.
    static func check(
        _ page: DatabasePage, of header: DatabaseHeader, checksum: Bool
    ) throws(BerkeleyDBFailure) {
        let check = PageCheck(page: page, header: header)
        if checksum, header.layout.hasChecksums {
            let stored = try page.word(at: PageLayout.checksumOffset)
            let sum = pageChecksum(page.bytes, count: page.bytes.count, checksumAt: PageLayout.checksumOffset)
            guard sum == stored else { throw page.damage("its checksum is wrong") }
        }
        if case .hash = header.method, page.kind == 0, page.isBlank { return }
        guard page.ownNumber == page.number else {
            throw page.damage("it says that it is page \(page.ownNumber), or it was overwritten")
        }
        guard page.previous <= header.lastPage, page.next <= header.lastPage,
            page.previous != page.number, page.next != page.number
        else { throw page.damage("it names a neighbour outside of the file") }
        switch (header.method, page.kind) {
        case (.tree, PageKind.leaf): try check.leaf()
        case (.tree, PageKind.inner): try check.inner()
        case (.hash, PageKind.hash), (.hash, PageKind.hashUnsorted): try check.bucket()
        case (_, PageKind.overflow): try check.overflow()
        case (_, PageKind.duplicates), (_, PageKind.leafByNumber), (_, PageKind.innerByNumber), (.hash, PageKind.inner):
            guard header.allowsDuplicates else { throw page.damage("it is of a kind that this file has no use for") }
            try check.indexFits()
        default: throw page.damage("it is of a kind that has no place here (\(page.kind))")
        }
    }

    // MARK: Trees

    private func leaf() throws(BerkeleyDBFailure) {
        guard page.level == 1, page.count % 2 == 0 else { throw page.damage("it is no leaf of a tree") }
        try tiles { index throws(BerkeleyDBFailure) in
            let offset = try page.offset(of: index)
            // Values of one key share the key's item.
            if index % 2 == 0, index >= 2, try page.offset(of: index - 2) == offset {
                guard header.allowsDuplicates else { throw page.damage("a key stands in it twice") }
                return nil
            }
            let type = try page.byte(at: offset + 2) & TreeItem.typeMask
            switch type {
            case TreeItem.inPage: return (offset, 3 + Int(try page.half(at: offset)))
            case TreeItem.overflow: return (offset, TreeItem.referenceSize)
            case TreeItem.duplicates where index % 2 == 1: return (offset, TreeItem.referenceSize)
            default: throw page.damage("entry \(index) is of no kind that there is (\(type))")
            }
        }
        try ascends(from: 0, step: 2, keyAt: 3)
    }

    private func inner() throws(BerkeleyDBFailure) {
        guard page.level > 1, page.count > 0 else { throw page.damage("it is no inner page of a tree") }
        try tiles { index throws(BerkeleyDBFailure) in
            let offset = try page.offset(of: index)
            let child = try page.word(at: offset + 4)
            guard child > 0, child <= header.lastPage, child != page.number else {
                throw page.damage("entry \(index) leads out of the file (page \(child))")
            }
            let type = try page.byte(at: offset + 2) & TreeItem.typeMask
            let length = Int(try page.half(at: offset))
            switch type {
            case TreeItem.inPage: return (offset, TreeItem.innerHeaderSize + length)
            case TreeItem.overflow where length == TreeItem.referenceSize:
                return (offset, TreeItem.innerHeaderSize + length)
            default: throw page.damage("entry \(index) is of no kind that there is (\(type))")
            }
        }
        // The first key of all is less than every key, whatever is written there.
        try ascends(from: 1, step: 1, keyAt: TreeItem.innerHeaderSize)
    }

    /// Checks that items fill the page.
    ///
    /// - Parameter item: gives where the item of a place in the index lies, and its length before it is rounded up to
    ///   four; nil where it is that of a place before.
    private func tiles(
        _ item: (Int) throws(BerkeleyDBFailure) -> (offset: Int, length: Int)?
    ) throws(BerkeleyDBFailure) {
        try indexFits()
        let start = itemsOffset
        // One bit for each offset at which an item can begin: they are multiples of four.
        var begins = [UInt64](repeating: 0, count: page.bytes.count / 256 + 1)
        var total = 0
        for index in 0..<page.count {
            guard let (offset, length) = try item(index) else { continue }
            let size = (length + 3) & ~3
            guard offset % 4 == 0, offset >= start, offset <= page.bytes.count - size else {
                throw page.damage("entry \(index) lies outside of the items")
            }
            let (word, bit) = (offset / 256, UInt64(1) << UInt64(offset / 4 % 64))
            guard begins[word] & bit == 0 else { throw page.damage("entry \(index) is another one's too") }
            begins[word] |= bit
            total += size
        }
        guard total == page.bytes.count - start else {
            throw page.damage("its entries are not all there, or overlap")
        }
        // Items whose lengths make up the whole leave no gap only if none overlaps: each must end where one begins.
        for index in 0..<page.count {
            guard let (offset, length) = try item(index) else { continue }
            let end = offset + (length + 3) & ~3
            guard end == page.bytes.count || begins[end / 256] & UInt64(1) << UInt64(end / 4 % 64) != 0 else {
                throw page.damage("entry \(index) overlaps another one")
            }
        }
    }

    /// Checks that keys stand in their order; those on overflow pages are left to whoever looks for them.
    private func ascends(from first: Int, step: Int, keyAt keyOffset: Int) throws(BerkeleyDBFailure) {
        var earlier: (offset: Int, count: Int)?
        for index in stride(from: first, to: page.count, by: step) {
            let offset = try page.offset(of: index)
            guard try page.byte(at: offset + 2) & TreeItem.typeMask == TreeItem.inPage else {
                earlier = nil
                continue
            }
            let key = (offset: offset + keyOffset, count: Int(try page.half(at: offset)))
            if let earlier, earlier.offset != key.offset { try comesBefore(earlier, key, index) }
            earlier = key
        }
    }

    private func comesBefore(
        _ earlier: (offset: Int, count: Int), _ later: (offset: Int, count: Int), _ index: Int
    ) throws(BerkeleyDBFailure) {
        guard earlier.offset + earlier.count <= page.bytes.count, later.offset + later.count <= page.bytes.count else {
            throw page.damage("a key lies outside of it")
        }
        // In bounds: checked right above, and offsets are not negative.
        let order = unsafe page.bytes.withUnsafeBytes { bytes in
            unsafe compareBytes(
                UnsafeRawBufferPointer(rebasing: bytes[earlier.offset..<earlier.offset + earlier.count]),
                UnsafeRawBufferPointer(rebasing: bytes[later.offset..<later.offset + later.count]))
        }
        guard order < 0 else { throw page.damage("the key of entry \(index) is not in its order") }
    }

    // MARK: Hash tables

    private func bucket() throws(BerkeleyDBFailure) {
        guard page.level == 0, page.count % 2 == 0 else { throw page.damage("it is no page of a bucket") }
        try indexFits()
        var end = page.bytes.count
        for index in 0..<page.count {
            let offset = try page.offset(of: index)
            guard offset >= itemsOffset, offset < end else { throw page.damage("entry \(index) overlaps another one") }
            let type = try page.byte(at: offset)
            let length = end - offset
            switch type {
            case HashItem.inPage: break
            case HashItem.overflow where length == HashItem.referenceSize: break
            case HashItem.duplicates where index % 2 == 1 && header.allowsDuplicates: break
            case HashItem.duplicateTree
            where index % 2 == 1 && header.allowsDuplicates && length == HashItem.treeReferenceSize:
                break
            default: throw page.damage("entry \(index) is of no kind that there is (\(type))")
            }
            end = offset
        }
        guard end == itemsOffset else { throw page.damage("its entries are not all there") }
    }

    // MARK: Overflow pages

    private func overflow() throws(BerkeleyDBFailure) {
        guard page.level == 0, page.count > 0, page.itemsOffset <= page.bytes.count - page.layout.indexOffset else {
            throw page.damage("it is no page of a long key or value")
        }
    }

    /// Where items begin; a page of 64 KiB without any cannot say so in two bytes.
    private var itemsOffset: Int {
        page.itemsOffset == 0 && page.bytes.count == 65_536 ? page.bytes.count : page.itemsOffset
    }

    private func indexFits() throws(BerkeleyDBFailure) {
        guard page.layout.indexOffset + 2 * page.count <= itemsOffset, itemsOffset <= page.bytes.count else {
            throw page.damage("its index and its items overlap")
        }
    }
}

/// The kinds of item on the pages of a tree (btree.h): a length of two bytes, the kind, and what it is.
enum TreeItem {
    static let typeMask: UInt8 = 0x7F
    static let deleted: UInt8 = 0x80
    /// The bytes follow.
    static let inPage: UInt8 = 1
    /// The bytes are on overflow pages: the number of the first page, and their count.
    static let duplicates: UInt8 = 2
    static let overflow: UInt8 = 3
    /// An item that names another page.
    static let referenceSize = 12
    /// What precedes the key of an inner page's item: length, kind, page, number of records.
    static let innerHeaderSize = 12
}

/// The kinds of item on the pages of a hash table (hash.h): the kind, and what it is.
enum HashItem {
    static let inPage: UInt8 = 1
    /// Several values, each between its length and its length.
    static let duplicates: UInt8 = 2
    static let overflow: UInt8 = 3
    /// Several values, in a tree of their own.
    static let duplicateTree: UInt8 = 4
    static let referenceSize = 12
    static let treeReferenceSize = 8
}
