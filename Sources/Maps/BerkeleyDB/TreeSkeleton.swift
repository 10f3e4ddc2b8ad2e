// Checks that a B-tree can be descended, before the library does so: in a tree with a zeroed page (a hole that a crash or
// a full disk left) the library's search goes round in circles for ever. The check reads every page's header, so it is
// made for small files only; in a large one the deadline of the lookup ends the search.
//
// The layout is that of Berkeley DB's page.h: the meta page names the root; an inner page names its children; each
// level is one less than the one above, down to 1 for leaves.

import Files
import Glibc

/// The inner pages of a B-tree file.
struct TreeSkeleton: ~Copyable {
    /// The most pages that are examined: some tens of microseconds at each opening, whatever the map's size.
    private static let mostPages: UInt32 = 128
    private static let metaSize = 512
    private static let headerSize = 26
    private static let magic: UInt32 = 0x053162
    private static let innerPage: UInt8 = 3
    private static let leafPage: UInt8 = 5

    private let file: ReadableFile
    private let pageSize: Int
    private let lastPage: UInt32
    private let isBigEndian: Bool

    /// Checks a file, if it is a B-tree; it may be of either byte order.
    ///
    /// Every other kind of file is passed over, for the library to judge; so are files with checksums or encryption, in
    /// which it finds such damage by itself.
    ///
    /// - Throws: if a page of the tree is not what the page above it says, with the library's own code for that.
    static func check(_ path: String) throws(BerkeleyDBFailure) {
        do throws(FileError) {
            let file = try ReadableFile(path)
            var meta = [UInt8](repeating: 0, count: metaSize)
            guard try file.read(into: &meta, at: 0) == metaSize else { return }
            let magic = number(meta, 12, isBigEndian: false)
            guard magic == Self.magic || magic.byteSwapped == Self.magic else { return }
            let isBigEndian = magic != Self.magic
            let pageSize = Int(number(meta, 20, isBigEndian: isBigEndian))
            let (isEncrypted, hasChecksums) = (meta[24] != 0, meta[26] & 1 != 0)
            guard (512...65_536).contains(pageSize), !isEncrypted, !hasChecksums else { return }
            let lastPage = number(meta, 32, isBigEndian: isBigEndian)
            guard lastPage < mostPages else { return }
            let skeleton = TreeSkeleton(
                file: file, pageSize: pageSize, lastPage: lastPage, isBigEndian: isBigEndian)
            guard try skeleton.isSound(root: number(meta, 88, isBigEndian: isBigEndian)) else {
                throw FileError(operation: "check", path: path, code: 0)
            }
        } catch {
            if error.code != 0 { throw BerkeleyDBFailure(error) }
            throw BerkeleyDBFailure(
                code: EIO, text: "damaged: a page of the tree is missing or overwritten; compile the map again")
        }
    }

    private init(file: consuming ReadableFile, pageSize: Int, lastPage: UInt32, isBigEndian: Bool) {
        self.file = file
        self.pageSize = pageSize
        self.lastPage = lastPage
        self.isBigEndian = isBigEndian
    }

    private func isSound(root: UInt32) throws(FileError) -> Bool {
        var header = [UInt8](repeating: 0, count: Self.headerSize)
        guard let level = try level(of: root, &header), level > 0 else { return false }
        var waiting = level > 1 ? [(page: root, level: level)] : []
        // A page has one parent: whoever meets more pages than there are goes in circles.
        var remaining = Int(lastPage)
        var page = [UInt8](repeating: 0, count: pageSize)
        while let inner = waiting.popLast() {
            guard try read(inner.page, into: &page) else { return false }
            let count = Int(halfNumber(page, 20))
            guard count > 0, Self.headerSize + 2 * count <= pageSize, count <= remaining else { return false }
            remaining -= count
            for entry in 0..<count {
                let offset = Int(halfNumber(page, Self.headerSize + 2 * entry))
                guard offset + 8 <= pageSize else { return false }
                let child = Self.number(page, offset + 4, isBigEndian: isBigEndian)
                guard try self.level(of: child, &header) == inner.level - 1 else { return false }
                if inner.level > 2 { waiting.append((child, inner.level - 1)) }
            }
        }
        return true
    }

    /// The level that a page says it has; nil if it is no page of a tree, or not the page that was asked for.
    private func level(of page: UInt32, _ header: inout [UInt8]) throws(FileError) -> UInt8? {
        guard try read(page, into: &header), Self.number(header, 8, isBigEndian: isBigEndian) == page else {
            return nil
        }
        let (level, type) = (header[24], header[25])
        return type == (level == 1 ? Self.leafPage : Self.innerPage) ? level : nil
    }

    private func read(_ page: UInt32, into buffer: inout [UInt8]) throws(FileError) -> Bool {
        guard page > 0, page <= lastPage else { return false }
        return try file.read(into: &buffer, at: Int(page) * pageSize) == buffer.count
    }

    private func halfNumber(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        let number = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
        return isBigEndian ? number.byteSwapped : number
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, isBigEndian: Bool) -> UInt32 {
        let number = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        return isBigEndian ? number.byteSwapped : number
    }
}
