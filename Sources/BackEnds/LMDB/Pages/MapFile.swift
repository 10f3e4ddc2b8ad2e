// A file of LMDB as a reader uses it: the state that was committed last, its pages, and which of them were checked.

import Glibc
import Maps
import System

/// An open file; it belongs to one worker.
@safe
final class MapFile {
    /// The file itself.
    let mapping: FileMapping
    let pageSize: Int
    /// The database in the file; nil for the one without a name.
    private let database: [UInt8]?
    /// Whether keys of the tree without a name may be names of databases.
    private let allowsDatabases: Bool
    private(set) var snapshot: Snapshot
    /// A bit for each page that was found to be right in this state.
    let checkedPages = CheckedPages()
    /// Whether writers were faster than the last attempts: then a page is not checked as a whole, but still nothing is used of it
    /// that was not compared.
    private var isHurried = false
    /// Whether the first key has a NUL behind it; of a key that is there with and without one, that form counts.
    private(set) var endsKeysWithNUL = true

    /// The largest file that is checked as a whole when it is opened: that takes less than a millisecond.
    private static let mostPagesToCheck: UInt64 = 128

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - database: the name of the database in it; nil for the one without a name.
    ///   - allowsDatabases: whether the one without a name may have the names of others.
    init(path: String, database: [UInt8]?, allowsDatabases: Bool = false) throws(LMDBFailure) {
        mapping = try FileMapping(path: path)
        pageSize = try mapping.pageSize()
        self.database = database
        self.allowsDatabases = allowsDatabases || database != nil
        guard let first = try mapping.snapshot(pageSize: pageSize) else { throw Self.outgrown }
        snapshot = first
        if try !settle() { try reading { () throws(LMDBFailure) in } }
        if snapshot.meta.lastPage < Self.mostPagesToCheck {
            // Beside a writer that is faster than this, pages are checked as they are read, like those of larger files.
            for _ in 0..<3 {
                if try attempt({ () throws(LMDBFailure) in try TreeWalk.count(of: self) }) != nil { break }
            }
        }
    }

    /// The file has become too large for its mapping, and has to be opened anew.
    static let outgrown = LMDBFailure(code: ERANGE, text: "has grown too much while it was open; try again")

    /// Reads something of the state that was committed last, again and again until it is of one state.
    ///
    /// - Parameter body: may be called many times.
    @inline(__always)
    func reading<Answer>(_ body: () throws(LMDBFailure) -> Answer) throws(LMDBFailure) -> Answer {
        for number in 0..<FileMapping.mostAttempts {
            if let answer = try attempt(body) {
                isHurried = false
                return answer
            }
            isHurried = number > 4
        }
        isHurried = false
        throw LMDBFailure(code: EAGAIN, text: "is changed faster than it can be read; try again")
    }

    /// Reads something of the state that was committed last.
    ///
    /// - Returns: nil where what was read is not of one state: writers were faster.
    @inline(__always)
    func attempt<Answer>(_ body: () throws(LMDBFailure) -> Answer) throws(LMDBFailure) -> Answer? {
        if mapping.transactions(pageSize: pageSize) != snapshot.transactions, try !renew() { return nil }
        do throws(LMDBFailure) {
            let answer = try body()
            if isIntact { return answer }
        } catch {
            if isIntact { throw error }
        }
        if mapping.isTorn { throw Self.torn }
        return nil
    }

    /// Makes sure that the file was not cut short in the middle of a page: what is gone of that reads as zeros.
    func checkSize() throws(LMDBFailure) {
        let last = snapshot.meta.lastPage
        if let size = mapping.size, UInt64(size / pageSize) <= last {
            throw .damage(page: last, "the file was cut short, to \(size) bytes")
        }
    }

    /// The state from which a transaction of the library goes on, which others cannot change meanwhile.
    func state(ofTransactionBefore transaction: UInt64) throws(LMDBFailure) -> MetaPage {
        let number = (transaction &- 1) & 1
        return unsafe try MetaPage(mapping.start(at: Int(number) * pageSize), number: number)
    }

    private static let torn = LMDBFailure(
        code: EIO, text: "the file was cut short while it was read; put a whole one in its place by a rename")

    /// Whether all pages still are what they were when the state was the last one.
    @inline(__always)
    private var isIntact: Bool {
        let now = mapping.transactions(pageSize: pageSize)
        return (now == snapshot.transactions || max(now.0, now.1) <= snapshot.meta.transaction &+ 1)
            && !mapping.isTorn
    }

    /// The numbers of the transactions that the two meta pages have now.
    var presentTransactions: (UInt64, UInt64) { mapping.transactions(pageSize: pageSize) }

