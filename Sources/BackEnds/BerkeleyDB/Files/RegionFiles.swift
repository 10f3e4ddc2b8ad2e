// The files of a Berkeley DB environment, `__db.001` and its like: shared memory in which locks and cached pages live.
// The maps' contents are not in them, but for changes that were not written out.

import CBerkeleyDB
import Glibc
import Maps
import System

/// The region files in an environment's directory.
struct RegionFiles {
    /// The environment's directory.
    let home: String

    /// The first of them: it tells one life of an environment from the next.
    var first: String { home + "/__db.001" }

    /// Whether there is certainly none: nobody has the environment open, and the files of its maps are whole by themselves.
    var isMissing: Bool { FileIdentity.isMissing(at: first) }

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

    /// Refuses to make region files on a disk that is too full for them.
    ///
    /// They are mapped: who touches a page of them that finds no room on the disk is killed, inside the environment.
    func checkRoom(for cacheSize: Int) throws(BerkeleyDBFailure) {
        let wanted = cacheSize + cacheSize / 4 + 3 * Self.growth
        // There the administrator says how large they are.
        if (try? FileIdentity(path: home + "/DB_CONFIG")) != nil { return }
        do {
            guard try freeSpace(at: first) < wanted else { return }
        } catch {
            // Why it cannot be examined the library says as well.
            return
        }
        throw BerkeleyDBFailure(
            code: ENOSPC,
            text: "No space left on device: the environment \(home) needs \(wanted >> 20) MiB for its cache; make room "
                + "there")
    }

    /// Has the disk keep room for all that the region files may grow to.
    ///
    /// The library lengthens them as pages are read, with holes, and is killed by the first touch of a hole for which the
    /// disk has no room, with the locks that it holds. What was kept once is kept: doing it again needs no room.
    ///
    /// - Throws: where there is no room, so that nobody goes on inside the environment.
    func takeRoom(in environment: UnsafeMutablePointer<DB_ENV>) throws(BerkeleyDBFailure) {
        var (gigabytes, bytes, caches) = (UInt32(0), UInt32(0), Int32(0))
        _ = unsafe environment.pointee.get_cachesize(environment, &gigabytes, &bytes, &caches)
        let cache = (Int(gigabytes) << 30 + Int(bytes)) / max(Int(caches), 1)
        let regions: [String]
        do {
            regions = try names()
        } catch {
            throw BerkeleyDBFailure(error)
        }
        for name in regions {
            // The first two are the environment's own and the locks'; the caches follow, which get a quarter more.
            let isCache = name != "__db.001" && name != "__db.002"
            try takeRoom(for: "\(home)/\(name)", growingTo: isCache ? cache + cache / 4 + Self.growth : 0)
        }
    }

    private func takeRoom(for path: String, growingTo most: Int) throws(BerkeleyDBFailure) {
        guard let size = (try? FileIdentity(path: path))?.size else { return }
        let wanted = max(Int(size) + Self.growth, most)
        do {
            try keepRoom(for: path, bytes: wanted)
        } catch {
            guard error.code == ENOSPC || error.code == EDQUOT else { return }
            throw BerkeleyDBFailure(
                code: error.code,
                text:
                    "No space left on device: \(path) may grow to \(wanted >> 20) MiB, and who finds no room for that is"
                    + " killed inside the environment; make room there")
        }
    }

    /// So much is kept for a region that grows little, in bytes.
    private static let growth = 1 << 20

    /// Why the environment could not be joined, and what to do.
    ///
    /// - Parameters:
    ///   - code: what the library answered.
    ///   - messages: what it said.
    func failure(joining code: Int32, _ messages: LibraryMessages) -> BerkeleyDBFailure {
        switch code {
        case ENOENT where (try? FileIdentity(path: home)) == nil: missingDirectory
        case ENOENT:
            BerkeleyDBFailure(code: code, text: "the environment \(home) does not exist yet", remedy: .make)
        case EINVAL:
            BerkeleyDBFailure(
                code: code,
                text: "the environment \(home) cannot be joined: made for another use, or damaged"
                    + (messages.first.map { "; Berkeley DB says: \($0)" } ?? ""), remedy: .replace)
        default: BerkeleyDBFailure(code: code, messages: messages, subject: "environment \(home): ")
        }
    }

    /// The failure of an environment that has no directory.
    var missingDirectory: BerkeleyDBFailure {
        BerkeleyDBFailure(
            code: ENOENT,
            text: "the environment's directory \(home) does not exist; make it (mkdir), so that all users of the "
                + "environment may write there, or correct envhome")
    }

    static func isRegionFile(_ name: String) -> Bool {
        name.hasPrefix("__db.") && name.count > 5 && name.dropFirst(5).allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// How the first region file of a finished environment begins, in the machine's byte order.
    private static let magic: UInt32 = 0x120897
    /// No region is smaller than one page of memory.
    private static let smallestRegion = 4096
}
