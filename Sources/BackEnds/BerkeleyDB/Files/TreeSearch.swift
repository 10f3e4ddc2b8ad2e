// Finds a key in a B-tree. On the way down it checks that each page is what the page above says; at the end, that the
// key's absence is no work of a damaged page above.

import Maps

extension DatabaseReader {
    /// Finds the key in a tree.
    ///
    /// The root of a tree hardly ever moves: only where another program compacts the file. Where it has moved, and what was
    /// the root is part of the tree again, a key that is there may be missed by way of it, but not for certain: it belongs
    /// beside a key of the leaf before or after then, which is found out.
    ///
    /// - Parameter root: the root, when the first page was last looked at.
    /// - Returns: false if it certainly does not exist.
    func findInTree(root: UInt32) throws(BerkeleyDBFailure) -> Bool {
        var page = try rootPage(root)
        let key = unsafe key
        var low: Bound?, high: Bound?
        while page.kind == PageKind.inner {
            let index = try child(of: page, over: key)
            // What precedes the first key of the page was decided above.
            if index > 0 { low = Bound(page: page, index: index) }
            if index + 1 < page.count { high = Bound(page: page, index: index + 1) }
            let below = try pages.page(try page.word(at: try page.offset(of: index) + 4))
            guard below.level == page.level - 1, below.kind == PageKind.inner || below.kind == PageKind.leaf else {
                throw below.damage("it is not the page that page \(page.number) names")
            }
            page = below
        }
        return try find(key, in: page, low, high)
    }

    private func rootPage(_ known: UInt32) throws(BerkeleyDBFailure) -> DatabasePage {
        if let page = try? pages.page(known), page.isRoot { return page }
        try pages.renew()
        guard case .tree(let root) = pages.header.method else {
            throw .damage(page: 0, "it was a btree, and is one no more")
        }
        let page = try pages.page(root)
        guard page.isRoot else { throw page.damage("it is named as the root of the tree, and is not") }
        return page
    }

    /// The place of the child that the key is under: that of the last key that is not greater.
    private func child(of page: DatabasePage, over key: [UInt8]) throws(BerkeleyDBFailure) -> Int {
        var (from, to) = (1, page.count)
        while from < to {
            let middle = (from + to) / 2
            let order = try compareInner(page, try page.offset(of: middle), with: key)
            if order <= 0 { from = middle + 1 } else { to = middle }
        }
        return from - 1
    }

    private func find(
        _ key: [UInt8], in leaf: DatabasePage, _ low: Bound?, _ high: Bound?
    ) throws(BerkeleyDBFailure) -> Bool {
        let count = leaf.count / 2
        try isBounded(leaf, low, high)
        var (from, to) = (0, count)
        while from < to {
            let middle = (from + to) / 2
            let order = try compareLeaf(leaf, try leaf.offset(of: 2 * middle), with: key)
            if order == 0 { return try takeValue(leaf, middle, count) }
            if order < 0 { from = middle + 1 } else { to = middle }
        }
        if from == 0 { try belongsHere(key, leaf, .before, isLast: low == nil) }
        if from == count { try belongsHere(key, leaf, .after, isLast: high == nil) }
        return false
    }

    /// Checks that the keys of a leaf lie between those that the pages above say.
    func isBounded(_ leaf: DatabasePage, _ low: Bound?, _ high: Bound?) throws(BerkeleyDBFailure) {
        let places = (low: low?.place, high: high?.place)
        if let known = unsafe leaf.bounds, known == places { return }
        guard leaf.count > 0 else { return }
        if let low, try compare(low, leaf, index: 0) > 0 { throw leaf.damage(Self.isNotBounded) }
        if let high, try compare(high, leaf, index: leaf.count - 2) <= 0 { throw leaf.damage(Self.isNotBounded) }
        unsafe leaf.bounds = places
    }

    private static var isNotBounded: String { "its keys are not those that the pages above it name" }

    /// Compares the key of an inner page with one of a leaf.
    private func compare(_ bound: Bound, _ leaf: DatabasePage, index: Int) throws(BerkeleyDBFailure) -> Int {
        let offset = try leaf.offset(of: index)
        let inner = try bound.page.offset(of: bound.index)
        if try leaf.byte(at: offset + 2) & TreeItem.typeMask == TreeItem.inPage,
            try bound.page.byte(at: inner + 2) & TreeItem.typeMask == TreeItem.inPage
        {
            return try bound.page.compare(
                at: inner + TreeItem.innerHeaderSize, count: Int(try bound.page.half(at: inner)), with: leaf,
                at: offset + 3, count: Int(try leaf.half(at: offset)))
        }
        var key: [UInt8] = []
        try appendKey(leaf, offset, at: offset + 3, reference: offset, to: &key)
        return try compareInner(bound.page, inner, with: key)
    }

    /// The sides of a leaf.
    private enum Side {
        case before, after
    }

