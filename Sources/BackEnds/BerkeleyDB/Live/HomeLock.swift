// Keeps zroute's own commands from using an environment while `db recover` takes it apart. It is a lock on the
// directory, which the system frees when its holder dies; programs that do not know it are found by EnvironmentUsers.

import Glibc
import Maps
import System

/// A lock on an environment's directory.
final class HomeLock {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        // Closing is not enough where a child that has just been forked shares the open directory.
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Takes it to use the environment.
    ///
    /// - Returns: the lock, and whether nobody else has it until `share` is called.
    /// - Throws: if a recovery is at work for longer than a moment, or the work is to end.
    static func take(
        _ home: String, _ observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) -> (lock: HomeLock, isAlone: Bool) {
        let lock = try open(home)
        for _ in 0..<40 {
            if observer.isStopRequested { throw .stopped }
            if flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 { return (lock, true) }
            if flock(lock.descriptor, LOCK_SH | LOCK_NB) == 0 { return (lock, false) }
            usleep(50_000)
        }
        throw BerkeleyDBFailure(
            code: EBUSY, text: "the environment \(home) is being recovered; try again when that is done")
    }

    /// Takes it for recovery.
    ///
    /// - Returns: nil if one of zroute's commands uses the environment.
    static func takeAlone(_ home: String) throws(BerkeleyDBFailure) -> HomeLock? {
        let lock = try open(home)
        return flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 ? lock : nil
    }

    /// Lets others in who only use the environment.
    func share() { _ = flock(descriptor, LOCK_SH | LOCK_NB) }

    private static func open(_ home: String) throws(BerkeleyDBFailure) -> HomeLock {
        let descriptor = unsafe Glibc.open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw RegionFiles(home: home).missingDirectory }
            throw BerkeleyDBFailure(
                code: errno, text: "the environment's directory \(home): \(unsafe String(cString: strerror(errno)))")
        }
        return HomeLock(descriptor: descriptor)
    }
}
