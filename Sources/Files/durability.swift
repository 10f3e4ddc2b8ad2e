// The steps of a durable change: sync the file, rename it, sync the directory that holds the name.

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

private func syncing(_ path: String, flags: Int32) throws(FileError) {
    let descriptor = unsafe open(path, flags)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: path, code: errno) }
}
