// A run over a spool: held recipients whose time has come, then everything submitted, by several workers at once.

import Bytes
package import Configuration
package import Spool
import Synchronization
package import System

/// How a run goes about its work.
package struct SpoolRunOptions: Sendable {
    /// The number of workers: more than processors, as a worker mostly waits for the disk.
    package var jobs = 8
    /// The most submissions that one worker puts in place with one set of syncs; each keeps two files open meanwhile.
    package var batchSize = 1024
    /// When held recipients are tried again.
    package var retry = RetryRule()
    /// How recently a file that is no message may have been written to and yet be put aside, in seconds.
    package var settling: Int64 = 0

    /// Eight workers, and nothing waits for its writer.
    package init() {}
}

/// Runs over one spool.
///
/// Any number of runs, in this process and in others, may go over one spool at the same time: each message is locked by
/// the one that works on it, and the kernel drops the locks of one that dies.
package struct SpoolRun: Sendable {
    private let postOffice: PostOffice
    private let site: BatchSite
    private let options: SpoolRunOptions
    private let routers: RouterPool

    /// A run over a spool.
    ///
    /// - Parameter makeRouter: makes an engine. It serves one worker after another, for as long as the run does.
    package init(
        _ postOffice: PostOffice, site: BatchSite, options: SpoolRunOptions,
        makeRouter: @escaping @Sendable () -> any AddressRouter
    ) {
        self.postOffice = postOffice
        self.site = site
        self.options = options
        routers = RouterPool(makeRouter)
    }

    /// What a run does with one message after another.
    package struct Hooks: Sendable {
        /// Is given what became of messages, some at a time, by any of the workers.
        package let report: @Sendable ([MessageReport]) -> Void
        /// Is given messages that are in place after they were reported, open and locked; nil where nobody wants them.
        package let handOver: (@Sendable ([RoutedMessage]) -> Void)?
        /// Whether the workers should end when they are done with what they have begun.
        package let shouldStop: @Sendable () -> Bool

        /// Hooks.
        package init(
            report: @escaping @Sendable ([MessageReport]) -> Void,
            handOver: (@Sendable ([RoutedMessage]) -> Void)? = nil, shouldStop: @escaping @Sendable () -> Bool
        ) {
            self.report = report
            self.handOver = handOver
            self.shouldStop = shouldStop
        }
    }

    /// Routes submissions.
    package func route(_ submissions: [MessageName], hooks: Hooks) {
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
    package func retryHeld(hooks: Hooks) throws(FileError) {
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

    /// Routes anew the held recipients of one message whose time has come.
    ///
    /// - Returns: what became of them; nil where none is due, or another run has the message.
    package func retryHeld(_ message: MessageName) -> MessageReport? {
        var report: MessageReport?
        routers.withRouter { router in
            report = HeldMessage(postOffice: postOffice, router: router, rule: options.retry).run(message)
        }
        return report
    }

    /// Routes a message anew that was routed already, and is open: what has not been delivered of it.
    package func reroute(_ message: consuming OpenControlFile) -> RerouteReport {
        let router = routers.take()
        defer { routers.giveBack(router) }
        return MessageReroute(postOffice: postOffice, router: router).run(message)
    }

    /// Closes the engines and their maps; should the run be used again, it makes new ones.
    package func close() { routers.close() }
}

// What a spool's run needs to know of its site.

/// The settings of a site that go into its messages.
package struct BatchSite: Sendable {
    /// This host's name (setting hostname), which Received fields and identifiers carry.
    package let hostname: [UInt8]
    /// `@` and the domain of a sender without one (setting mydomain).
    package let atDomain: [UInt8]

    /// The site that settings describe.
    package init(_ settings: Settings) {
        hostname = Array(settings.hostname.utf8)
        atDomain = [UInt8(ascii: "@")] + Array(settings.myDomain.utf8)
    }
}

// The names that the workers of a run share: each takes a part, so that none waits while another has too many.

/// Names to be worked on.
final class WorkQueue: Sendable {
    private let names: [MessageName]
    private let next = Atomic<Int>(0)

    init(_ names: [MessageName]) {
        self.names = names
    }

    /// The next name; nil when all are taken.
    func take() -> MessageName? {
        let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return names.indices.contains(place) ? names[place] : nil
    }

    /// How many names a worker should take together: an equal share of what is left, within a limit.
    func share(of workers: Int, limit: Int) -> Int {
        let left = max(names.count - next.load(ordering: .relaxed), 0)
        return min(max((left + workers - 1) / max(workers, 1), 1), max(limit, 1))
    }
}

// When recipients on channel `hold` are asked for again.

/// The waiting time between two attempts to route a held recipient.
///
/// The first attempt is due one interval after the message arrived, and each failed one doubles the interval up to the
/// longest. A host that is a number is the time, in seconds since 1970, before which the first attempt is not made: what
/// `delay!SECONDS` in routesdb becomes. Where dates lie ahead of the clock, by which nothing can be told, it is time.
package struct RetryRule: Sendable, Hashable {
    /// The first interval, in seconds.
    package var interval: Int64
    /// The longest interval, in seconds.
    package var longest: Int64

    /// A rule; five minutes to four hours unless said otherwise.
    package init(interval: Int64 = 300, longest: Int64 = 14_400) {
        self.interval = max(interval, 0)
        self.longest = max(longest, interval)
    }

    /// The rule of somebody who asks for an attempt now, whatever was tried before.
    package static let atOnce = RetryRule(interval: 0, isAtOnce: true)

    private var isAtOnce = false

    private init(interval: Int64, isAtOnce: Bool) {
        self.init(interval: interval)
        self.isAtOnce = isAtOnce
    }

    /// Whether a recipient is due.
    ///
    /// - Parameters:
    ///   - dates: the message's, with the attempts for this recipient.
    ///   - now: the time, in seconds since 1970.
    func isDue(_ recipient: ControlRecipient, _ dates: MessageDates, now: Int64) -> Bool {
        nextAttempt(recipient, dates, now: now) <= now
    }

    /// When a recipient is due, in seconds since 1970; some time that has passed where it is.
    package func nextAttempt(_ recipient: ControlRecipient, _ dates: MessageDates, now: Int64) -> Int64 {
        guard !isAtOnce else { return now }
        let attempts = dates.attempts.filter { $0 <= now }
        if let last = attempts.max() { return due(after: attempts.count, last) }
        guard dates.attempts.isEmpty, !dates.isAhead(now: now) else { return now }
        return Self.time(recipient.address.host) ?? Self.later(dates.arrival, interval)
    }

    private func due(after attempts: Int, _ last: Int64) -> Int64 {
        let doubled = interval.multipliedReportingOverflow(by: 1 << Int64(min(attempts, 40)))
        return Self.later(last, doubled.overflow ? longest : min(doubled.partialValue, longest))
    }

    private static func later(_ time: Int64, _ interval: Int64) -> Int64 {
        let (sum, isOver) = time.addingReportingOverflow(interval)
        return isOver ? .max : sum
    }

    private static func time(_ host: [UInt8]) -> Int64? {
        guard host.allSatisfy(ASCII.isDigit) else { return nil }
        return Int64(String(decoding: host, as: UTF8.self))
    }
}
