// The first page of a Berkeley DB file, which says what the file is: checked for all that can be known of it, and
// refused where it speaks of something that no map of ours can be.

import CBerkeleyDB
import Glibc
import Maps

/// What the first page of a file says.
struct DatabaseHeader: Equatable {
    /// How keys are found.
    enum Method: Equatable {
        /// A B-tree, from its root down.
        case tree(root: UInt32)
        /// A hash table.
        case hash(HashHeader)
    }

    /// What all pages have in common.
    var layout: PageLayout
    /// The number of the last page.
    var lastPage: UInt32
    /// How keys are found.
    var method: Method
    /// Whether a key may have several values, of which the first one counts.
    var allowsDuplicates: Bool

    /// The bytes that say all this; the first page may be longer.
    static let size = 512

    /// Reads the first page.
    ///
    /// - Parameters:
    ///   - bytes: at least its first 512 bytes, or the whole file where that is shorter.
    ///   - isNative: whether numbers are in this machine's order whatever the file's is, as in the library's cache.
    /// - Throws: where the file is no map, or the page is damaged.
    init(_ bytes: [UInt8], isNative: Bool) throws(BerkeleyDBFailure) {
        guard bytes.count >= Self.size else { throw .notAMap() }
        let meta = DatabasePage(
            number: 0, layout: PageLayout(pageSize: Self.size, isSwapped: false, hasChecksums: false),
            bytes: bytes.count == Self.size ? bytes : Array(bytes[..<Self.size]))
        let magic = try meta.word(at: 12)
        let isSwapped = [Self.treeMagic.byteSwapped, Self.hashMagic.byteSwapped].contains(magic)
        guard isSwapped || magic == Self.treeMagic || magic == Self.hashMagic else { throw .notAMap() }
        let page = DatabasePage(
            number: 0, layout: PageLayout(pageSize: Self.size, isSwapped: isSwapped, hasChecksums: false),
            bytes: meta.bytes)
        let isTree = try page.word(at: 12) == Self.treeMagic
        try Self.checkVersion(page, isTree: isTree)
        let size = try page.word(at: 20)
        guard size >= 512, size <= 65_536, size & (size - 1) == 0 else {
            throw page.damage("\(size) is no page size")
        }
        let flags = try page.byte(at: 26)
        layout = PageLayout(
            pageSize: Int(size), isSwapped: isSwapped, hasChecksums: flags & Self.checksumFlag != 0)
        try Self.checkChecksum(page, layout, isNative: isNative)
        guard try page.byte(at: 24) == 0 else { throw .refusal("is encrypted; make the map without encryption") }
        guard flags & ~Self.checksumFlag == 0 else {
            throw .refusal("is one of several files of a database; give the map a file of its own")
        }
        guard page.ownNumber == 0, page.kind == (isTree ? PageKind.treeMeta : PageKind.hashMeta) else {
            throw page.damage("is not the first page of a \(isTree ? "btree" : "hash")")
        }
        lastPage = try page.word(at: 32)
        let use = try page.word(at: 48)
        if isTree {
            try Self.checkUse(page, ofTree: use)
            allowsDuplicates = use & Self.treeDuplicates != 0
            method = .tree(root: try page.word(at: 88))
        } else {
            try Self.checkUse(page, ofHash: use)
            allowsDuplicates = use & Self.hashDuplicates != 0
            method = .hash(try HashHeader(page, lastPage: lastPage))
        }
    }

    private static func checkVersion(_ page: DatabasePage, isTree: Bool) throws(BerkeleyDBFailure) {
        let version = try page.word(at: 16)
        let oldest: UInt32 = isTree ? 8 : 7
        if version >= 1, version < oldest { throw BerkeleyDBFailure(code: DB_OLD_VERSION, messages: LibraryMessages()) }
        guard version >= oldest, version <= 9 else {
            throw .refusal("has the version \(version), which Berkeley DB 5.3 does not know", .replace)
        }
    }

    private static func checkChecksum(
        _ page: DatabasePage, _ layout: PageLayout, isNative: Bool
    ) throws(BerkeleyDBFailure) {
        let stored = try page.word(at: checksumOffset)
        guard layout.hasChecksums else {
            guard stored == 0 else { throw page.damage("has a checksum, and says that it has none") }
            return
        }
        // The library's cache holds it in any state: the library checks it, and then uses the place for itself.
        guard !isNative else { return }
        guard pageChecksum(page.bytes, count: size, checksumAt: checksumOffset) == stored else {
            throw page.damage("its checksum is wrong")
        }
    }

