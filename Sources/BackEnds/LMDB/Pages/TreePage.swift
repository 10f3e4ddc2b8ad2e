// A page of a tree: a header of 16 bytes, the places of its nodes in the order of their keys, free room, and the nodes. The page
// may be damaged, or be changed by another process while it is read: every number is read once, and compared before it is
// used.

import Glibc

/// A node: of a leaf a key and a value, of a branch a key and the page of what is not before it.
@safe
struct TreeNode {
    /// Where it begins.
    let start: UnsafeRawPointer
    let keyCount: Int
    let flags: UInt16
    /// The bytes of the value; the low half of a page's number in a branch.
    let low: UInt32

    static let headerSize = 8

    /// What the flags of a leaf's node say.
    enum Flag {
        /// The value lies in pages of its own.
        static let bigData: UInt16 = 0x01
        /// The value is the record of another tree.
        static let subdata: UInt16 = 0x02
        /// There are several values.
        static let duplicates: UInt16 = 0x04
    }

    @inline(__always)
    var key: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start + Self.headerSize, count: keyCount)
    }

    /// Whether the end of the key is gone: of a file that was just cut in the middle of a page the rest reads as zeros.
    @inline(__always)
    var seemsCut: Bool {
        guard keyCount > 1 else { return false }
        return unsafe start.load(fromByteOffset: Self.headerSize + keyCount - 2, as: UInt8.self) == 0
    }

    /// Where what follows the key begins.
    var data: UnsafeRawPointer { unsafe start + Self.headerSize + keyCount }

    /// The bytes that lie on the page behind the key.
    @inline(__always)
    func dataCount(isLeaf: Bool) -> Int {
        guard isLeaf else { return 0 }
        return flags & Flag.bigData != 0 ? 8 : Int(low)
    }

    /// The page that a branch's node leads to.
    @inline(__always)
    var child: UInt64 { UInt64(low) | UInt64(flags) << 32 }
}

/// A page of a tree in memory.
@safe
struct TreePage {
    let number: UInt64
    let start: UnsafeRawPointer
    let size: Int
    /// How many nodes it has.
    let count: Int
    let isLeaf: Bool

    static let headerSize = 16

    /// Reads the header.
    ///
    /// - Parameters:
    ///   - number: what the page must say that it is.
    ///   - flags: the kind that it must be.
    @inline(__always)
    init(_ start: UnsafeRawPointer, size: Int, number: UInt64, flags: UInt16) throws(LMDBFailure) {
        let lower = unsafe Int(start.load(fromByteOffset: 12, as: UInt16.self))
        unsafe self.start = unsafe start
        self.size = size
        self.number = number
        isLeaf = flags & PageFlag.leaf != 0
        count = (lower &- Self.headerSize) >> 1
        guard unsafe start.load(as: UInt64.self) == number,
            unsafe start.load(fromByteOffset: 10, as: UInt16.self) & PageFlag.kinds == flags,
            lower > Self.headerSize, lower <= size, lower & 1 == 0
        else {
            throw unsafe Self.fault(start, number, flags)
        }
    }

    @inline(never)
    private static func fault(_ start: UnsafeRawPointer, _ number: UInt64, _ flags: UInt16) -> LMDBFailure {
        let (own, kind) = unsafe (start.load(as: UInt64.self), start.load(fromByteOffset: 10, as: UInt16.self))
        guard own == number else { return .damage(page: number, "it says that it is page \(own)") }
        guard kind & PageFlag.kinds == flags else {
            let wanted = flags == PageFlag.leaf ? "leaf" : "branch"
            return .damage(page: number, "a \(wanted) should be there, and its kind is \(kind)")
        }
        return .damage(page: number, "the end of its list of nodes cannot be right")
    }

    /// A node.
    ///
    /// - Parameter index: less than `count`.
    @inline(__always)
    func node(_ index: Int) throws(LMDBFailure) -> TreeNode {
        let offset = unsafe Int(start.load(fromByteOffset: Self.headerSize + 2 * index, as: UInt16.self))
        guard offset & 1 == 0, offset >= Self.headerSize, offset <= size - TreeNode.headerSize else {
            throw fault(index)
        }
        let place = unsafe start + offset
        let header = unsafe place.loadUnaligned(as: UInt64.self)
        let keyCount = Int(header >> 48)
        // Only what a branch begins with has no key: zeros are no node.
        guard offset + TreeNode.headerSize + keyCount <= size, keyCount > 0 || (index == 0 && !isLeaf) else {
            throw fault(index)
        }
        return unsafe TreeNode(
            start: place, keyCount: keyCount, flags: UInt16(truncatingIfNeeded: header >> 32),
            low: UInt32(truncatingIfNeeded: header))
    }

