// Takes a name for a new file, so that no other process can have taken the same one.

import Glibc

/// Creates an empty file.
///
/// - Parameter mode: the permission bits, before the umask.
/// - Throws: `FileError`, with EEXIST if the name exists, be it as a symbolic link.
public func createFile(_ path: String, mode: UInt32) throws(FileError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode & 0o7777))
    guard descriptor >= 0 else { throw FileError(operation: "create", path: path, code: errno) }
    close(descriptor)
}