    /// Takes note of nothing that was known: the file may have been written over.
    func forget() { checkedPages.removeAll() }

    /// Turns to the state that was committed last.
    ///
    /// - Returns: false if that is not the last one any more.
    @inline(never)
    private func renew() throws(LMDBFailure) -> Bool {
        guard let next = try mapping.snapshot(pageSize: pageSize) else { throw Self.outgrown }
        snapshot = next
        checkedPages.removeAll()
        return try settle()
    }

    /// Finds the tree that is looked into, and what its keys look like.
    private func settle() throws(LMDBFailure) -> Bool {
        do throws(LMDBFailure) {
            try readTree()
            if isIntact { return true }
        } catch {
            if isIntact { throw error }
        }
        if mapping.isTorn { throw Self.torn }
        return false
    }

    private func readTree() throws(LMDBFailure) {
        let main = snapshot.meta.main
        try Self.check(main)
        if let database { snapshot.tree = try tree(named: database, in: main) }
        if isHurried { return }
        // The first key tells what the others look like, and is the name of a database where there are named ones.
        let first = try firstLeaf(of: snapshot.tree)
        endsKeysWithNUL = try first.map { (page) throws(LMDBFailure) in unsafe try page.node(0).key.last == 0 } ?? true
    }

    private static func check(_ tree: TreeRecord) throws(LMDBFailure) {
        if let refusal = tree.refusal { throw .refusal(refusal) }
        guard (tree.root == TreeRecord.noPage) == (tree.depth == 0), tree.depth <= Self.mostLevels else {
            throw .damage(page: 0, "a tree of \(tree.depth) levels that begins at page \(tree.root)")
        }
        guard tree.root != TreeRecord.noPage || tree.entries == 0 else {
            throw .damage(page: 0, "a tree of \(tree.entries) entries and no pages")
        }
    }

    /// As many levels as the library itself goes down.
    private static let mostLevels = 32

    private func tree(named name: [UInt8], in main: TreeRecord) throws(LMDBFailure) -> TreeRecord {
        let node = try unsafe name.span.withUnsafeBytes { name throws(LMDBFailure) in
            unsafe try self.node(of: Probe(key: name, hasNUL: false), in: main).node
        }
        let text = String(decoding: name, as: UTF8.self)
        guard let node else {
            throw LMDBFailure(
                code: ENOENT, text: "it has no database '\(text)'; name another with -D, or let its program make it")
        }
        guard node.flags == TreeNode.Flag.subdata, node.low == UInt32(TreeRecord.size) else {
            throw .refusal("'\(text)' is a key of it and no database; leave out -D")
        }
        let tree = unsafe TreeRecord(node.data)
        try Self.check(tree)
        return tree
    }

    // MARK: Pages

    /// A page of a tree.
    ///
    /// - Parameters:
    ///   - level: how many pages above it lead to it.
    ///   - bounds: what they say of its keys.
    @inline(__always)
    func page(
        _ number: UInt64, _ level: Int, of tree: TreeRecord, _ bounds: KeyBounds
    ) throws(LMDBFailure) -> TreePage {
        guard number > 1, number <= snapshot.meta.lastPage else {
            throw .damage(page: number, "there is no such page in a file of \(snapshot.meta.lastPage) pages")
        }
        let index = Int(truncatingIfNeeded: number)
        let flags = level + 1 == tree.depth ? PageFlag.leaf : PageFlag.branch
        let page = unsafe try TreePage(
            mapping.start(at: index * pageSize), size: pageSize, number: number, flags: flags)
        if checkedPages.contains(index) { return page }
        if isHurried { return page }
        try page.check(tree, bounds, lastPage: snapshot.meta.lastPage, allowsDatabases: allowsDatabases)
        checkedPages.add(index, last: Int(truncatingIfNeeded: snapshot.meta.lastPage))
        return page
    }

    /// The first leaf of a tree; nil for one without entries.
    func firstLeaf(of tree: TreeRecord) throws(LMDBFailure) -> TreePage? {
        guard tree.root != TreeRecord.noPage else { return nil }
        var number = tree.root
        var bounds = KeyBounds.none
        for level in 0..<tree.depth {
            let page = try page(number, level, of: tree, bounds)
            if page.isLeaf { return page }
            number = try page.node(0).child
            if page.count > 1 { unsafe bounds.high = unsafe try page.node(1).key }
        }
        throw .damage(page: number, "no leaf where one should be")
    }

