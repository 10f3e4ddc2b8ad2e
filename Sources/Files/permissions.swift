// Gives a file the owner and the mode it is meant to have.

import Glibc

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
