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

    /// Refuses to make region files on a disk that is too full for them.
    ///
    /// They are mapped: who touches a page of them that finds no room on the disk is killed, inside the environment.
    func checkRoom(for cacheSize: Int) throws(BerkeleyDBFailure) {
        let wanted = cacheSize + cacheSize / 2
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

    /// Has the disk keep room for region files that were just made, of which the library writes only parts.
    func takeRoom() {
        for name in (try? names()) ?? [] {
            let descriptor = unsafe open("\(home)/\(name)", O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            var status = stat()
            // Where it fails there was room a moment before; the map is checked for it again when it is changed.
            if unsafe fstat(descriptor, &status) == 0 { _ = posix_fallocate(descriptor, 0, status.st_size) }
            close(descriptor)
        }
    }

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