    /// The bytes of a value.
    ///
    /// - Parameter node: of a leaf of the tree.
    func value(of node: TreeNode, in tree: TreeRecord) throws(LMDBFailure) -> UnsafeRawBufferPointer {
        if node.flags & TreeNode.Flag.duplicates != 0 { return unsafe try firstDuplicate(of: node) }
        guard node.flags & TreeNode.Flag.bigData != 0 else {
            return unsafe UnsafeRawBufferPointer(start: node.data, count: Int(node.low))
        }
        let pages = try longValuePages(of: node)
        let start = unsafe mapping.start(at: Int(truncatingIfNeeded: pages.lowerBound) * pageSize)
        return unsafe UnsafeRawBufferPointer(start: start + TreePage.headerSize, count: Int(node.low))
    }

    /// The pages of a value that does not lie on its leaf; there may be more than it needs, where it was longer before.
    func longValuePages(of node: TreeNode) throws(LMDBFailure) -> Range<UInt64> {
        let number = unsafe node.data.loadUnaligned(as: UInt64.self)
        let needed = UInt64((TreePage.headerSize - 1 + Int(node.low)) / pageSize + 1)
        guard number > 1, number <= snapshot.meta.lastPage else {
            throw .damage(page: number, "a long value should be there, and there is no such page")
        }
        let start = unsafe mapping.start(at: Int(truncatingIfNeeded: number) * pageSize)
        let count = UInt64(unsafe start.load(fromByteOffset: 12, as: UInt32.self))
        guard unsafe start.load(as: UInt64.self) == number,
            unsafe start.load(fromByteOffset: 10, as: UInt16.self) & PageFlag.kinds == PageFlag.overflow,
            count >= needed, count <= snapshot.meta.lastPage - number + 1
        else { throw .damage(page: number, "not the pages of a value of \(node.low) bytes that should be there") }
        return number..<number + count
    }

    /// The first of several values, as the library's own lookup gives it.
    private func firstDuplicate(of node: TreeNode) throws(LMDBFailure) -> UnsafeRawBufferPointer {
        if node.flags & TreeNode.Flag.subdata != 0 {
            guard node.low == UInt32(TreeRecord.size) else { throw .damage(page: 0, "several values without a record") }
            let tree = unsafe TreeRecord(node.data)
            try Self.check(tree)
            guard let leaf = try firstLeaf(of: tree) else { throw .damage(page: tree.root, "a key without values") }
            return unsafe try leaf.node(0).key
        }
        // A page within the page.
        let size = Int(node.low)
        guard size > TreePage.headerSize, size < pageSize,
            unsafe node.data.loadUnaligned(fromByteOffset: 10, as: UInt16.self) & PageFlag.kinds
                == PageFlag.leaf | PageFlag.subpage
        else { throw .damage(page: 0, "several values on no page") }
        let offset = unsafe Int(node.data.loadUnaligned(fromByteOffset: TreePage.headerSize, as: UInt16.self))
        guard offset >= TreePage.headerSize, offset <= size - TreeNode.headerSize else {
            throw .damage(page: 0, "the first of several values does not lie on its page")
        }
        let count = unsafe Int(node.data.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
        guard offset + TreeNode.headerSize + count <= size else {
            throw .damage(page: 0, "the first of several values does not lie on its page")
        }
        return unsafe UnsafeRawBufferPointer(start: node.data + offset + TreeNode.headerSize, count: count)
    }
}

/// Which pages of a state were found to be right: a bit for each.
@safe
final class CheckedPages {
    private var words: UnsafeMutableBufferPointer<UInt64>

    init() { unsafe words = .allocate(capacity: 0) }

    deinit { unsafe words.deallocate() }

    /// Whether a page was.
    @inline(__always)
    func contains(_ index: Int) -> Bool {
        let word = index >> 6
        // In its bounds; below 0 is none.
        guard word >= 0, unsafe word < words.count else { return false }
        return unsafe words[word] & (1 << UInt64(index & 63)) != 0
    }

    /// Takes note of a page.
    ///
    /// - Parameter last: the last page of the state.
    @inline(never)
    func add(_ index: Int, last: Int) {
        if unsafe words.isEmpty {
            unsafe words.deallocate()
            unsafe words = .allocate(capacity: (last >> 6) + 1)
            unsafe words.initialize(repeating: 0)
        }
        let word = index >> 6
        guard word >= 0, unsafe word < words.count else { return }
        unsafe words[word] |= 1 << UInt64(index & 63)
    }

    /// Forgets all of them.
    func removeAll() {
        guard unsafe !words.isEmpty else { return }
        unsafe words.deallocate()
        unsafe words = .allocate(capacity: 0)
    }
}