    @inline(never)
    func fault(_ index: Int) -> LMDBFailure {
        .damage(page: number, "node \(index) does not lie on the page, or has no key")
    }

    /// Checks everything that the page tells of itself.
    ///
    /// - Parameters:
    ///   - tree: the tree that it belongs to.
    ///   - bounds: what the pages above say of its keys.
    ///   - lastPage: the last page of the file.
    ///   - allowsDatabases: whether keys may be names of databases.
    func check(
        _ tree: TreeRecord, _ bounds: KeyBounds, lastPage: UInt64, allowsDatabases: Bool
    ) throws(LMDBFailure) {
        let upper = unsafe Int(start.load(fromByteOffset: 14, as: UInt16.self))
        guard upper >= Self.headerSize + 2 * count, upper <= size else {
            throw .damage(page: number, "its free room cannot be where it says")
        }
        guard isLeaf || count > 1 || tree.flags & TreeRecord.Flag.integerKey != 0 else {
            throw .damage(page: number, "a branch with one node")
        }
        var used = 0
        var last: UnsafeRawBufferPointer?
        for index in 0..<count {
            let node = try node(index)
            let dataCount = node.dataCount(isLeaf: isLeaf)
            let offset = unsafe node.start - start
            let end = offset + TreeNode.headerSize + node.keyCount + dataCount
            guard offset >= upper, end <= size else { throw fault(index) }
            used += (TreeNode.headerSize + node.keyCount + dataCount + 1) & ~1
            if isLeaf {
                try checkFlags(of: node, index, tree, allowsDatabases)
            } else {
                guard node.child > 1, node.child <= lastPage else {
                    throw .damage(page: number, "it leads to page \(node.child), and the last one is \(lastPage)")
                }
                // What the first node of a branch leads to is before all keys that it has.
                if index == 0 { continue }
            }
            if tree.flags & (TreeRecord.Flag.integerKey | TreeRecord.Flag.reverseKey) == 0 {
                if let last = unsafe last, unsafe compareKeys(last, node.key) >= 0 {
                    throw .damage(page: number, "the key of node \(index) is not behind the one before it")
                }
                unsafe last = unsafe node.key
                guard unsafe bounds.contain(node.key) else {
                    throw .damage(page: number, "the key of node \(index) is not between those of the page above")
                }
            }
        }
        guard used == size - upper else { throw .damage(page: number, "its nodes do not fill the room that they have") }
    }

    private func checkFlags(
        of node: TreeNode, _ index: Int, _ tree: TreeRecord, _ allowsDatabases: Bool
    ) throws(LMDBFailure) {
        switch node.flags {
        case 0, TreeNode.Flag.bigData: return
        case TreeNode.Flag.subdata:
            if allowsDatabases { return }
            throw .refusal(
                "it holds named databases, and its keys are their names; name one with the flag -D NAME")
        case TreeNode.Flag.duplicates, TreeNode.Flag.duplicates | TreeNode.Flag.subdata:
            if tree.hasDuplicates { return }
            fallthrough
        default: throw .damage(page: number, "node \(index) is of no kind that there is (\(node.flags))")
        }
    }
}

/// What the pages above a page say of the keys on it.
@safe
struct KeyBounds {
    /// No key is before it; nil for none.
    var low: UnsafeRawBufferPointer?
    /// Every key is before it; nil for none.
    var high: UnsafeRawBufferPointer?

    static var none: KeyBounds { unsafe KeyBounds(low: nil, high: nil) }

    fileprivate func contain(_ key: UnsafeRawBufferPointer) -> Bool {
        if let low = unsafe low, unsafe compareKeys(key, low) < 0 { return false }
        if let high = unsafe high, unsafe compareKeys(key, high) >= 0 { return false }
        return true
    }
}

/// Compares keys as the library does: byte by byte, and of two that begin alike the shorter one is first.
///
/// - Returns: less than 0, 0 or more, as the first key is before the second, equal or behind it.
@inline(__always)
func compareKeys(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    // An empty key has no place.
    if common > 0, let first = left.baseAddress, let second = right.baseAddress {
        let order = unsafe memcmp(first, second, common)
        if order != 0 { return Int(order) }
    }
    return left.count - right.count
}
