// How much room a file has to grow in: on its file system, and under the limit on file sizes.

import CLinux
import Glibc

/// The bytes by which a file can still grow; `Int.max` where the file system does not tell.
///
/// - Parameter path: the file; where it does not exist, its directory counts.
/// - Throws: `FileError` when neither can be examined.
public func freeSpace(at path: String) throws(FileError) -> Int {
    var size = 0
    var place = path
    do {
        size = Int(try FileIdentity(path: path).size)
    } catch {
        guard error.isMissing else { throw error }
        place = directory(of: path)
    }
    var status = statvfs()
    guard unsafe statvfs(place, &status) == 0 else {
        throw FileError(operation: "statvfs", path: place, code: errno)
    }
    // The last blocks are for the superuser alone.
    let blocks = geteuid() == 0 ? status.f_bfree : status.f_bavail
    let (bytes, isOverflow) = UInt64(blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    // Some file systems have no number of blocks at all.
    let room = status.f_blocks == 0 || isOverflow ? Int.max : Int(clamping: bytes)
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return room }
    return min(room, max(Int(clamping: limit.rlim_cur) - size, 0))
}

/// Has the disk keep room for a file that will grow: whoever lengthens it later meets no full disk.
///
/// The file keeps its size and contents. What was kept once is kept, and asking again needs no room. A file system that has
/// no such call gives no help, and no error.
///
/// - Parameter bytes: how long the file may become.
/// - Throws: `FileError` where there is no room, or the file cannot be opened.
public func keepRoom(for path: String, bytes: Int) throws(FileError) {
    let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    // FALLOC_FL_KEEP_SIZE of fallocate(2).
    let keepsSize: Int32 = 1
    guard fallocate(descriptor, keepsSize, 0, bytes) != 0, errno == ENOSPC || errno == EDQUOT else { return }
    throw FileError(operation: "keep room for", path: path, code: errno)
}
