// The first two pages of a file of LMDB (0.9, data version 1, 64 bits, little-endian): each describes one state of the whole
// file, and the one with the higher transaction number holds. A commit writes the other one.

import Glibc

/// What is known of a tree: 48 bytes in a meta page, or the value of a named database.
struct TreeRecord: Equatable {
    static let size = 48
    /// No page at all: the tree is empty.
    static let noPage = UInt64.max

    let pad: UInt32
    let flags: UInt16
    let depth: Int
    let branchPages: UInt64, leafPages: UInt64, overflowPages: UInt64
    let entries: UInt64
    let root: UInt64

    /// Reads a record of `size` bytes.
    init(_ bytes: UnsafeRawPointer) {
        pad = unsafe bytes.loadUnaligned(as: UInt32.self)
        flags = unsafe bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
        depth = unsafe Int(bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        branchPages = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        leafPages = unsafe bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        overflowPages = unsafe bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        entries = unsafe bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self)
        root = unsafe bytes.loadUnaligned(fromByteOffset: 40, as: UInt64.self)
    }

    /// What the library calls the flags of a database (`lmdb.h`), as files have them.
    enum Flag {
        static let reverseKey: UInt16 = 0x02
        static let sortedDuplicates: UInt16 = 0x04
        static let integerKey: UInt16 = 0x08
        /// Those that change how keys are compared, or what a value is.
        static let all: UInt16 = 0x7E
    }

    /// Whether a key may have several values.
    var hasDuplicates: Bool { flags & Flag.sortedDuplicates != 0 }

    /// Why lookups would not find in it what they look for; nil for a tree that they can use.
    var refusal: String? {
        let refused = flags & Flag.all & ~Flag.sortedDuplicates
        guard refused != 0 else { return nil }
        let names = [
            (Flag.reverseKey, "MDB_REVERSEKEY"), (Flag.integerKey, "MDB_INTEGERKEY"), (0x10, "MDB_DUPFIXED"),
            (0x20, "MDB_INTEGERDUP"), (0x40, "MDB_REVERSEDUP"),
        ].filter { refused & $0.0 != 0 }.map(\.1)
        return
            "its keys are not kept as bytes in their order (\(names.joined(separator: ", "))); make it without these flags"
    }
}

/// What one of the two meta pages says.
struct MetaPage: Equatable {
    let pageSize: Int
    /// The pages that nobody uses.
    let free: TreeRecord
    let main: TreeRecord
    let lastPage: UInt64
    let transaction: UInt64

    /// Where the number of the transaction stands in the page.
    static let transactionOffset = 144
    /// How much of a page it takes.
    static let size = 152
    /// The sizes that pages can have.
    private static let pageSizes = 256...65_536

    /// Reads a page of `size` bytes at least.
    ///
    /// - Parameter number: 0 or 1.
    /// - Throws: for what is no such page.
    init(_ bytes: UnsafeRawPointer, number: UInt64) throws(LMDBFailure) {
        free = unsafe TreeRecord(bytes + 40)
        main = unsafe TreeRecord(bytes + 88)
        lastPage = unsafe bytes.load(fromByteOffset: 136, as: UInt64.self)
        transaction = unsafe bytes.load(fromByteOffset: Self.transactionOffset, as: UInt64.self)
        guard unsafe bytes.load(fromByteOffset: 16, as: UInt32.self) == 0xBEEF_C0DE else {
            throw .refusal("no file of LMDB; correct its path, or make it anew with newdb")
        }
        let version = unsafe bytes.load(fromByteOffset: 20, as: UInt32.self)
        guard version == 1 else {
            throw .refusal("made by a version of LMDB with another format (\(version)); make it anew")
        }
        pageSize = Int(free.pad)
        guard Self.pageSizes.contains(pageSize), pageSize & (pageSize - 1) == 0 else {
            throw .damage(page: number, "pages of \(pageSize) bytes")
        }
        let flags = unsafe bytes.load(fromByteOffset: 10, as: UInt16.self)
        guard unsafe bytes.load(as: UInt64.self) == number, flags & PageFlag.kinds == PageFlag.meta else {
            throw .damage(page: number, "no meta page")
        }
        // Of two meta pages the first is written by transactions of even numbers.
        guard transaction % 2 == number || transaction == 0 else {
            throw .damage(page: number, "it says that it was written by transaction \(transaction)")
        }
    }
}

/// What the header of a page says of its kind.
enum PageFlag {
    static let branch: UInt16 = 0x01
    static let leaf: UInt16 = 0x02
    static let overflow: UInt16 = 0x04
    static let meta: UInt16 = 0x08
    /// A page of duplicates that lies in a leaf.
    static let subpage: UInt16 = 0x40
    /// All but what a writer notes for itself.
    static let kinds: UInt16 = 0x3FEF
}
