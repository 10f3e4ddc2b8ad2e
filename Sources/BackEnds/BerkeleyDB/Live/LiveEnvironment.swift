// A CDB environment as an updater uses it: created where it is missing, and cleared of what dead processes left, as far
// as the library can do that.

import Maps
import CBerkeleyDB
import Glibc
import System

/// A joined CDB environment, for one thread of one command.
@safe
final class LiveEnvironment {
    let handle: UnsafeMutablePointer<DB_ENV>
    let messages = LibraryMessages()
    private let observer: (any CallObserver)?
    /// Shared with other commands; recovery takes it for itself alone.
    private let lock: HomeLock
    private var isClosed = false

    /// Joins an environment.
    ///
    /// - Parameters:
    ///   - create: whether a missing one is created, whatever its settings say.
    ///   - observer: watches calls that may never return.
    init(
        _ settings: EnvironmentSettings, create: Bool, observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) {
        self.observer = observer
        let (lock, isAlone) = try HomeLock.take(settings.home, observer)
        self.lock = lock
        try Self.waitForRegionFile(settings.home, observer)
        let opened = unsafe try Self.open(settings, create: create || settings.create, messages, observer)
        unsafe handle = opened.handle
        // Two failchk at a time would be in each other's way.
        if unsafe opened.tracksThreads, isAlone { try clearDeadProcesses() }
        lock.share()
    }

    deinit { close() }

    /// Leaves the environment.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        observer?.callBegins()
        _ = unsafe handle.pointee.close(handle, 0)
        observer?.callEnded()
    }

    /// Forgets an environment that panicked, whose every call would only say so again.
    func abandon() { isClosed = true }

    private func clearDeadProcesses() throws(BerkeleyDBFailure) {
        messages.forget()
        observer?.callBegins()
        let code = unsafe handle.pointee.failchk(handle, 0)
        observer?.callEnded()
        guard code == 0 else {
            abandon()
            throw BerkeleyDBFailure(code: code, messages: messages)
        }
    }

    /// Another process may be creating the environment at this moment; it takes milliseconds.
    private static func waitForRegionFile(
        _ home: String, _ observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) {
        let region = RegionFiles(home: home)
        for _ in 0..<20 {
            if observer.isStopRequested { throw .stopped }
            do {
                return try region.check()
            } catch {
                usleep(50_000)
            }
        }
        try region.check()
    }

    private typealias Opened = (handle: UnsafeMutablePointer<DB_ENV>, tracksThreads: Bool)

    /// Joins with the settings that failchk needs, or else without.
    ///
    /// It works only where the creator asked for it; joining another program's environment with them is EINVAL.
    private static func open(
        _ settings: EnvironmentSettings, create: Bool, _ messages: LibraryMessages, _ observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) -> Opened {
        do {
            return unsafe try open(settings, flags: 0, tracksThreads: true, messages, observer)
        } catch  where error.code == EINVAL {
            return unsafe try open(settings, flags: 0, tracksThreads: false, messages, observer)
        } catch  where error.code == ENOENT && create {
            let regions = RegionFiles(home: settings.home)
            try regions.checkRoom(for: Int(createdCacheSize))
            return unsafe try open(settings, flags: DB_CREATE, tracksThreads: true, messages, observer)
        }
    }

    private static func open(
        _ settings: EnvironmentSettings, flags: Int32, tracksThreads: Bool, _ messages: LibraryMessages,
        _ observer: (any CallObserver)?
    ) throws(BerkeleyDBFailure) -> Opened {
        messages.forget()
        var created: UnsafeMutablePointer<DB_ENV>?
        var code = unsafe db_env_create(&created, 0)
        guard code == 0, let opening = unsafe created else {
            throw BerkeleyDBFailure(code: code == 0 ? ENOMEM : code, messages: messages)
        }
        unsafe messages.attach(to: opening)
        // failchk tells of each lock that it frees, on standard output.
        unsafe opening.pointee.set_msgcall(opening) { _, _ in }
        if tracksThreads {
            _ = unsafe opening.pointee.set_thread_count(opening, trackedThreads)
            _ = unsafe opening.pointee.set_isalive(opening) { _, process, _, _ in
                kill(process, 0) == 0 || errno != ESRCH ? 1 : 0
            }
        }
        if flags & DB_CREATE != 0 { _ = unsafe opening.pointee.set_cachesize(opening, 0, createdCacheSize, 1) }
        if let directory = settings.temporaryDirectory {
            _ = unsafe opening.pointee.set_tmp_dir(opening, directory)
        }
        observer?.callBegins()
        code = unsafe opening.pointee.open(
            opening, settings.home, UInt32(DB_INIT_MPOOL | DB_INIT_CDB | flags),
            Int32(truncatingIfNeeded: settings.mode & 0o777))
        observer?.callEnded()
        guard code == 0 else {
            let failure = RegionFiles(home: settings.home).failure(joining: code, messages)
            _ = unsafe opening.pointee.close(opening, 0)
            throw failure
        }
        do {
            unsafe try RegionFiles(home: settings.home).takeRoom(in: opening)
        } catch {
            _ = unsafe opening.pointee.close(opening, 0)
            throw error
        }
        return unsafe (opening, tracksThreads)
    }

    /// As readers create it: how many threads of all programs are kept account of, and the size of the shared cache.
    private static let trackedThreads: UInt32 = 128
    private static let createdCacheSize: UInt32 = 8 << 20
}
