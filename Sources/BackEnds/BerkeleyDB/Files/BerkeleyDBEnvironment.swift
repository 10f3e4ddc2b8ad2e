// A Berkeley DB environment (relation flag -C) as a reader uses it: it joins what the updating program created. Inside
// a CDB environment a reader never sees a half-done change; outside of it false absences were measured.

import CBerkeleyDB
import Glibc
package import Maps
import System

/// A Berkeley DB environment, shared by the tables of one worker.
///
/// It is joined at the first lookup, left when its region files were replaced, and given up after a panic. Not
/// thread-safe: it belongs to the worker that its tables belong to.
@safe
package final class BerkeleyDBEnvironment {
    /// What the configuration says of it.
    package let settings: EnvironmentSettings

    /// Shows the calls to a supervisor, and knows whether the environment hangs; nil where nobody watches.
    let resource: WatchedResource?

    /// Calls that no table makes: leaving the environment.
    private let calls: WatchedCalls?
    private let messages = LibraryMessages()
    private var environment: UnsafeMutablePointer<DB_ENV>?
    /// The first region file at the time of joining, or of the last attempt.
    private var region: FileIdentity?
    /// The open files inside it: they must be closed before it is.
    private var handles: [BerkeleyDBHandle] = []

    /// Describes an environment; nothing is opened yet.
    ///
    /// - Parameter watch: watches the worker that the environment belongs to, for calls that hang.
    package init(settings: EnvironmentSettings, watch: CallWatch? = nil) {
        self.settings = settings
        resource = watch.map { WatchedResource(.environment(home: settings.home), watch: $0) }
        let name = TableName(relation: "environment", backEnd: "cdb", file: settings.home)
        calls = resource.map { WatchedCalls(name, $0) }
    }

    deinit { leave() }

    /// The path of the file that tells one incarnation of the environment from the next.
    private var regionPath: String { MapResource.regionPath(home: settings.home) }

    /// Whether the environment on disk is another than the one that was joined.
    ///
    /// Device and inode alone are compared: every user of the environment changes the file's contents and size.
    var isReplaced: Bool {
        guard unsafe environment != nil, let region else { return false }
        guard let now = try? FileIdentity(path: regionPath) else { return true }
        return now.device != region.device || now.inode != region.inode
    }

    /// Opens a file inside the environment, joining that first.
    ///
    /// - Parameter calls: shows the calls of the table that the file belongs to.
    func open(path: String, calls: WatchedCalls?) throws(BerkeleyDBFailure) -> BerkeleyDBHandle {
        let joined = unsafe try join(calls)
        do {
            let handle = unsafe try BerkeleyDBHandle(
                path: path, environment: (joined, messages), calls: calls)
            handles.append(handle)
            return handle
        } catch {
            if error.isPanic { abandon() }
            throw error
        }
    }

    /// Closes one file; after a panic the whole environment is given up.
    func close(_ handle: BerkeleyDBHandle, afterPanic: Bool) {
        if afterPanic {
            abandon()
        } else {
            handle.close(afterPanic: false)
            handles.removeAll { $0 === handle }
        }
    }

    /// Closes all files and leaves the environment; the next lookup joins it anew.
    func leave() {
        if resource?.isLost ?? false { return forget() }
        for handle in handles { handle.close(afterPanic: false) }
        closeEnvironment()
    }

    /// Forgets an environment in which calls hang, with all that is open in it.
    ///
    /// Closing would hang too, so it is leaked. The next lookup joins the environment anew.
    func forget() {
        for handle in handles { handle.forget() }
        handles = []
        region = nil
        unsafe environment = nil
        resource?.incarnation = nil
    }

    /// Gives up an environment that panicked: its files are forgotten, not closed.
    private func abandon() {
        for handle in handles { handle.close(afterPanic: true) }
        // The one call that is allowed after a panic: it gives the file descriptors back.
        closeEnvironment()
    }

    private func closeEnvironment() {
        handles = []
        region = nil
        guard let closing = unsafe environment else { return }
        unsafe environment = nil
        _ = try? messages.noting(watchedBy: calls) { unsafe closing.pointee.close(closing, 0) }
    }

    private func join(_ calls: WatchedCalls?) throws(BerkeleyDBFailure) -> UnsafeMutablePointer<DB_ENV> {
        if let environment = unsafe environment { return unsafe environment }
        try RegionFiles(home: settings.home).check()
        resource?.incarnation = resource?.state.resource.incarnation
        let joined = unsafe try EnvironmentEntrance.join(
            settings, creates: settings.create, isConcurrent: settings.cdb, messages
        ) { call throws(BerkeleyDBFailure) in try messages.noting(watchedBy: calls, call) }.handle
        unsafe environment = joined
        region = try? FileIdentity(path: regionPath)
        resource?.incarnation = region.map(Incarnation.init)
        return unsafe joined
    }

    /// The shared page cache of an environment of ours; `DB_CONFIG` in its directory overrides it.
}
