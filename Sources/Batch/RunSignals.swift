// Signals as a question that is asked, not as an interruption: they are blocked, so they stay pending until somebody
// looks, and nothing of ours ever runs in a signal handler.

import Glibc
import Spool

/// The signals that a run looks at: SIGTERM and SIGINT, which ask it to end, and the one by which its watch wakes it.
public struct RunSignals: Sendable {
    /// What ended a wait.
    public enum Wait: Sendable {
        /// The process is asked to end.
        case termination
        /// The watch tells of submissions.
        case input
        /// The time has passed.
        case timeout
    }

    private static let terminating = [SIGTERM, SIGINT]

    /// Blocks the signals, for this thread and all that it starts: to be made before any of them.
    public init() {
        var set = Self.set
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Whether the process was asked to end; asking this does not take the signal away.
    public var isTerminationPending: Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        return Self.terminating.contains { unsafe sigismember(&pending, $0) == 1 }
    }

    /// Waits for one of the signals, or for a time.
    public func wait(milliseconds: Int) -> Wait {
        var set = Self.set
        var timeout = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        let number = unsafe sigtimedwait(&set, nil, &timeout)
        if number == SubmissionWatch.signal { return .input }
        return Self.terminating.contains(number) ? .termination : .timeout
    }

    private static var set: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in terminating + [SubmissionWatch.signal] { unsafe sigaddset(&set, number) }
        return set
    }
}