    /// Checks that a leaf at the edge of which the key would stand is the one where it belongs: the nearest leaf on that side
    /// that has any keys has them all on that side of the key.
    ///
    /// - Parameter isLast: whether the pages above say that there is no leaf on that side.
    private func belongsHere(
        _ key: [UInt8], _ leaf: DatabasePage, _ side: Side, isLast: Bool
    ) throws(BerkeleyDBFailure) {
        var page = leaf
        var steps: UInt32 = 0
        // The file may turn out to have grown on the way.
        while steps < pages.header.lastPage {
            steps += 1
            let number = side == .before ? page.previous : page.next
            guard number != 0 else {
                guard isLast || page !== leaf else {
                    let end = side == .before ? "first" : "last"
                    throw page.damage("it is not the \(end) leaf, and names none \(side) it")
                }
                return
            }
            let other = try pages.page(number)
            if side == .before { try areNeighbours(other, page) } else { try areNeighbours(page, other) }
            guard other.count < 2 else {
                let nearest = side == .before ? other.count - 2 : 0
                let order = try compareLeaf(other, try other.offset(of: nearest), with: key)
                guard side == .before ? order < 0 : order > 0 else {
                    throw page.damage("a key that belongs there is on the page \(side) it")
                }
                return
            }
            page = other
        }
        throw page.damage("the leaves go round in a circle")
    }

    func areNeighbours(_ left: DatabasePage, _ right: DatabasePage) throws(BerkeleyDBFailure) {
        guard left.kind == PageKind.leaf, right.kind == PageKind.leaf, left.next == right.number,
            right.previous == left.number
        else { throw left.damage("it and page \(right.number) do not name each other as neighbours") }
    }

    // MARK: Keys

    @inline(__always)
    private func compareInner(
        _ page: DatabasePage, _ offset: Int, with key: [UInt8]
    ) throws(BerkeleyDBFailure) -> Int {
        try compare(page, offset, at: offset + TreeItem.innerHeaderSize, reference: offset + 12, with: key)
    }

    @inline(__always)
    func compareLeaf(_ page: DatabasePage, _ offset: Int, with key: [UInt8]) throws(BerkeleyDBFailure) -> Int {
        try compare(page, offset, at: offset + 3, reference: offset, with: key)
    }

    /// Compares a stored key with another one.
    ///
    /// - Parameters:
    ///   - start: where its bytes are, if they are in the page.
    ///   - reference: where the item is that names the pages they are on.
    @inline(__always)
    private func compare(
        _ page: DatabasePage, _ offset: Int, at start: Int, reference: Int, with key: [UInt8]
    ) throws(BerkeleyDBFailure) -> Int {
        if try page.byte(at: offset + 2) & TreeItem.typeMask == TreeItem.inPage {
            return try page.compare(at: start, count: Int(try page.half(at: offset)), with: key)
        }
        var stored: [UInt8] = []
        try appendKey(page, offset, at: start, reference: reference, to: &stored)
        return unsafe stored.withUnsafeBytes { stored in
            unsafe key.withUnsafeBytes { unsafe compareBytes(stored, $0) }
        }
    }

    /// Appends the bytes of a stored key; the parameters are those of `compare`.
    func appendKey(
        _ page: DatabasePage, _ offset: Int, at start: Int, reference: Int, to output: inout [UInt8]
    ) throws(BerkeleyDBFailure) {
        if try page.byte(at: offset + 2) & TreeItem.typeMask == TreeItem.inPage {
            try page.append(at: start, count: Int(try page.half(at: offset)), to: &output)
        } else {
            try readChain(try page.word(at: reference + 4), length: try page.word(at: reference + 8), into: &output)
        }
    }

    // MARK: Values

    /// Reads the first value of a key that is not deleted.
    private func takeValue(_ leaf: DatabasePage, _ found: Int, _ count: Int) throws(BerkeleyDBFailure) -> Bool {
        let item = try leaf.offset(of: 2 * found)
        var index = found
        while index > 0, try leaf.offset(of: 2 * index - 2) == item { index -= 1 }
        while index < count, try leaf.offset(of: 2 * index) == item {
            let offset = try leaf.offset(of: 2 * index + 1)
            if try leaf.byte(at: offset + 2) & TreeItem.deleted == 0 {
                return try takeTreeItem(leaf, offset)
            }
            index += 1
        }
        return false
    }

    /// Reads a value from the item of a leaf or of a page of duplicates.
    func takeTreeItem(_ page: DatabasePage, _ offset: Int) throws(BerkeleyDBFailure) -> Bool {
        switch try page.byte(at: offset + 2) & TreeItem.typeMask {
        case TreeItem.inPage:
            unsafe try page.append(at: offset + 3, count: Int(try page.half(at: offset)), to: &found)
            return true
        case TreeItem.overflow:
            try readValue(try page.word(at: offset + 4), length: try page.word(at: offset + 8))
            return true
        case TreeItem.duplicates:
            return try takeFirstDuplicate(root: try page.word(at: offset + 4))
        default: throw page.damage("a value is of no kind that there is")
        }
    }
}
