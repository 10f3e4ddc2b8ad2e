// The steps of a durable change: sync the file, rename it, sync the directory that holds the name.

import CLinux
import Glibc

/// Makes what was written to a file survive a crash of the machine.
///
/// - Throws: `FileError` when the file cannot be opened or synced.
public func syncFile(_ path: String) throws(FileError) {
    try syncing(path, flags: O_RDONLY | O_CLOEXEC)
}

/// Makes the names in a directory (created, renamed, removed) survive a crash of the machine.
///
/// - Throws: `FileError` when the directory cannot be opened or synced.
public func syncDirectory(_ path: String) throws(FileError) {
    try syncing(path, flags: O_RDONLY | O_CLOEXEC | O_DIRECTORY)
}

/// Puts a file in the place of another, at once: whoever opens the name gets the old file or the new one, whole.
///
/// - Throws: `FileError` when the rename fails; then both files are as they were.
public func renameFile(_ path: String, to target: String) throws(FileError) {
    guard unsafe rename(path, target) == 0 else {
        throw FileError(operation: "rename to \(target)", path: path, code: errno)
    }
}

/// Removes a file's name.
///
/// - Parameter missingIsFine: whether a file that is already gone counts as removed.
/// - Throws: `FileError` when the name cannot be removed.
public func removeFile(_ path: String, missingIsFine: Bool = false) throws(FileError) {
    guard unsafe unlink(path) == 0 || (missingIsFine && errno == ENOENT) else {
        throw FileError(operation: "unlink", path: path, code: errno)
    }
}

/// The directory part of a path: `.` where it has none.
public func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
}

/// The name of a path in its directory.
public func fileName(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
}

private func syncing(_ path: String, flags: Int32) throws(FileError) {
    let descriptor = unsafe open(path, flags)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: path, code: errno) }
}

// Takes a name for a new file, so that no other process can have taken the same one.

/// Creates an empty file.
///
/// - Parameter mode: the permission bits, before the umask.
/// - Throws: `FileError`, with EEXIST if the name exists, be it as a symbolic link.
public func createFile(_ path: String, mode: UInt32) throws(FileError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode & 0o7777))
    guard descriptor >= 0 else { throw FileError(operation: "create", path: path, code: errno) }
    close(descriptor)
}

// Fills a file that the caller has made.

/// Writes bytes to the end of an existing file.
///
/// - Throws: `FileError` when it cannot be opened or written.
public func writeContents(_ bytes: Span<UInt8>, to target: String) throws(FileError) {
    let output = unsafe open(target, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard output >= 0 else { throw FileError(operation: "open", path: target, code: errno) }
    defer { close(output) }
    try writeAll(bytes, to: output, target)
}

func writeAll(_ bytes: Span<UInt8>, to output: Int32, _ target: String) throws(FileError) {
    var done = 0
    while done < bytes.count {
        let written = unsafe bytes.withUnsafeBytes { bytes in
            // In bounds: done is smaller than the count.
            unsafe write(output, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done)
        }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else {
            throw FileError(operation: "write", path: target, code: written < 0 ? errno : EIO)
        }
        done += written
    }
}

/// Copies the contents of a file to the end of an existing one.
///
/// - Parameter progress: is called after each megabyte or less.
/// - Throws: `FileError` when either cannot be opened, the one read or the other written.
public func copyContents(
    of path: String, to target: String, progress: () -> Void = {}
) throws(FileError) {
    let input = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard input >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(input) }
    let output = unsafe open(target, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard output >= 0 else { throw FileError(operation: "open", path: target, code: errno) }
    defer { close(output) }
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(input, $0.baseAddress, $0.count) }
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { throw FileError(operation: "read", path: path, code: errno) }
        guard got > 0 else { return }
        try writeAll(chunk.span.extracting(0..<got), to: output, target)
        progress()
    }
}

/// Takes a file's contents away.
///
/// - Throws: `FileError` when the system refuses.
public func emptyFile(_ path: String) throws(FileError) {
    guard unsafe truncate(path, 0) == 0 else { throw FileError(operation: "truncate", path: path, code: errno) }
}

// Gives a file the owner and the mode it is meant to have.

/// Changes a file's owner or group.
///
/// - Parameters:
///   - owner: the user's number; nil leaves it.
///   - group: the group's number; nil leaves it.
/// - Throws: `FileError` when the system refuses.
public func changeOwner(of path: String, owner: UInt32?, group: UInt32?) throws(FileError) {
    // To chown, the largest number means: leave it.
    guard unsafe chown(path, owner ?? .max, group ?? .max) == 0 else {
        throw FileError(operation: "chown", path: path, code: errno)
    }
}

/// Changes a file's permission bits.
///
/// - Throws: `FileError` when the system refuses.
public func changeMode(of path: String, to mode: UInt32) throws(FileError) {
    guard unsafe chmod(path, mode & 0o7777) == 0 else {
        throw FileError(operation: "chmod", path: path, code: errno)
    }
}

// How much room a file has to grow in: on its file system, and under the limit on file sizes.

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
