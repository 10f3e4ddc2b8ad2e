// What `deliver --route` does before it delivers: the pass of route-queue, by a configuration that may be read anew.

import ArgumentParser
import Files
import Maps
import ServiceManagement
import Spool
import Synchronization

/// Routes submissions by the site as it was last read.
final class DeliverRouting: Sendable {
    private let postOffice: PostOffice
    private let form: LogForm
    private let lookups: LookupCounts?
    private let turn: OutputTurn
    private let watchdog: Watchdog
    private let routing: Mutex<SpoolRouting>
    private let status = Mutex(ExitCode.ok)
    private let isService: Bool
    private let watcher = Mutex<TextMapWatcher?>(nil)

    /// Routes by a site.
    ///
    /// - Parameter isService: whether it goes on until it is told to end, so that changed maps are of interest.
    init(
        _ site: Site, _ postOffice: PostOffice, form: LogForm, lookups: LookupCounts?, turn: OutputTurn,
        watchdog: Watchdog, isService: Bool
    ) {
        self.isService = isService
        self.postOffice = postOffice
        self.form = form
        self.lookups = lookups
        self.turn = turn
        self.watchdog = watchdog
        let first = SpoolRouting(site, postOffice, counts: lookups)
        routing = Mutex(first)
        watch(first)
    }

    /// Watches the maps of a site where that is of interest.
    private func watch(_ routing: SpoolRouting) {
        guard isService else { return }
        let new = routing.watchTexts()
        watcher.withLock { old in
            old?.stop()
            old = new
        }
    }

    /// What all passes come to.
    var exitStatus: ExitCode { status.withLock { $0 } }

    /// Goes on by another configuration.
    func use(_ site: Site) {
        let new = SpoolRouting(site, postOffice, counts: lookups)
        routing.withLock { $0 = new }
        watch(new)
    }

    /// Routes what waits.
    ///
    /// - Parameters:
    ///   - shouldStop: whether to end with the messages that are at work.
    ///   - deliver: is given messages as soon as they are in place, open and locked.
    func pass(
        shouldStop: @escaping @Sendable () -> Bool = { false }, deliver: @escaping @Sendable ([RoutedMessage]) -> Void
    ) {
        let log = RouteQueueLog(form, turn: turn, watchdog: watchdog)
        do throws(FileError) {
            try routing.withLock { $0 }.pass(log, handOver: deliver, shouldStop: shouldStop)
        } catch {
            log.say(error)
        }
        let status = log.finish()
        // What has no route for good is delivery's to report.
        if status != .noUser { self.status.withLock { $0 = $0.worse(status) } }
    }
}
