// A run that does not end: it routes what comes in as it comes in, and looks after what could not be routed from time to
// time.

public import Files
public import Spool
import Synchronization

/// Runs over a spool until the process is asked to end.
public struct SpoolService {
    private let postOffice: PostOffice
    private let run: SpoolRun
    private let watch: SpoolWatch
    /// Between two looks at what waits for better times.
    private let pause: UInt64

    /// A service over a spool.
    ///
    /// - Parameter pause: the seconds between two looks at held recipients and at submissions that failed.
    public init(_ postOffice: PostOffice, run: SpoolRun, watch: SpoolWatch, pause: UInt64 = 30) {
        self.postOffice = postOffice
        self.run = run
        self.watch = watch
        self.pause = max(pause, 1)
    }

    /// Runs.
    ///
    /// - Parameters:
    ///   - refused: is given names that can be no submission, each once.
    ///   - failed: is given failures to look through the spool; the service goes on after a pause.
    public func run(
        hooks: SpoolRun.Hooks, refused: (SpoolListing.Refused) -> Void, failed: (FileError) -> Void
    ) {
        let postponed = Postponed()
        let watchingHooks = SpoolRun.Hooks(
            report: { reports in
                postponed.add(reports)
                hooks.report(reports)
            }, shouldStop: hooks.shouldStop)
        var known: Set<[UInt8]> = []
        var nextLook = MonotonicTime(nanoseconds: 0)
        repeat {
            do throws(FileError) {
                if MonotonicTime.coarse() >= nextLook {
                    nextLook = MonotonicTime.coarse().advanced(by: pause * 1_000_000_000)
                    try run.retryHeld(hooks: hooks)
                    postponed.forget()
                }
                let listing = try postOffice.submissions()
                for entry in listing.refused where !known.contains(entry.name) { refused(entry) }
                known = Set(listing.refused.map(\.name))
                run.route(listing.names.filter { !postponed.contains($0) }, hooks: watchingHooks)
            } catch {
                failed(error)
            }
        } while !hooks.shouldStop() && watch.wait(milliseconds: Self.milliseconds(until: nextLook))
    }

    private static func milliseconds(until time: MonotonicTime) -> Int {
        let now = MonotonicTime.coarse()
        return now < time ? Int(clamping: (time.nanoseconds - now.nanoseconds) / 1_000_000) + 1 : 1
    }

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
