// The files of a Berkeley DB environment, `__db.001` and its like: shared memory in which locks and cached pages live.
// The maps' contents are not in them, but for changes that were not written out.

import Files
import Glibc

/// The region files in an environment's directory.
struct RegionFiles {
    /// The environment's directory.
    let home: String

    /// The first of them: it tells one life of an environment from the next.
    var first: String { home + "/__db.001" }

    /// The names of those that exist.
    func names() throws(FileError) -> [String] {
        try fileNames(in: home).filter(Self.isRegionFile).sorted()
    }

    /// Removes them all, the first one last, so that nobody joins what is half gone.
    ///
    /// - Returns: how many there were.
    func remove() throws(FileError) -> Int {
        let names = try names()
        for name in names.reversed() { try removeFile("\(home)/\(name)", missingIsFine: true) }
        if !names.isEmpty { try syncDirectory(home) }
        return names.count
    }

    /// Refuses a first region file in the face of which the library waits for ever for its creator to finish: an empty
    /// one, and one without the header that a finished one has.
    func check() throws(BerkeleyDBFailure) {
        let head: [UInt8]
        do {
            head = try readHead(of: first, count: Self.smallestRegion)
        } catch  where error.isMissing {
            return
        } catch {
            throw BerkeleyDBFailure(error)
        }
        let magic = unsafe withUnsafeBytes(of: Self.magic) { unsafe Array($0) }
        guard head.count == Self.smallestRegion, head.starts(with: magic) else {
            throw BerkeleyDBFailure(
                code: EINVAL,
                text: "\(first) is \(head.isEmpty ? "empty" : "damaged"): its creator is not ready, or died; if it "
                    + "stays so, run `zroute db recover --env \(home)`")
        }
    }

    static func isRegionFile(_ name: String) -> Bool {
        name.hasPrefix("__db.") && name.count > 5 && name.dropFirst(5).allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// How the first region file of a finished environment begins, in the machine's byte order.
    private static let magic: UInt32 = 0x120897
    /// No region is smaller than one page of memory.
    private static let smallestRegion = 4096
}
