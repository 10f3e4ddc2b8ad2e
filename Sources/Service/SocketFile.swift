// Listening at a socket in the file system. What a process that died left there is replaced; what somebody listens at is not.

import Glibc
import System

/// A socket in the file system that is to be listened at.
struct SocketFile {
    private let path: String
    private let permissions: SocketPermissions

    init(path: String, _ permissions: SocketPermissions) {
        self.path = path
        self.permissions = permissions
    }

    /// Listens.
    func listen(_ handedOver: inout HandedOverSockets) throws(FileError) -> ListeningSocket {
        if let socket = handedOver.take(path: Array(path.utf8)) { return socket }
        guard let address = SocketEndpoint(path: Array(path.utf8)) else {
            throw failure(
                ENAMETOOLONG,
                "a socket's path has \(SocketEndpoint.longestPath) bytes at the most: choose a shorter one")
        }
        let group = try permissions.groupNumber(for: path)
        // Of two processes that start at once, the second finds the first listening.
        let lock = try lockDirectory()
        defer {
            if lock >= 0 {
                _ = flock(lock, LOCK_UN)
                close(lock)
            }
        }
        try removeStale(address)
        let descriptor = makeStreamSocket(AF_UNIX)
        guard descriptor >= 0 else { throw failure(errno) }
        let code = address.bind(descriptor)
        guard code == 0 else {
            close(descriptor)
            throw failure(code)
        }
        do throws(FileError) {
            let identity = try FileIdentity(linkAt: path)
            // Nobody can connect before it listens: who may is settled by then.
            if let group, unsafe chown(path, uid_t.max, group) != 0 {
                throw failure(errno, "give a group that this user is a member of, or start it as root")
            }
            if let mode = permissions.mode, unsafe chmod(path, mode) != 0 { throw failure(errno) }
            guard Glibc.listen(descriptor, ListeningSocket.backlog) == 0 else { throw failure(errno) }
            return ListeningSocket(descriptor: descriptor, name: path, port: nil, file: (path, identity))
        } catch {
            unsafe unlink(path)
            close(descriptor)
            throw error
        }
    }

    private var directory: String { System.directory(of: path) }

    /// Locks the directory while a file in it is replaced.
    ///
    /// - Returns: the descriptor that holds the lock; -1 where the directory cannot be read and so not be locked.
    private func lockDirectory() throws(FileError) -> Int32 {
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == EACCES { return -1 }
            throw failure(errno)
        }
        // Whoever has it starts as we do, and needs it for a moment; another's lock must not keep us from starting.
        for _ in 0..<Self.lockTries where flock(descriptor, LOCK_EX | LOCK_NB) != 0 { usleep(Self.lockPause) }
        return descriptor
    }

    private static let lockTries = 100
    /// In microseconds.
    private static let lockPause: UInt32 = 10_000

    /// Removes the socket that a process which is gone has left.
    private func removeStale(_ address: SocketEndpoint) throws(FileError) {
        let present: FileIdentity
        do throws(FileError) {
            present = try FileIdentity(linkAt: path)
        } catch {
            if error.isMissing { return }
            throw failure(error.code)
        }
        guard present.isSocket else {
            throw failure(EEXIST, "it is no socket: remove it, or choose another path")
        }
        let probe = makeStreamSocket(AF_UNIX)
        guard probe >= 0 else { throw failure(errno) }
        defer { close(probe) }
        let code = address.connect(probe)
        switch code {
        case ECONNREFUSED:
            guard unsafe unlink(path) == 0 || errno == ENOENT else { throw failure(errno) }
        case ENOENT: return
        case 0, EAGAIN, EINPROGRESS:
            throw failure(EADDRINUSE, "another program listens there: end it, or choose another path")
        case EPROTOTYPE:
            throw failure(
                code, "a socket of another kind, which a program may use, is there: remove it, or choose another path")
        default:
            throw failure(code, "whether a program listens there cannot be seen: remove it, or choose another path")
        }
    }

    private func failure(_ code: Int32, _ remedy: String? = nil) -> FileError {
        let usual: String? =
            switch code {
            case ENOENT, ENOTDIR: "make the directory \(directory) first"
            case EACCES, EPERM, EROFS:
                "this user must be allowed to make files in \(directory): change that, or choose another path"
            case EADDRINUSE: "something came there just now; choose another path"
            default: nil
            }
        return ListeningSocket.failure(path, code: code, remedy ?? usual)
    }
}
