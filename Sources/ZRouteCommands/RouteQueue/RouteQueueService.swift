// `route-queue --watch`: routes what comes in until it is told to end, and reads its configuration anew when asked to.

import Maps
import QueueRouting
import Routing
import Service
import Site
import Spool
import System

/// Routing as a service.
struct RouteQueueService {
    let postOffice: PostOffice
    let log: RouteQueueLog
    let signals: RunSignals
    let watchdog: Watchdog
    /// Reads the configuration.
    let readSite: () throws -> LoggedSite
    /// Makes the engine for it.
    let makeRouting: (LoggedSite) -> SpoolRouting

    /// Between two looks whether the spool is in its place, in milliseconds.
    private static let placePause = 2000

    /// Serves until SIGTERM or SIGINT; SIGHUP asks for the configuration to be read anew.
    func serve(_ site: LoggedSite) {
        log.say(effect(site).event("start"))
        let watch = SpoolAccess.watch(postOffice) { log.say($0) }
        log.say { () throws(FileError) in try postOffice.recover() }
        var routing = makeRouting(site)
        var service = routing.service()
        var texts = routing.watchTexts()
        defer { texts?.stop() }
        var place = SpoolPlace(postOffice)
        let hooks = SpoolRun.Hooks(report: log.add, shouldStop: { [signals] in signals.isTerminationPending })
        ServiceManager.notify("READY=1\nSTATUS=routing")
        while true {
            let isInPlace = place.look(isIdle: true) { change in
                tell(change)
                guard case .back = change else { return }
                // It may be another spool.
                follow(watch)
                service = routing.service()
            }
            if isInPlace {
                service.round(
                    hooks: hooks, refused: { log.say($0, in: postOffice.path) }, failed: { log.say($0) })
            }
            watchdog.feed()
            switch signals.wait(milliseconds: patience(isInPlace && watch != nil ? service.patience : nil)) {
            case .termination:
                ServiceManager.notify("STOPPING=1")
                log.say(.service("stop", "route-queue"))
                return routing.close()
            case .reload:
                ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.coarse().nanoseconds / 1000)")
                if let site = readAnew() {
                    texts?.stop()
                    routing.close()
                    routing = makeRouting(site)
                    service = routing.service()
                    texts = routing.watchTexts()
                }
                ServiceManager.notify("READY=1")
            case .input: watch?.takeEvents()
            case .timeout: break
            }
        }
    }

    /// How long it may wait, in milliseconds.
    private func patience(_ service: Int?) -> Int {
        let feeding = watchdog.interval.map { max($0 / 4_000_000, 1) } ?? .max
        return min(service ?? SpoolAccess.pollingPause, Self.placePause, feeding)
    }

    /// The configuration as it is now; nil, after saying why, where the old one stands.
    private func readAnew() -> LoggedSite? {
        do {
            let site = try readSite()
            try SpoolAccess.warnOfOtherSpool(site.settings, than: postOffice) { log.say($0) }
            site.warn()
            log.say(effect(site).event("reload"))
            return site
        } catch {
            log.say(Diagnosis(error, rest: "; the old configuration stands"))
            return nil
        }
    }

    private func effect(_ site: LoggedSite) -> ServiceEffect {
        ServiceEffect("route-queue", site.settings, postOffice, site.databases)
    }

    private func tell(_ change: SpoolPlace.Change) {
        log.say(Diagnosis(change.description(of: postOffice), .warning, file: postOffice.path))
    }

    /// Begins anew in the spool that is at its path now.
    private func follow(_ watch: SubmissionWatch?) {
        log.say { () throws(FileError) in try postOffice.recover() }
        do throws(FileError) {
            try watch?.follow()
        } catch {
            log.say(error)
        }
    }
}

// One pass of routing over a spool, as route-queue does it and deliver does it first when asked to (`--route`).

/// Routes what waits in a spool.
struct SpoolRouting: Sendable {
    private let postOffice: PostOffice
    private let run: SpoolRun
    private let texts: TextMapWatch
    private let logForm: LogForm

    /// Prepares the routing of a spool.
    ///
    /// - Parameters:
    ///   - counts: where lookups are counted.
    ///   - change: changes the options from what suits most.
    init(
        _ site: LoggedSite, _ postOffice: PostOffice, jobs: Int = 8, counts: LookupCounts? = nil,
        change: (inout SpoolRunOptions) -> Void = { _ in }
    ) {
        var options = SpoolRunOptions()
        options.jobs = jobs
        options.batchSize = SpoolAccess.batchSize(jobs: jobs)
        change(&options)
        let texts = site.makeTextLoader()
        let health = site.base.makeHealth()
        self.postOffice = postOffice
        self.texts = site.base.makeTextWatch(texts)
        logForm = site.logForm
        run = SpoolRun(postOffice, site: BatchSite(site.settings), options: options) {
            SupervisedRouter(health: health) { site.base.makeResolver(texts: texts, watch: $0, counts: counts) }
        }
    }

    /// Watches the text maps, so that a fault is said as soon as it is made.
    ///
    /// - Returns: what watches, as long as it is kept; nil where there is nothing to watch.
    func watchTexts() -> TextMapWatcher? { TextMapWatcher.start(texts, logForm) }

    /// Routes held recipients whose time has come, and every submission there is.
    ///
    /// - Parameter handOver: is given messages that are in place, open and locked; nil where nobody wants them.
    func pass(
        _ log: RouteQueueLog, handOver: (@Sendable ([RoutedMessage]) -> Void)? = nil,
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) throws(FileError) {
        let hooks = SpoolRun.Hooks(report: log.add, handOver: handOver, shouldStop: shouldStop)
        log.say(try postOffice.recover())
        try run.retryHeld(hooks: hooks)
        let listing = try postOffice.submissions()
        for entry in listing.refused { log.say(entry, in: postOffice.path) }
        log.begin(listing.names.count)
        run.route(listing.names, hooks: hooks)
    }

    /// Routes the submissions of these names only.
    func route(_ names: [MessageName], _ log: RouteQueueLog, shouldStop: @escaping @Sendable () -> Bool) {
        log.begin(names.count)
        run.route(names, hooks: SpoolRun.Hooks(report: log.add, shouldStop: shouldStop))
    }

    /// Goes over the spool again and again, one round at a time.
    func service() -> SpoolService { SpoolService(postOffice, run: run) }

    /// Closes the engines and their maps.
    func close() { run.close() }
}
