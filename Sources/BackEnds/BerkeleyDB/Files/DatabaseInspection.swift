// The check of a whole file: every page that is in use, every link between pages, every key. What the library's own check
// (DB->verify) does is done here without trusting the file; damage that would kill the library is found before it.

import Glibc
import Maps

/// The check of one file.
struct DatabaseInspection {
    private let reader: DatabaseReader
    private var pages: PageCache { reader.pages }
    /// The leaf that was met last; inner pages do not name their neighbours.
    private var lastLeaf: DatabasePage?
    /// How many pages of the tree were met; each has one parent.
    private var met: UInt32 = 0

    /// Checks a file.
    ///
    /// - Throws: at the first thing that contradicts another.
    static func check(_ reader: DatabaseReader) throws(BerkeleyDBFailure) {
        var inspection = DatabaseInspection(reader: reader)
        switch reader.pages.header.method {
        case .tree(let root): try inspection.checkTree(root: root)
        case .hash(let table): try inspection.checkHash(table)
        }
        try OverflowOwners.check(reader.pages)
    }

    /// Checks a file that nobody writes to meanwhile, and that no environment's cache is ahead of.
    static func check(file path: String) throws(BerkeleyDBFailure) {
        let pages = try FilePages(path)
        let reader = try DatabaseReader(pages, cacheLimit: 16 << 20)
        try pages.isAsLongAsItSays(reader.pages.header)
        try check(reader)
    }

    private init(reader: DatabaseReader) { self.reader = reader }

    // MARK: Trees

    private mutating func checkTree(root number: UInt32) throws(BerkeleyDBFailure) {
        let root = try pages.page(number)
        guard root.previous == 0, root.next == 0 else {
            throw root.damage("it is named as the root of the tree, and is not")
        }
        try check(root, low: nil, high: nil)
        if let page = lastLeaf, page.next != 0 {
            throw page.damage("it is the last leaf, and names page \(page.next) after it")
        }
    }

    private mutating func check(
        _ page: DatabasePage, low: DatabaseReader.Bound?, high: DatabaseReader.Bound?
    ) throws(BerkeleyDBFailure) {
        met += 1
        guard met <= pages.header.lastPage else { throw page.damage("the pages of the tree go round in a circle") }
        switch page.kind {
        case PageKind.leaf: try checkLeaf(page, low: low, high: high)
        case PageKind.inner:
            for index in 0..<page.count {
                var (below, above) = (low, high)
                if index > 0 { below = DatabaseReader.Bound(page: page, index: index) }
                if index + 1 < page.count { above = DatabaseReader.Bound(page: page, index: index + 1) }
                let child = try pages.page(try page.word(at: try page.offset(of: index) + 4))
                guard child.level == page.level - 1 else {
                    throw child.damage("it is not the page that page \(page.number) names")
                }
                try check(child, low: below, high: above)
            }
        default: throw page.damage("it is no page of a tree")
        }
    }

    private mutating func checkLeaf(
        _ page: DatabasePage, low: DatabaseReader.Bound?, high: DatabaseReader.Bound?
    ) throws(BerkeleyDBFailure) {
        guard page.previous == lastLeaf?.number ?? 0, lastLeaf.map({ $0.next == page.number }) ?? true else {
            throw page.damage("it and the leaf before it do not name each other as neighbours")
        }
        lastLeaf = page
        guard page.count > 0 else { return }
        try reader.isBounded(page, low, high)
        for index in 0..<page.count {
            let offset = try page.offset(of: index)
            let type = try page.byte(at: offset + 2) & TreeItem.typeMask
            let number = type == TreeItem.inPage ? 0 : try page.word(at: offset + 4)
            if type == TreeItem.overflow { try checkChain(number, length: try page.word(at: offset + 8)) }
            if type == TreeItem.duplicates { try checkDuplicates(number) }
        }
    }

    // MARK: Hash tables

    private func checkHash(_ table: HashHeader) throws(BerkeleyDBFailure) {
        try reader.checkLastBucket(table)
        for bucket in 0...table.lastBucket {
            try reader.forEachPage(of: bucket, table) { page throws(BerkeleyDBFailure) in
                if page.count == 0, page.isUntouched { return try reader.mayBeUntouched(page, bucket, table) }
                try reader.belongs(page, to: bucket, table)
                for index in 0..<page.count {
                    let offset = try page.offset(of: index)
                    let type = try page.byte(at: offset)
                    if type == HashItem.overflow {
                        try checkChain(try page.word(at: offset + 4), length: try page.word(at: offset + 8))
                    }
                    if type == HashItem.duplicateTree { try checkDuplicates(try page.word(at: offset + 4)) }
                }
            }
        }
    }

    // MARK: Other pages

    private func checkChain(_ first: UInt32, length: UInt32) throws(BerkeleyDBFailure) {
        var bytes: [UInt8] = []
        try reader.readChain(first, length: length, into: &bytes)
    }

    private func checkDuplicates(_ root: UInt32) throws(BerkeleyDBFailure) {
        let page = try pages.page(root)
        let kinds = [
            PageKind.duplicates, PageKind.leafByNumber, PageKind.inner, PageKind.innerByNumber,
        ]
        guard kinds.contains(page.kind) else { throw page.damage("it is no page of values of one key") }
    }
}
