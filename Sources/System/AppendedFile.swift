// A file that only grows at its end, by whole pieces: what could not be written whole is taken back.

import Glibc

/// A file open for appending; closed when the value goes.
package struct AppendedFile: ~Copyable, Sendable {
    /// What messages call it.
    package let path: String
    /// How many bytes it has.
    package private(set) var size: Int
    private let descriptor: Int32

    /// Opens a file, which is made where it is missing; no symbolic link is followed.
    ///
    /// - Parameter mode: the permission bits of a new file, before the umask.
    package init(_ path: String, mode: UInt32) throws(FileError) {
        let flags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let descriptor = unsafe open(path, flags, mode_t(mode))
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw FileError(operation: "stat", path: path, code: code)
        }
        guard FileIdentity(status).isRegularFile else {
            close(descriptor)
            throw FileError(operation: "open", path: path, reason: "no regular file")
        }
        self.path = path
        self.descriptor = descriptor
        size = Int(status.st_size)
    }

    deinit {
        // As in FileLock: a child that has just been forked shares the open file.
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Locks the file (flock) unless another process, or another value, has it locked.
    package func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// Appends bytes: all of them, or none.
    package mutating func append(_ bytes: Span<UInt8>) throws(FileError) {
        do throws(FileError) {
            try writeAll(bytes, to: descriptor, path)
            size += bytes.count
        } catch {
            // What was written of them would be in the way of whatever follows.
            try cut(to: size)
            throw error
        }
    }

    /// Takes away all bytes past a place.
    package mutating func cut(to size: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw FileError(operation: "truncate", path: path, code: errno)
        }
        self.size = size
    }
}
