// A lock on a file that lasts as long as the process that holds it: whoever is killed leaves nothing behind.

import Glibc

/// An flock(2) on a file or directory.
public struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Locks a file, and waits for it if another process has it locked.
    ///
    /// - Parameters:
    ///   - path: the file, which must exist; its contents are of no matter.
    ///   - waiting: is called before waiting.
    /// - Throws: `FileError` when the file cannot be opened or locked.
    public init(_ path: String, waiting: () -> Void) throws(FileError) {
        let descriptor = try Self.open(path)
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            waiting()
            while flock(descriptor, LOCK_EX) != 0 {
                guard errno == EINTR else { throw Self.close(descriptor, path, errno) }
            }
        }
        self.descriptor = descriptor
    }

    deinit {
        // Closing is not enough where a child that has just been forked shares the open file.
        _ = flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
    }

    /// Whether a path names the very file that is locked: it may have been replaced while the lock was waited for.
    public func isOn(_ path: String) -> Bool {
        var locked = stat()
        guard unsafe fstat(descriptor, &locked) == 0, let named = try? FileIdentity(path: path) else { return false }
        let identity = FileIdentity(locked)
        return identity.device == named.device && identity.inode == named.inode
    }

    /// Frees the lock.
    public consuming func unlock() {}

    private static func open(_ path: String) throws(FileError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        return descriptor
    }

    private static func close(_ descriptor: Int32, _ path: String, _ code: Int32) -> FileError {
        Glibc.close(descriptor)
        return FileError(operation: "lock", path: path, code: code)
    }
}
