// The life of whatever stays: signals, readiness, the watchdog, reading the configuration anew, and the end. It knows nothing
// of what is served.

import Glibc
import Synchronization
import System

/// What a service does while it lives.
///
/// All of it is called by one thread, one after the other.
package protocol ServiceWork {
    /// What the service does, in a word or two, for the service manager (STATUS).
    var status: String { get }
    /// A descriptor that tells of work by being readable (poll(2)); nil where there is none. A round takes the news.
    var input: Int32? { get }

    /// Does what there is to do now. What takes long tells `ServiceLife.progress` as it gets on, looks at
    /// `ServiceLife.isEnding`, and ends early when that is so.
    ///
    /// - Returns: how long there is nothing to do unless there is input.
    mutating func round() -> Duration

    /// Reads the configuration anew; where it cannot be used the old one stands, which is said.
    mutating func reload()

    /// Begins nothing any more, finishes what is under way, and frees what is held.
    mutating func drain()
}

extension ServiceWork {
    package var input: Int32? { nil }
    package mutating func reload() {}
}

/// The life of this process as a service, from before its first thread until its end.
///
/// SIGTERM, SIGINT and the other signals that end a process let it finish what is under way. A second one of them
/// meanwhile ends it at once, as does the limit for that: then it is as after a crash, which whoever serves has to bear
/// anyway. SIGHUP has the configuration read anew, or is such a signal too where there is none.
package final class ServiceLife: Sendable {
    /// What shows that the service gets on, for its manager's watchdog.
    package let progress = ServiceProgress()

    private let termination: TerminationSignals
    private let reloading: PendingSignals?
    private let cycle = Mutex(LifeCycle())
    /// Whether the end was asked for by a signal that was taken.
    private let hasEndSignal = Atomic(false)
    private let drainLimit: Duration
    private let report: @Sendable (String) -> Void

    /// Begins the life of a service: to be made before any thread is started, as the signals are held back for all of them.
    ///
    /// Writing to a pipe or socket whose reader has gone fails from now on, and does not end the process.
    ///
    /// - Parameters:
    ///   - takesReload: whether SIGHUP asks for the configuration to be read anew.
    ///   - drainLimit: how long the end may take.
    ///   - report: is given what people should know of an end in haste; by a thread that may be held up.
    package init(
        takesReload: Bool, drainLimit: Duration = .seconds(300), report: @escaping @Sendable (String) -> Void
    ) {
        signal(SIGPIPE, SIG_IGN)
        termination = TerminationSignals(except: takesReload ? [SIGHUP] : [])
        reloading = takesReload ? PendingSignals([SIGHUP]) : nil
        self.drainLimit = drainLimit
        self.report = report
    }

    /// Where the service is in its life.
    package var state: LifeCycle.State { cycle.withLock { $0.state } }

    /// Whether the service is asked to end; asked by whoever works for long, from any thread.
    package var isEnding: Bool { hasEndSignal.load(ordering: .relaxed) || termination.isPending }

    /// Serves until the service is told to end, and has done so.
    package func run(_ work: inout some ServiceWork) {
        take(.started, &work)
        while state == .ready {
            let patience = work.round()
            wait(atMost: progress.interval.map { min($0 / 2, patience) } ?? patience, input: work.input)
            if let signal = termination.take() {
                hasEndSignal.store(true, ordering: .relaxed)
                take(.endAsked(signal: signal), &work)
            } else if reloading?.take() != nil {
                take(.reloadAsked, &work)
            }
        }
    }

    private func take(_ event: LifeCycle.Event, _ work: inout some ServiceWork) {
        for action in cycle.withLock({ $0.take(event) }) {
            switch action {
            case .tellReady(let isFirst): ServiceManager.notify("READY=1\(isFirst ? "\nSTATUS=\(work.status)" : "")")
            // The exact clock: a time before the wish would be taken for an answer to an earlier one (sd_notify(3)).
            case .tellReloading:
                ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(monotonicNanoseconds() / 1000)")
            case .tellStopping: ServiceManager.notify("STOPPING=1\nSTATUS=finishing what is under way")
            case .reload:
                work.reload()
                take(.reloaded, &work)
            case .drain:
                watchDraining()
                work.drain()
                take(.drained, &work)
            case .endAtOnce(let signal, let reason): endAtOnce(signal, reason)
            }
        }
    }

    /// Waits for a signal, for input, or for a time.
    private func wait(atMost patience: Duration, input: Int32?) {
        var wanted = [termination.descriptor, reloading?.descriptor ?? -1, input ?? -1].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        let hasDescriptors = termination.descriptor >= 0 && reloading.map { $0.descriptor >= 0 } ?? true
        let milliseconds = hasDescriptors ? patience.milliseconds : min(patience.milliseconds, PendingSignals.pause)
        // Whatever ends the wait is looked for after it.
        _ = unsafe poll(&wanted, nfds_t(wanted.count), milliseconds)
    }

    // MARK: The end

    /// Looks for a second wish to end, and at the time, while the service is draining: in a thread of its own, as the
    /// service's waits.
    private func watchDraining() {
        var thread = pthread_t()
        let end = ContinuousClock.now + drainLimit
        let code = startThread(&thread) { [self] in
            while state == .draining {
                let rest = end - .now
                wait(atMost: max(rest, .zero), input: nil)
                let signal = termination.take()
                let event =
                    signal.map { .endAsked(signal: $0) } ?? (rest <= .zero ? LifeCycle.Event.drainLimitPassed : nil)
                // A wish for another configuration means nothing any more, and must not be waited for again.
                _ = reloading?.take()
                guard let event else { continue }
                for case .endAtOnce(let signal, let reason) in cycle.withLock({ $0.take(event) }) {
                    endAtOnce(signal, reason)
                }
            }
        }
        if code == 0 { pthread_detach(thread) }
    }

    /// Says why, where that can be said without waiting long, and ends the process.
    private func endAtOnce(_ signal: Int32, _ reason: LifeCycle.Haste) -> Never {
        let text =
            switch reason {
            case .askedAgain: "asked to end a second time: what is under way is left as it is, for the next start"
            case .limitPassed:
                "the end took longer than \(drainLimit): what is under way is left as it is, for the next start"
            }
        let isSaid = Monitor(false)
        var thread = pthread_t()
        let code = startThread(&thread) { [report] in
            report(text)
            isSaid.change { $0 = true }
        }
        // Whoever reads the log may not read any more.
        if code == 0 { _ = isSaid.wait(atMost: .seconds(1)) { $0 ? true : nil } }
        termination.end(by: signal)
    }
}

extension Duration {
    /// Milliseconds for poll(2): not less than the time, and at most what it takes.
    fileprivate var milliseconds: Int32 {
        let (seconds, attoseconds) = components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow else { return seconds < 0 ? 0 : .max }
        let rest = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: max(milliseconds.partialValue.addingReportingOverflow(rest).partialValue, 0))
    }
}
