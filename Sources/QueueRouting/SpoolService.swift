// A run that does not end: it routes what comes in as it comes in, and looks after what could not be routed from time to
// time. Round by round: whoever serves decides what to wait for between two of them.

package import Spool
import Synchronization
package import System

/// Goes over a spool again and again.
package struct SpoolService {
    private let postOffice: PostOffice
    private let run: SpoolRun
    /// Between two looks at what waits for better times, in seconds.
    private let pause: UInt64
    private let postponed = Postponed()
    private var known: Set<[UInt8]> = []
    private var nextLook = MonotonicTime(nanoseconds: 0)

    /// A service over a spool.
    ///
    /// - Parameter pause: the seconds between two looks at held recipients and at submissions that failed.
    package init(_ postOffice: PostOffice, run: SpoolRun, pause: UInt64 = 30) {
        self.postOffice = postOffice
        self.run = run
        self.pause = max(pause, 1)
    }

    /// Routes what has come in since the last round, and every now and then what could not be routed before.
    ///
    /// - Parameters:
    ///   - begin: is given the number of submissions.
    ///   - refused: is given names that can be no submission, each once.
    ///   - failed: is given failures to look through the spool; the next rounds try again.
    package mutating func round(
        hooks: SpoolRun.Hooks, begin: (Int) -> Void = { _ in }, refused: (SpoolListing.Refused) -> Void,
        failed: (FileError) -> Void
    ) {
        let watchingHooks = SpoolRun.Hooks(
            report: { [postponed] reports in
                postponed.add(reports)
                hooks.report(reports)
            }, handOver: hooks.handOver, shouldStop: hooks.shouldStop)
        do throws(FileError) {
            if MonotonicTime.coarse() >= nextLook {
                nextLook = MonotonicTime.coarse().advanced(by: pause * 1_000_000_000)
                postponed.forget()
                try run.retryHeld(hooks: hooks)
            }
            let listing = try postOffice.submissions()
            for entry in listing.refused where !known.contains(entry.name) { refused(entry) }
            known = Set(listing.refused.map(\.name))
            let names = listing.names.filter { !postponed.contains($0) }
            begin(names.count)
            run.route(names, hooks: watchingHooks)
        } catch {
            // What the kernel told of may not have been seen: it is looked for soon.
            nextLook = min(nextLook, MonotonicTime.coarse().advanced(by: Self.failurePause))
            failed(error)
        }
    }

    /// How long there is nothing to do unless something comes in.
    package var patience: Duration {
        let now = MonotonicTime.coarse()
        let rest = now < nextLook ? nextLook.nanoseconds - now.nanoseconds : 0
        return .nanoseconds(Int64(clamping: rest)) + .milliseconds(1)
    }

    /// After a failure to look through the spool, in nanoseconds.
    private static let failurePause: UInt64 = 1_000_000_000

    /// The submissions that could not be routed since the last look: not each new one lets all of them be tried again.
    private final class Postponed: Sendable {
        private let names = Mutex<Set<String>>([])

        func add(_ reports: [MessageReport]) {
            for report in reports {
                if case .postponed = report.outcome { names.withLock { _ = $0.insert(report.message) } }
            }
        }

        func contains(_ name: MessageName) -> Bool { names.withLock { $0.contains(name.description) } }

        func forget() { names.withLock { $0 = [] } }
    }
}
