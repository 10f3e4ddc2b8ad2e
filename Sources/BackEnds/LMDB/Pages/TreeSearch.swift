// Goes down a tree to a key. Files end keys with a NUL (Postfix, newdb) or not (mdb_load): both forms of a key lie side by side,
// because nothing is between a key and the same key with a NUL, so that one search finds either.

import Bytes
import Glibc

/// What is searched for: a key, and perhaps the NUL behind it.
@safe
struct Probe {
    private let key: UnsafeRawBufferPointer
    private let hasNUL: Bool
    /// The first eight bytes, the first the most significant, which settle most comparisons; 0 for a shorter key.
    private let beginning: UInt64

    /// Searches for a key.
    @inline(__always)
    init(key: UnsafeRawBufferPointer, hasNUL: Bool) {
        unsafe self.key = unsafe key
        self.hasNUL = hasNUL
        beginning = unsafe key.count < 8 ? 0 : key.loadUnaligned(as: UInt64.self).bigEndian
    }

    /// Compares it with a key.
    ///
    /// - Parameters:
    ///   - other: where the key begins.
    ///   - count: its bytes.
    /// - Returns: less than 0, 0 or more, as it is before the key, equal or behind it.
    @inline(__always)
    func compare(with other: UnsafeRawPointer, _ count: Int) -> Int {
        let common = unsafe min(key.count, count)
        if common >= 8 {
            let first = unsafe other.loadUnaligned(as: UInt64.self).bigEndian
            if first != beginning { return beginning < first ? -1 : 1 }
        }
        return unsafe compareRest(with: other, count, common)
    }

    @inline(never)
    private func compareRest(with other: UnsafeRawPointer, _ count: Int, _ common: Int) -> Int {
        if common > 0, let first = unsafe key.baseAddress {
            let order = unsafe memcmp(first, other, common)
            if order != 0 { return Int(order) }
        }
        guard hasNUL else { return unsafe key.count - count }
        // One begins with the other.
        guard unsafe count > key.count else { return 1 }
        return unsafe other.load(fromByteOffset: key.count, as: UInt8.self) == 0 ? key.count + 1 - count : -1
    }
}

extension TreePage {
    /// Where a key is on the page, or would be.
    ///
    /// Every number is compared before it is used, because the page may be changed at this moment; that the nodes are in their
    /// order was found out when the page was checked.
    ///
    /// - Parameter first: the first node that has a key.
    /// - Returns: the first node that is not before the key, and whether it is the key's.
    @inline(__always)
    func position(of probe: Probe, from first: Int) throws(LMDBFailure) -> (index: Int, isFound: Bool) {
        var low = first
        var high = count
        let last = size &- TreeNode.headerSize
        while low < high {
            let middle = (low &+ high) >> 1
            let offset = unsafe Int(start.load(fromByteOffset: Self.headerSize &+ 2 &* middle, as: UInt16.self))
            guard offset <= last else { throw fault(middle) }
            let place = unsafe start + offset
            let keyCount = unsafe Int(place.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
            // Zeros are no node.
            guard keyCount > 0, offset &+ keyCount <= last else { throw fault(middle) }
            let order = unsafe probe.compare(with: place + TreeNode.headerSize, keyCount)
            if order > 0 {
                low = middle &+ 1
            } else if order == 0 {
                return (middle, true)
            } else {
                high = middle
            }
        }
        return (low, false)
    }
}

extension MapFile {
    /// Looks a key up, and copies its value without the NUL that ends it.
    ///
    /// A key that is too long to be stored is searched for like any other, and is not there.
    ///
    /// - Returns: whether the key is there; if not, it certainly is not.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, into value: inout [UInt8]) throws(LMDBFailure) -> Bool {
        try reading { () throws(LMDBFailure) in
            guard let node = unsafe try stored(key) else {
                try checkSize()
                return false
            }
            var bytes = unsafe try self.value(of: node, in: snapshot.tree)
            if unsafe bytes.last == 0, unsafe node.key.last == 0 {
                unsafe bytes = unsafe UnsafeRawBufferPointer(rebasing: bytes.dropLast())
            }
            guard unsafe !hasNUL(bytes) else {
                throw .damage(page: pageNumber(of: node), "a value with a NUL inside; keep such values in another map")
            }
            value.removeAll(keepingCapacity: true)
            // The mapping stays for as long as the bytes are copied.
            unsafe value.append(contentsOf: bytes)
            return true
        }
    }

