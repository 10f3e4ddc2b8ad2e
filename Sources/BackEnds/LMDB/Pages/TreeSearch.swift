// Goes down a tree to a key. Files end keys with a NUL (Postfix, newdb) or not (mdb_load): both forms of a key lie side by side,
// because nothing is between a key and the same key with a NUL, so that one search finds either.

import Glibc

/// What is searched for: a key, and perhaps the NUL behind it.
@safe
struct Probe {
    let key: UnsafeRawBufferPointer
    let hasNUL: Bool

    /// Compares it with a key.
    ///
    /// - Returns: less than 0, 0 or more, as it is before the key, equal or behind it.
    @inline(__always)
    func compare(with other: UnsafeRawBufferPointer) -> Int {
        let common = unsafe min(key.count, other.count)
        if common > 0, let first = unsafe key.baseAddress, let second = other.baseAddress {
            let order = unsafe memcmp(first, second, common)
            if order != 0 { return Int(order) }
        }
        guard hasNUL else { return unsafe key.count - other.count }
        // One begins with the other.
        guard unsafe other.count > key.count else { return 1 }
        return unsafe other[key.count] == 0 ? key.count + 1 - other.count : -1
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
        var number = tree.root
        var bounds = KeyBounds.none
        var level = 0
        while true {
            let page = try page(number, level, of: tree, bounds)
            // The first node of a branch is before everything.
            var low = page.isLeaf ? 0 : 1
            var high = page.count
            var found: TreeNode?
            while low < high {
                let middle = (low &+ high) >> 1
                let node = try page.node(middle)
                let order = unsafe probe.compare(with: node.key)
                if order > 0 {
                    low = middle &+ 1
                } else {
                    if order == 0 {
                        found = node
                        low = middle
                        break
                    }
                    high = middle
                }
            }
            guard !page.isLeaf else { return (page, low, found) }
            let index = found == nil ? low &- 1 : low
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
