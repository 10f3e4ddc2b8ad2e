// A run over a spool: held recipients whose time has come, then everything submitted, by several workers at once.

public import Files
public import Spool
import Synchronization

/// How a run goes about its work.
public struct SpoolRunOptions: Sendable {
    /// The number of workers: more than processors, as a worker mostly waits for the disk.
    public var jobs = 8
    /// The most submissions that one worker puts in place with one set of syncs; each keeps two files open meanwhile.
    public var batchSize = 1024
    /// When held recipients are tried again.
    public var retry = RetryRule()
    /// How recently a file that is no message may have been written to and yet be put aside, in seconds.
    public var settling: Int64 = 0

    /// Eight workers, and nothing waits for its writer.
    public init() {}
}

/// Runs over one spool.
///
/// Any number of runs, in this process and in others, may go over one spool at the same time: each message is locked by
/// the one that works on it, and the kernel drops the locks of one that dies.
public struct SpoolRun: Sendable {
    private let postOffice: PostOffice
    private let site: BatchSite
    private let options: SpoolRunOptions
    private let routers: RouterPool

    /// A run over a spool.
    ///
    /// - Parameter makeRouter: makes an engine. It serves one worker after another, for as long as the run does.
    public init(
        _ postOffice: PostOffice, site: BatchSite, options: SpoolRunOptions,
        makeRouter: @escaping @Sendable () -> any AddressRouter
    ) {
        self.postOffice = postOffice
        self.site = site
        self.options = options
        routers = RouterPool(makeRouter)
    }

    /// What a run does with one message after another.
    public struct Hooks: Sendable {
        /// Is given what became of messages, some at a time, by any of the workers.
        public let report: @Sendable ([MessageReport]) -> Void
        /// Is given messages that are in place after they were reported, open and locked; nil where nobody wants them.
        public let handOver: (@Sendable ([RoutedMessage]) -> Void)?
        /// Whether the workers should end when they are done with what they have begun.
        public let shouldStop: @Sendable () -> Bool

        /// Hooks.
        public init(
            report: @escaping @Sendable ([MessageReport]) -> Void,
            handOver: (@Sendable ([RoutedMessage]) -> Void)? = nil, shouldStop: @escaping @Sendable () -> Bool
        ) {
            self.report = report
            self.handOver = handOver
            self.shouldStop = shouldStop
        }
    }

    /// Routes submissions.
    public func route(_ submissions: [MessageName], hooks: Hooks) {
        let queue = WorkQueue(submissions)
        let workers = min(options.jobs, submissions.count)
        guard workers > 0 else { return }
        runThreads(workers) { [self] in
            routers.withRouter { router in
                let batch = SubmissionBatch(
                    postOffice: postOffice, site: site, router: router, settling: options.settling,
                    handsOver: hooks.handOver != nil)
                work(through: queue, of: workers, batch, hooks)
            }
        }
    }

    /// One worker's part of the submissions.
    private func work(through queue: WorkQueue, of workers: Int, _ batch: SubmissionBatch, _ hooks: Hooks) {
        var isAtEnd = false
        while !isAtEnd {
            var share = queue.share(of: workers, limit: options.batchSize)
            var reports: [MessageReport] = []
            batch.run {
                guard share > 0 else { return nil }
                share -= 1
                let name = hooks.shouldStop() ? nil : queue.take()
                if name == nil { isAtEnd = true }
                return name
            } report: {
                reports.append($0)
            } handOver: { routed in
                hooks.report(reports)
                reports = []
                hooks.handOver?(routed)
            }
            if !reports.isEmpty { hooks.report(reports) }
        }
    }

    /// Routes held recipients anew whose time has come.
    public func retryHeld(hooks: Hooks) throws(FileError) {
        let messages = try postOffice.messages().names
        let queue = WorkQueue(messages)
        let workers = min(options.jobs, messages.count)
        guard workers > 0 else { return }
        runThreads(workers) { [self] in
            routers.withRouter { router in
                let held = HeldMessage(postOffice: postOffice, router: router, rule: options.retry)
                while !hooks.shouldStop(), let name = queue.take() {
                    if let report = held.run(name) { hooks.report([report]) }
                }
            }
        }
    }

    /// Closes the engines and their maps; should the run be used again, it makes new ones.
    public func close() { routers.close() }
}
