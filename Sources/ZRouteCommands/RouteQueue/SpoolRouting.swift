// One pass of routing over a spool, as route-queue does it and deliver does it first when asked to (`--route`).

import Maps
import QueueRouting
import Routing
import Site
import Spool
import System

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

    /// Routes anew the held recipients of a message.
    ///
    /// - Returns: what became of them; nil where none is due, or another run has the message.
    func retryHeld(_ name: MessageName) -> MessageReport? { run.retryHeld(name) }

    /// Routes a message anew that was routed already.
    func reroute(_ message: consuming OpenControlFile) -> RerouteReport { run.reroute(message) }

    /// Goes over the spool again and again, one round at a time.
    func service() -> SpoolService { SpoolService(postOffice, run: run) }

    /// Closes the engines and their maps.
    func close() { run.close() }
}
