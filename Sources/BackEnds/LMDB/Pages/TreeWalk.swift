// Goes through the leaves of a tree in the order of their keys: to read all entries, and to check the whole file.

import Glibc
import Maps

/// A way through a tree, from a key on.
@safe
struct TreeWalk {
    private let file: MapFile
    private let tree: TreeRecord

    private init(_ file: MapFile, _ tree: TreeRecord) {
        self.file = file
        self.tree = tree
    }

    /// What was counted.
    struct Counts {
        var branchPages: UInt64 = 0, leafPages: UInt64 = 0, overflowPages: UInt64 = 0
        /// Keys, and values of keys that have several.
        var keys: UInt64 = 0
        /// Whether some key has more than one value, which are not counted.
        var hasDuplicates = false
    }

    /// An entry as it is stored.
    typealias Entry = (key: [UInt8], value: [UInt8])

    /// Copies entries from the state of a file that `reading` reads.
    ///
    /// - Parameters:
    ///   - last: the key behind which the entries begin; nil for the first of all.
    ///   - limit: no more than so many are read.
    static func entries(of file: MapFile, after last: [UInt8]?, limit: Int) throws(LMDBFailure) -> [Entry] {
        let walk = TreeWalk(file, file.snapshot.tree)
        var found: [Entry] = []
        guard walk.tree.root != TreeRecord.noPage else { return [] }
        _ = try walk.visit(walk.tree.root, 0, .none, after: last) { (_, node) throws(LMDBFailure) in
            let value = unsafe try file.value(of: node, in: walk.tree)
            found.append(unsafe (Array(node.key), Array(value)))
            return found.count < limit
        }
        return found
    }

    /// Goes through the nodes of a tree's leaves.
    static func forEachNode(
        of file: MapFile, _ tree: TreeRecord, _ body: (TreeNode) throws(LMDBFailure) -> Void
    ) throws(LMDBFailure) {
        guard tree.root != TreeRecord.noPage else { return }
        _ = try TreeWalk(file, tree).visit(tree.root, 0, .none, after: nil) { (_, node) throws(LMDBFailure) in
            try body(node)
            return true
        }
    }

    /// Checks every page of the tree that lookups use, and that there are as many as the file says.
    @discardableResult
    static func count(of file: MapFile) throws(LMDBFailure) -> Counts {
        try count(of: file, file.snapshot.tree, PageSet())
    }

    /// Checks every page of a tree, and that there are as many as the file says.
    ///
    /// - Parameter pages: takes note of the pages; none may be there twice.
    @discardableResult
    static func count(of file: MapFile, _ tree: TreeRecord, _ pages: PageSet) throws(LMDBFailure) -> Counts {
        var counts = Counts()
        guard tree.root != TreeRecord.noPage else { return counts }
        let walk = TreeWalk(file, tree)
        _ = try walk.visit(tree.root, 0, .none, after: nil) { page throws(LMDBFailure) in
            if page.isLeaf { counts.leafPages += 1 } else { counts.branchPages += 1 }
            try pages.add(page.number)
        } entry: { (_, node) throws(LMDBFailure) in
            counts.keys += 1
            if node.flags & TreeNode.Flag.duplicates != 0 { counts.hasDuplicates = true }
            if node.flags & TreeNode.Flag.bigData != 0 {
                let own = try file.longValuePages(of: node)
                counts.overflowPages += UInt64(own.count)
                for number in own { try pages.add(number) }
            }
            return true
        }
        guard counts.branchPages == tree.branchPages, counts.leafPages == tree.leafPages,
            counts.overflowPages == tree.overflowPages, counts.hasDuplicates || counts.keys == tree.entries
        else {
            throw .damage(
                page: tree.root,
                "\(counts.keys) entries on \(counts.branchPages), \(counts.leafPages) and \(counts.overflowPages) pages"
                    + " (branch, leaf, long value) were found, and \(tree.entries) on \(tree.branchPages),"
                    + " \(tree.leafPages) and \(tree.overflowPages) should be there")
        }
        return counts
    }

    /// - Returns: whether more is wanted.
    private func visit(
        _ number: UInt64, _ level: Int, _ bounds: KeyBounds, after last: [UInt8]?,
        page seen: (TreePage) throws(LMDBFailure) -> Void = { _ in },
        entry: (Int, TreeNode) throws(LMDBFailure) -> Bool
    ) throws(LMDBFailure) -> Bool {
        let page = try file.page(number, level, of: tree, bounds)
        try seen(page)
        // As far as the whole page is behind the last key.
        var index = 0
        if let last {
            try unsafe last.span.withUnsafeBytes { last throws(LMDBFailure) in
                while index < page.count {
                    // The first node of a branch is before everything.
                    if page.isLeaf || index > 0 {
                        let order = unsafe try compareKeys(page.node(index).key, last)
                        if order > 0 { break }
                    }
                    index += 1
                }
            }
            if !page.isLeaf { index = max(index - 1, 0) }
        }
        let start = index
        while index < page.count {
            let node = try page.node(index)
            if page.isLeaf {
                guard try entry(index, node) else { return false }
            } else {
                var inner = bounds
                if index > 0 { unsafe inner.low = unsafe node.key }
                if index + 1 < page.count { unsafe inner.high = unsafe try page.node(index + 1).key }
                let goesOn = try visit(
                    node.child, level + 1, inner, after: index == start ? last : nil, page: seen, entry: entry)
                guard goesOn else { return false }
            }
            index += 1
        }
        return true
    }
}

/// The pages that were seen, so that one which is used twice is noticed.
final class PageSet {
    private var seen: Set<UInt64> = []

    /// Adds a page.
    func add(_ number: UInt64) throws(LMDBFailure) {
        guard seen.insert(number).inserted else { throw .damage(page: number, "it is used twice") }
    }

    /// Whether a page was added.
    func contains(_ number: UInt64) -> Bool { seen.contains(number) }
}

/// A key or a value without the NUL that ends it.
func withoutNUL(_ bytes: [UInt8]) -> [UInt8] { bytes.last == 0 ? Array(bytes.dropLast()) : bytes }
