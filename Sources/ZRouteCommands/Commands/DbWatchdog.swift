// Ends the process when a call into Berkeley DB does not return: a killed process may have left a lock, for which the
// library waits for ever, and nothing inside the process can free a thread that waits there.

import Files
import Glibc
import Maps
import Synchronization

/// Watches the calls of one command.
final class DbWatchdog: CallObserver {
    /// When the present call began, in nanoseconds; 0 outside of calls.
    private let began = Atomic<UInt64>(0)
    private let limit: UInt64
    private let message: String
    private let form: LogForm

    /// Starts to watch.
    ///
    /// - Parameters:
    ///   - seconds: how long a call may take.
    ///   - message: what is said before the process ends.
    init(seconds: Int, message: String, log: LogForm) {
        limit = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
        self.message = message
        form = log
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self)
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                // Retained above, for this thread.
                unsafe Unmanaged<DbWatchdog>.fromOpaque(context).takeRetainedValue().watch()
            }, context.toOpaque())
        if code == 0 { pthread_detach(thread) } else { unsafe context.release() }
    }

    func callBegins() { began.store(MonotonicTime.coarse().nanoseconds, ordering: .relaxed) }

    func callEnded() { began.store(0, ordering: .relaxed) }

    private func watch() -> Never {
        while true {
            usleep(50_000)
            let began = began.load(ordering: .relaxed)
            guard began > 0 else { continue }
            let (elapsed, isBefore) = MonotonicTime.coarse().nanoseconds.subtractingReportingOverflow(began)
            guard !isBefore, elapsed > limit else { continue }
            DiagnosticLog(form).say(message)
            _exit(75)
        }
    }
}