    private static func checkUse(_ page: DatabasePage, ofTree use: UInt32) throws(BerkeleyDBFailure) {
        guard use & ~0xFF == 0 else { throw page.damage("has flags that do not exist") }
        // BTM_RECNO, BTM_FIXEDLEN, BTM_RENUMBER
        guard use & 0x1A == 0 else { throw .refusal("neither a btree nor a hash file", .replace) }
        guard use & 0x20 == 0 else { throw .refusal("holds several databases; give the map a file of its own") }
        guard use & 0x80 == 0 else { throw .refusal("is compressed; make the map without compression") }
    }

    private static func checkUse(_ page: DatabasePage, ofHash use: UInt32) throws(BerkeleyDBFailure) {
        guard use & ~0x07 == 0 else { throw page.damage("has flags that do not exist") }
        guard use & 0x02 == 0 else { throw .refusal("holds several databases; give the map a file of its own") }
    }

    private static let treeMagic: UInt32 = 0x053162
    private static let hashMagic: UInt32 = 0x061561
    private static let checksumFlag: UInt8 = 1
    private static let checksumOffset = 492
    private static let treeDuplicates: UInt32 = 0x41
    private static let hashDuplicates: UInt32 = 0x05
}

/// What the first page of a hash table says.
struct HashHeader: Equatable {
    /// The last bucket.
    var lastBucket: UInt32
    /// The bits of a key's hash that choose a bucket.
    var highMask: UInt32
    /// The bits that choose where the former say a bucket that does not exist yet.
    var lowMask: UInt32
    /// How full buckets become before there are more of them; 0 where pages are filled.
    var fillFactor: UInt32
    /// How many entries there are, and were announced; 0 where nobody counts.
    var entries: UInt32
    /// What is added to the number of a bucket for its page; one for each doubling of the table.
    var spares: [UInt32]

    fileprivate init(_ page: DatabasePage, lastPage: UInt32) throws(BerkeleyDBFailure) {
        lastBucket = try page.word(at: 72)
        highMask = try page.word(at: 76)
        lowMask = try page.word(at: 80)
        fillFactor = try page.word(at: 84)
        entries = try page.word(at: 88)
        let doublings = UInt32.bitWidth - lastBucket.leadingZeroBitCount
        let mask = doublings == 0 ? 0 : UInt32.max >> (32 - UInt32(doublings))
        guard lastBucket < lastPage, highMask == mask, lowMask == mask >> 1 else {
            throw page.damage("its numbers of buckets contradict each other")
        }
        // The library's own test of whether the file was made with another hash function.
        guard try page.word(at: 92) == hashOfKey(Array("%$sniglet^&\0".utf8)) else {
            throw .refusal("was made with another hash function, or is damaged", .replace)
        }
        spares = []
        for doubling in 0...min(doublings, 31) { spares.append(try page.word(at: 96 + 4 * doubling)) }
        for doubling in spares.indices {
            // The last bucket of each doubling.
            let bucket = doubling == 0 ? 0 : min(lastBucket, UInt32.max >> (32 - UInt32(doubling)))
            let (number, overflow) = bucket.addingReportingOverflow(spares[doubling])
            guard !overflow, number > 0, number <= lastPage else {
                throw page.damage("the pages of its buckets lie outside of the file")
            }
        }
    }

    /// The bucket that a key belongs to.
    func bucket(of hash: UInt32) -> UInt32 {
        let bucket = hash & highMask
        return bucket > lastBucket ? bucket & lowMask : bucket
    }

    /// The first page of a bucket, which is not more than the last one.
    func page(of bucket: UInt32) -> UInt32 {
        // In range: a bucket is not more than the last one, for which all was checked.
        bucket &+ spares[min(UInt32.bitWidth - bucket.leadingZeroBitCount, spares.count - 1)]
    }
}

/// The hash function of Berkeley DB's hash tables since 3.0 (`__ham_func5`: Fowler, Noll and Vo).
func hashOfKey(_ key: [UInt8]) -> UInt32 {
    unsafe key.withUnsafeBytes { unsafe hashOfKey($0) }
}

/// The hash function of Berkeley DB's hash tables since 3.0 (`__ham_func5`: Fowler, Noll and Vo).
func hashOfKey(_ key: UnsafeRawBufferPointer) -> UInt32 {
    var hash: UInt32 = 0
    for index in 0..<key.count {
        // In bounds by the loop.
        hash = unsafe hash &* 16_777_619 ^ UInt32(key[index])
    }
    return hash
}
