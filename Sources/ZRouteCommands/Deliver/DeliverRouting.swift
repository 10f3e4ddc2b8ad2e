// What `deliver --route` does before it delivers: what route-queue does, by a configuration that may be read anew.

import ArgumentParser
import Maps
import QueueRouting
import Service
import Spool
import Synchronization
import System

/// Routes submissions by the site as it was last read.
final class DeliverRouting: Sendable {
    private let postOffice: PostOffice
    private let lookups: LookupCounts?
    /// One for the life of the process: what is wrong for long is said once.
    private let log: RouteQueueLog
    /// Held while there is work: the configuration does not change in the middle of it.
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var routing: SpoolRouting
        var service: SpoolService
        var hasRecovered = false
    }
    /// The life of the service that this is part of; nil where it is none.
    private let life: ServiceLife?
    private let watcher = Mutex<TextMapWatcher?>(nil)

    /// Routes by a site.
    ///
    /// - Parameter life: of the service that goes on until it is told to end, so that changed maps are of interest.
    init(
        _ site: LoggedSite, _ postOffice: PostOffice, form: LogForm, lookups: LookupCounts?, turn: OutputLock,
        life: ServiceLife?
    ) {
        self.life = life
        self.postOffice = postOffice
        self.lookups = lookups
        log = RouteQueueLog(form, turn: turn, progress: life?.progress)
        let routing = SpoolRouting(site, postOffice, counts: lookups)
        state = Mutex(State(routing: routing, service: routing.service()))
        watch(routing)
    }

    /// Watches the maps of a site where that is of interest.
    private func watch(_ routing: SpoolRouting) {
        guard life != nil else { return }
        let new = routing.watchTexts()
        watcher.withLock { old in
            old?.stop()
            old = new
        }
    }

    /// Goes on by another configuration.
    func use(_ site: LoggedSite) {
        let new = SpoolRouting(site, postOffice, counts: lookups)
        state.withLock { state in
            state.routing.close()
            state.routing = new
            state.service = new.service()
        }
        watch(new)
    }

    /// Routes what waits, once.
    ///
    /// - Parameters:
    ///   - shouldStop: whether to end with the messages that are at work.
    ///   - deliver: is given messages as soon as they are in place, open and locked.
    func pass(
        shouldStop: @escaping @Sendable () -> Bool = { false }, deliver: @escaping @Sendable ([RoutedMessage]) -> Void
    ) {
        do throws(FileError) {
            try state.withLock { $0.routing }.pass(log, handOver: deliver, shouldStop: shouldStop)
        } catch {
            log.say(error)
        }
    }

    /// Routes what has come in since the last round, as a service does.
    ///
    /// - Parameter deliver: is given messages as soon as they are in place, open and locked.
    func round(deliver: @escaping @Sendable ([RoutedMessage]) -> Void) {
        let hooks = SpoolRun.Hooks(
            report: log.add, handOver: deliver, shouldStop: { [life] in life?.isEnding ?? false })
        state.withLock { state in
            if !state.hasRecovered {
                log.say { () throws(FileError) in try postOffice.recover() }
                state.hasRecovered = true
            }
            state.service.round(
                hooks: hooks, refused: { log.say($0, in: postOffice.path) }, failed: { log.say($0) })
        }
    }

    /// Closes the maps, and ends the log.
    ///
    /// - Returns: what all that was routed comes to. What has no route for good is delivery's to report.
    func finish() -> ExitCode {
        watcher.withLock { $0?.stop() }
        state.withLock { $0.routing.close() }
        let status = log.finish()
        return status == .noUser ? .ok : status
    }
}
