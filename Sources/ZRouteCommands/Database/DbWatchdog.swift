// Ends the process when a call into a library does not return: a process that was killed or stopped may hold a lock, for which
// the library waits for ever, and nothing inside the process can free a thread that waits there.

import Configuration
import Glibc
import Maps
import Site
import Synchronization
import System

/// Watches the calls of one command.
final class DbWatchdog: CallObserver {
    /// When the present call began, in nanoseconds; 0 outside of calls.
    private let began = Atomic<UInt64>(0)
    private let limit: UInt64
    private let message: String
    private let form: LogForm
    private let signals: TerminationSignals

    /// Starts to watch.
    ///
    /// - Parameters:
    ///   - what: what the command works on.
    ///   - remedy: what a call that does not return waits for, and what to do.
    ///   - site: tells how long a call may take.
    ///   - signals: those that are held back; one of them means that the work is to end.
    ///   - log: the form of what is said before the process ends.
    init(
        _ what: String, _ remedy: String, _ site: LoggedSite?, _ signals: TerminationSignals, _ log: LogForm
    ) {
        let seconds = site?.settings.lookupTimeout ?? Self.standardTimeout
        message = "\(what): no answer within \(seconds) s, and it is not known what was done: \(remedy)"
        limit = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
        form = log
        self.signals = signals
        var thread = pthread_t()
        if startThread(&thread, { self.watch() }) == 0 { pthread_detach(thread) }
    }

    private static let standardTimeout = 5

    func callBegins() { began.store(MonotonicTime.coarse().nanoseconds, ordering: .relaxed) }

    func callEnded() { began.store(0, ordering: .relaxed) }

    var isStopRequested: Bool { signals.isPending }

    private func watch() {
        while true {
            usleep(50_000)
            let began = began.load(ordering: .relaxed)
            guard began > 0 else { continue }
            let (elapsed, isBefore) = MonotonicTime.coarse().nanoseconds.subtractingReportingOverflow(began)
            guard !isBefore, elapsed > limit else { continue }
            DiagnosticLog(form).say(message)
            // A signal that waits for the call to return ends the process as it would have done.
            signals.release()
            _exit(75)
        }
    }
}