    /// The node of a key in the form that the file has it in.
    @inline(__always)
    func stored(_ key: UnsafeRawBufferPointer) throws(LMDBFailure) -> TreeNode? {
        let tree = snapshot.tree
        let found = unsafe try node(of: Probe(key: key, hasNUL: true), in: tree)
        if let node = found.node, endsKeysWithNUL { return node }
        var place = found
        // What is before the first key of a leaf is on another one.
        if found.page != nil, found.index == 0 { place = unsafe try node(of: Probe(key: key, hasNUL: false), in: tree) }
        if let plain = place.node, found.index == 0 { return plain }
        if let page = place.page, place.index > 0 {
            let before = try page.node(place.index - 1)
            if before.keyCount == key.count, unsafe compareKeys(before.key, key) == 0 { return before }
            if found.node == nil, before.seemsCut { throw cut(page) }
        }
        return found.node
    }

    private func cut(_ page: TreePage) -> LMDBFailure {
        .damage(page: page.number, "the end of a key is gone, as where a file is cut short")
    }

    /// Goes down to where a key is, or would be.
    ///
    /// - Returns: the leaf, nil in a tree without entries; the first node there that is not before the key; and that node, if
    ///   it is the key's.
    @inline(__always)
    func node(
        of probe: Probe, in tree: TreeRecord
    ) throws(LMDBFailure) -> (page: TreePage?, index: Int, node: TreeNode?) {
        guard tree.root != TreeRecord.noPage else { return (nil, 0, nil) }
        if let found = try nodeOnCheckedPages(of: probe, tree.root, tree.depth) { return found }
        return try nodeOnAnyPages(of: probe, in: tree)
    }

    /// Goes down as `node` does, as long as all pages were checked in this state: nearly always.
    @inline(__always)
    private func nodeOnCheckedPages(
        of probe: Probe, _ root: UInt64, _ depth: Int
    ) throws(LMDBFailure) -> (page: TreePage?, index: Int, node: TreeNode?)? {
        let (checked, size) = (checkedPages, pageSize)
        var number = root
        var left = depth
        while true {
            let index = Int(truncatingIfNeeded: number)
            // What is marked there is a page of the file.
            guard checked.contains(index) else { return nil }
            left &-= 1
            let page = unsafe try TreePage(
                mapping.start(at: index &* size), size: size, number: number,
                flags: left == 0 ? PageFlag.leaf : PageFlag.branch)
            let (place, isFound) = try page.position(of: probe, from: left == 0 ? 0 : 1)
            if left == 0 { return (page, place, isFound ? try page.node(place) : nil) }
            let child = try page.node(isFound ? place : place &- 1)
            guard place == 1 && !isFound || !child.seemsCut else { throw cut(page) }
            number = child.child
        }
    }

    /// Goes down as `node` does, and checks the pages that were not checked before.
    @inline(never)
    private func nodeOnAnyPages(
        of probe: Probe, in tree: TreeRecord
    ) throws(LMDBFailure) -> (page: TreePage?, index: Int, node: TreeNode?) {
        var number = tree.root
        var bounds = KeyBounds.none
        var level = 0
        while true {
            let page = try page(number, level, of: tree, bounds)
            // The first node of a branch is before everything.
            let (place, isFound) = try page.position(of: probe, from: page.isLeaf ? 0 : 1)
            guard !page.isLeaf else { return (page, place, isFound ? try page.node(place) : nil) }
            let index = isFound ? place : place &- 1
            let child = try page.node(index)
            if index > 0 {
                guard !child.seemsCut else { throw cut(page) }
                unsafe bounds.low = unsafe child.key
            }
            if index &+ 1 < page.count { unsafe bounds.high = unsafe try page.node(index &+ 1).key }
            number = child.child
            level &+= 1
        }
    }

    private func hasNUL(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, unsafe !bytes.isEmpty else { return false }
        return unsafe memchr(start, 0, bytes.count) != nil
    }

    private func pageNumber(of node: TreeNode) -> UInt64 {
        unsafe UInt64((node.start - mapping.start(at: 0)) / pageSize)
    }
}
