// Delivery as a service: looks for work until told to stop.

import Glibc
package import Service
package import Spool
import Synchronization
import System

/// Delivers a spool until SIGTERM or SIGINT; SIGHUP asks for the configuration to be read anew.
package struct DeliveryService: ~Copyable {
    /// What the service is told to do from outside.
    package struct Hooks: Sendable {
        /// Takes messages that were just routed.
        package typealias Deliver = @Sendable ([RoutedMessage]) -> Void

        /// Reads the configuration anew; nil where it cannot be used, and the old one stands.
        package var reload: @Sendable () -> DeliveryPlan?
        /// Called at each look at the spool, before it, and when submissions come in, such as to route them; it may give
        /// the service messages that are in place already.
        package var beforeRound: @Sendable (_ deliver: @escaping Deliver) -> Void
        /// Called after it, such as to write counts; at most once a second.
        package var afterRound: @Sendable () -> Void

        /// Is fed at each look at the spool; whoever does long work in a hook feeds it too.
        package var watchdog: Watchdog

        /// Hooks that do nothing.
        package init(
            watchdog: Watchdog = Watchdog(),
            reload: @escaping @Sendable () -> DeliveryPlan? = { nil },
            beforeRound: @escaping @Sendable (_ deliver: @escaping Deliver) -> Void = { _ in },
            afterRound: @escaping @Sendable () -> Void = {}
        ) {
            self.watchdog = watchdog
            self.reload = reload
            self.beforeRound = beforeRound
            self.afterRound = afterRound
        }
    }

    private var environment: DeliveryEnvironment
    private let hooks: Hooks
    private let run: DeliveryRun
    private var place: SpoolPlace
    private let submissions: SubmissionWatch?
    private var nextLook = MonotonicTime(nanoseconds: 0)
    /// When messages that wait have something to be done, by a clock that nobody sets.
    private var due: [MessageName: MonotonicTime] = [:]
    private var lastListed: Int64?

    /// So long is no message left alone, in seconds: the dates of its files may have been a wrong clock's.
    private static let longestPause = 3600
    /// How long final replies are waited for at the end.
    private static let replyPatience = TimeSpan(seconds: 60)
    /// Between two looks at the spool, in nanoseconds.
    private static let pause = 1_000_000_000
    /// What a message is left alone for that a person must look at, in seconds.
    private static let troublePause = 60
    /// What nothing can be done about here is looked at again after so many seconds: another program may have changed it.
    private static let idlePause = 300

    /// A service.
    ///
    /// - Parameters:
    ///   - workers: how many messages are under way to one destination at a time.
    ///   - openLimit: the most messages that are open.
    ///   - submissions: tells when there is something to route before the next look.
    package init(
        _ environment: DeliveryEnvironment, workers: Int, openLimit: Int = 256, submissions: SubmissionWatch? = nil,
        hooks: Hooks
    ) {
        self.environment = environment
        place = SpoolPlace(environment.postOffice)
        self.hooks = hooks
        self.submissions = submissions
        run = DeliveryRun(workers: workers, openLimit: openLimit)
    }

    /// Blocks the signals that `serve` waits for: to be called before any thread is started.
    package static func blockSignals() {
        var signals = Self.signals()
        _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private static func signals() -> sigset_t {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGHUP, SubmissionWatch.signal] { unsafe sigaddset(&signals, signal) }
        return signals
    }

    /// Serves until it is told to stop; what is under way is finished before this returns.
    package consuming func serve() {
        let watchdog = hooks.watchdog
        ServiceManager.notify("READY=1\nSTATUS=delivering")
        var isServing = true
        while isServing {
            let isInPlace = isInPlace()
            if isInPlace {
                round()
            } else {
                nextLook = MonotonicTime.coarse().advanced(by: UInt64(Self.pause))
                hooks.afterRound()
            }
            watchdog.feed()
            switch Self.nextSignal(within: min(watchdog.interval.map { $0 / 2 } ?? patience, patience)) {
            case SubmissionWatch.signal: submissions?.takeEvents()
            case SIGHUP:
                ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.coarse().nanoseconds / 1000)")
                if let plan = hooks.reload() {
                    environment = environment.with(plan: plan)
                    due = [:]
                    lastListed = nil
                    nextLook = MonotonicTime(nanoseconds: 0)
                }
                ServiceManager.notify("READY=1")
            case SIGTERM, SIGINT: isServing = false
            default: break
            }
        }
        ServiceManager.notify("STOPPING=1\nSTATUS=finishing what is under way")
        run.stop()
        environment.pool.stop(waitingForReplies: Self.replyPatience)
        run.drain()
        hooks.afterRound()
    }

    /// The next signal within so many nanoseconds; nil where none came.
    private static func nextSignal(within nanoseconds: Int) -> Int32? {
        var signals = signals()
        var timeout = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
        let signal = unsafe sigtimedwait(&signals, nil, &timeout)
        return signal > 0 ? signal : nil
    }

    /// Whether the spool is where it was; where it was made anew the service goes on there, when nothing is under way.
    private mutating func isInPlace() -> Bool {
        let postOffice = environment.postOffice
        var changes: [SpoolPlace.Change] = []
        let isInPlace = place.look(isIdle: run.count == 0) { changes.append($0) }
        for change in changes {
            environment.log(.place(change.description(of: postOffice)))
            guard case .back = change else { continue }
            due = [:]
            lastListed = nil
            nextLook = MonotonicTime(nanoseconds: 0)
            do throws(FileError) {
                try submissions?.follow()
                try environment.postOffice.completeRemovals()
            } catch {
                environment.log(.trouble(nil, error.description))
            }
        }
        return isInPlace
    }

    private mutating func round() {
        hooks.beforeRound { [run, worker = MessageWorker(environment)] in _ = run.add($0, worker) }
        let now = environment.clock()
        for (name, progress) in run.takeResults() {
            switch progress {
            case .removed: due[name] = nil
            case .waiting(let until): due[name] = Self.time(after: until.subtractingReportingOverflow(now).partialValue)
            case .notOurs: due[name] = Self.time(after: Self.idlePause)
            case .passedOver: due[name] = Self.time(after: 1)
            case .trouble: due[name] = Self.time(after: Self.troublePause)
            }
        }
        guard patience == 0 else { return }
        nextLook = MonotonicTime.coarse().advanced(by: UInt64(Self.pause))
        do throws(FileError) {
            try look(now)
        } catch {
            environment.log(.trouble(nil, error.description))
        }
        hooks.afterRound()
    }

    /// The nanoseconds until the next look at the spool.
    private var patience: Int {
        let now = MonotonicTime.coarse()
        return now < nextLook ? Int(clamping: nextLook.nanoseconds - now.nanoseconds) : 0
    }

    private static func time(after seconds: Int) -> MonotonicTime {
        .coarse().advanced(by: UInt64(min(max(seconds, 0), longestPause)) * 1_000_000_000)
    }

    /// Gives the workers what is new and what is due.
    private mutating func look(_ now: Int) throws(FileError) {
        let present = MonotonicTime.coarse()
        var names = due.filter { $0.value <= present }.map(\.key)
        let modified = try FileIdentity(path: "\(environment.postOffice.path)/transport").modified
        // A name may be added within the same tick of the clock after the directory was read: look once more.
        if lastListed != modified || Int(modified / 1_000_000_000) >= now - 2 {
            lastListed = modified
            let listed = try environment.postOffice.messages().names
            let known = Set(listed)
            due = due.filter { known.contains($0.key) }
            names = listed.filter { due[$0].map { $0 <= present } ?? true }
        }
        for name in names { due[name] = MonotonicTime(nanoseconds: .max) }
        run.add(names.sorted(), MessageWorker(environment))
    }
}
