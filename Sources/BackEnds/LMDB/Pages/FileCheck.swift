// Checks all of a file: every tree in it, and the lists of pages that nobody uses. The library trusts them all, and what is
// free in its lists is written over.

import Glibc
import Maps

/// Checks a whole file.
@safe
enum FileCheck {
    /// Checks the state that was committed last.
    ///
    /// - Returns: whether the check was of one state; if not, writers were faster.
    static func check(_ file: MapFile) throws(LMDBFailure) -> Bool {
        try file.attempt { () throws(LMDBFailure) -> Void in
            let pages = PageSet()
            let meta = file.snapshot.meta
            try TreeWalk.count(of: file, meta.main, pages)
            for tree in try databases(file, meta.main) where tree.refusal == nil {
                try TreeWalk.count(of: file, tree, pages)
            }
            try TreeWalk.count(of: file, meta.free, pages)
            try TreeWalk.forEachNode(of: file, meta.free) { (node) throws(LMDBFailure) in
                unsafe try checkList(unsafe try file.value(of: node, in: meta.free), meta, pages)
            }
        } != nil
    }

    private static func databases(_ file: MapFile, _ main: TreeRecord) throws(LMDBFailure) -> [TreeRecord] {
        var found: [TreeRecord] = []
        try TreeWalk.forEachNode(of: file, main) { node throws(LMDBFailure) in
            guard node.flags == TreeNode.Flag.subdata else { return }
            guard node.low == UInt32(TreeRecord.size) else {
                throw .damage(page: 0, "a named database without a record")
            }
            found.append(unsafe TreeRecord(node.data))
        }
        return found
    }

    /// A list of free pages: how many they are, and their numbers.
    private static func checkList(
        _ bytes: UnsafeRawBufferPointer, _ meta: MetaPage, _ pages: PageSet
    ) throws(LMDBFailure) {
        let room = bytes.count / 8
        guard room > 0, unsafe bytes.loadUnaligned(as: UInt64.self) < UInt64(room) else {
            throw .damage(page: 0, "a list of free pages is longer than its room")
        }
        let count = unsafe Int(truncatingIfNeeded: bytes.loadUnaligned(as: UInt64.self))
        for index in 0..<count {
            let number = unsafe bytes.loadUnaligned(fromByteOffset: 8 * index + 8, as: UInt64.self)
            guard number > 1, number <= meta.lastPage else {
                throw .damage(page: number, "it is in the list of free pages, and there is no such page")
            }
            try pages.add(number)
        }
    }
}
