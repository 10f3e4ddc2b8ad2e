// A state of a file that is read while others may write to it, without a lock and without a place in their table of readers.
//
// A writer never changes a page that belongs to the state before its own or to the one before that: only what was freed two
// transactions before is used again (`mdb_find_oldest` without readers answers the transaction before the writer's own). So
// what was read of state N is of state N, if no state after N+1 is committed when the reading is done. If one is, all is read
// again. That holds beside writers with MDB_NOLOCK as well, such as postmap; nobody waits for a reader, and none can keep
// pages from being used again.

import Glibc
import System

/// The state of a file that was committed last.
struct Snapshot {
    let meta: MetaPage
    /// The tree that is looked into.
    var tree: TreeRecord
    /// The numbers of the transactions that the two meta pages had.
    let transactions: (UInt64, UInt64)
}

extension FileMapping {
    /// The numbers of the transactions that wrote the two meta pages.
    @inline(__always)
    func transactions(pageSize: Int) -> (UInt64, UInt64) {
        (
            number(at: MetaPage.transactionOffset), number(at: pageSize + MetaPage.transactionOffset)
        )
    }

    /// The size of the file's pages.
    ///
    /// - Throws: for what is no file of LMDB, or one that ends before its first pages do.
    func pageSize() throws(LMDBFailure) -> Int {
        guard let size, size >= MetaPage.size else {
            throw .refusal("no file of LMDB: it ends before its first page; make it anew with newdb or db load")
        }
        return try unsafe MetaPage(start(at: 0), number: 0).pageSize
    }

    /// The state that was committed last.
    ///
    /// - Returns: nil where the file has become larger than the mapping has room for.
    func snapshot(pageSize: Int) throws(LMDBFailure) -> Snapshot? {
        guard let size else { return nil }
        // Two pages, and of each all that it says.
        guard size >= pageSize + MetaPage.size else {
            throw .damage(page: 1, "the file ends before it, after \(size) bytes")
        }
        for _ in 0..<Self.mostAttempts {
            let before = transactions(pageSize: pageSize)
            // Both are read: the other one tells whether this is the newest, and both must be right.
            let (first, second) = (
                Result { () throws(LMDBFailure) in unsafe try MetaPage(start(at: 0), number: 0) },
                Result { () throws(LMDBFailure) in unsafe try MetaPage(start(at: pageSize), number: 1) }
            )
            // What a writer is changing at this moment counts for nothing.
            guard transactions(pageSize: pageSize) == before else { continue }
            let (even, odd) = (try first.get(), try second.get())
            let (newest, other) = even.transaction >= odd.transaction ? (even, odd) : (odd, even)
            try Self.check(newest, other, pageSize: pageSize)
            guard let size = self.size else { return nil }
            guard newest.lastPage < UInt64(size / pageSize) else {
                throw .damage(
                    page: newest.lastPage,
                    "the file was cut short: it has \(size / pageSize) pages of the \(newest.lastPage) that it should have"
                )
            }
            return Snapshot(meta: newest, tree: newest.main, transactions: before)
        }
        throw LMDBFailure(code: EAGAIN, text: "is changed faster than it can be read; try again")
    }

    /// So many times a state is read anew that is not the last one any more when it was read.
    static let mostAttempts = 1000

    private static func check(_ newest: MetaPage, _ other: MetaPage, pageSize: Int) throws(LMDBFailure) {
        let number = newest.transaction & 1
        guard newest.pageSize == pageSize, other.pageSize == pageSize else {
            throw .damage(page: number, "the two first pages differ about the size of pages")
        }
        // Transactions follow one another; only to a file that was just made they may come from further on, because a lock file
        // counts them, and belongs to the path.
        guard newest.transaction - other.transaction <= 1 || other.transaction <= 1 else {
            throw .damage(
                page: number,
                "transactions \(newest.transaction) and \(other.transaction) cannot both be the last ones")
        }
        guard newest.lastPage >= 1, newest.lastPage < 1 << 47 else {
            throw .damage(page: number, "it says that page \(newest.lastPage) is the last one")
        }
    }
}
