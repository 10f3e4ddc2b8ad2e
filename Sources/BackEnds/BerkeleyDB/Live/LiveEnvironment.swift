// A CDB environment as an updater uses it: created where it is missing, and cleared of what dead processes left, as far
// as the library can do that.

import CBerkeleyDB
import Glibc
import Maps
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
        let entered = unsafe try EnvironmentEntrance.join(settings, creates: create || settings.create, messages) {
            call in
            observer?.callBegins()
            defer { observer?.callEnded() }
            return call()
        }
        unsafe handle = entered.handle
        // Two failchk at a time would be in each other's way.
        if unsafe entered.tracksThreads, isAlone { try clearDeadProcesses() }
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
}
