// The handles of the library, made in one way for lookups, compiling, `zroute db` and recovery.

import CBerkeleyDB
import Glibc
import System

extension LibraryMessages {
    /// Makes a handle of a database, whose texts come here.
    ///
    /// - Parameter environment: the environment that it is to live in, whose texts come here already; nil for none.
    func makeDatabase(
        in environment: UnsafeMutablePointer<DB_ENV>? = nil
    ) throws(BerkeleyDBFailure) -> UnsafeMutablePointer<DB> {
        forget()
        var created: UnsafeMutablePointer<DB>?
        let code = unsafe db_create(&created, environment, 0)
        guard code == 0, let database = unsafe created else {
            throw BerkeleyDBFailure(code: code == 0 ? ENOMEM : code, messages: self)
        }
        // Without an environment the library makes a private one.
        if unsafe environment == nil, let own = unsafe database.pointee.dbenv { unsafe attach(to: own) }
        return unsafe database
    }
}

/// How an environment is entered, by whoever it is.
struct EnvironmentEntrance {
    /// What the environment's description says.
    let settings: EnvironmentSettings
    /// Whether the environment is made where there is none.
    var creates = false
    /// Whether it is a Concurrent Data Store.
    var isConcurrent = true
    /// Whether the library keeps account of threads, without which failchk finds nothing.
    ///
    /// Joining an environment that was made without it is EINVAL.
    var tracksThreads = true

    // As all our programs create it.

    /// How many threads of all programs are kept account of.
    private static let trackedThreads: UInt32 = 128
    /// The size of the shared cache.
    private static let createdCacheSize: UInt32 = 8 << 20

    /// An environment that was entered, and whether the library keeps account of its threads.
    typealias Entered = (handle: UnsafeMutablePointer<DB_ENV>, tracksThreads: Bool)

    /// Enters with the settings that failchk needs, or else without, or else makes the environment.
    ///
    /// failchk, which finds what dead processes left behind, works only where the creator asked for it.
    ///
    /// - Parameters: as for `enter`.
    static func join(
        _ settings: EnvironmentSettings, creates: Bool, isConcurrent: Bool = true, _ messages: LibraryMessages,
        call: (() -> Int32) throws(BerkeleyDBFailure) -> Int32
    ) throws(BerkeleyDBFailure) -> Entered {
        var entrance = EnvironmentEntrance(settings: settings, isConcurrent: isConcurrent)
        do throws(BerkeleyDBFailure) {
            return unsafe (try entrance.enter(messages, call: call), true)
        } catch {
            if error.code == EINVAL {
                entrance.tracksThreads = false
            } else if error.code == ENOENT, creates {
                entrance.creates = true
            } else {
                throw error
            }
        }
        return unsafe (try entrance.enter(messages, call: call), entrance.tracksThreads)
    }

    /// Makes a handle and enters.
    ///
    /// - Parameters:
    ///   - messages: where the library's texts go; it must live as long as the handle.
    ///   - call: makes the one call that may wait without end, and watches it.
    /// - Throws: where it cannot be entered; nothing is left open then, unless `call` has given up.
    func enter(
        _ messages: LibraryMessages, call: (() -> Int32) throws(BerkeleyDBFailure) -> Int32
    ) throws(BerkeleyDBFailure) -> UnsafeMutablePointer<DB_ENV> {
        let regions = RegionFiles(home: settings.home)
        if creates { try regions.checkRoom(for: Int(Self.createdCacheSize)) }
        messages.forget()
        var created: UnsafeMutablePointer<DB_ENV>?
        var code = unsafe db_env_create(&created, 0)
        guard code == 0, let entered = unsafe created else {
            throw BerkeleyDBFailure(code: code == 0 ? ENOMEM : code, messages: messages)
        }
        unsafe messages.attach(to: entered)
        // failchk tells of each lock that it frees, on standard output.
        unsafe entered.pointee.set_msgcall(entered) { _, _ in }
        if tracksThreads {
            _ = unsafe entered.pointee.set_thread_count(entered, Self.trackedThreads)
            _ = unsafe entered.pointee.set_isalive(entered) { _, process, _, _ in
                kill(process, 0) == 0 || errno != ESRCH ? 1 : 0
            }
        }
        if creates { _ = unsafe entered.pointee.set_cachesize(entered, 0, Self.createdCacheSize, 1) }
        if let directory = settings.temporaryDirectory {
            _ = unsafe entered.pointee.set_tmp_dir(entered, directory)
        }
        let flags = UInt32(DB_INIT_MPOOL | (isConcurrent ? DB_INIT_CDB : 0) | (creates ? DB_CREATE : 0))
        code = try call {
            unsafe entered.pointee.open(
                entered, settings.home, flags, Int32(truncatingIfNeeded: settings.mode & 0o777))
        }
        guard code == 0 else {
            let failure = regions.failure(joining: code, messages)
            _ = unsafe entered.pointee.close(entered, 0)
            throw failure
        }
        do {
            unsafe try regions.takeRoom(in: entered)
        } catch {
            _ = unsafe entered.pointee.close(entered, 0)
            throw error
        }
        return unsafe entered
    }
}
