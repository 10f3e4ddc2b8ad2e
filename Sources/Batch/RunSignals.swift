// Signals as a question that is asked, not as an interruption: they are blocked, so they stay pending until somebody
// looks, and nothing of ours ever runs in a signal handler.

import Files
import Glibc
import Spool

/// The signals that a run looks at: those that ask it to end, and the one by which its watch wakes it.
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

    private let termination: TerminationSignals

    /// Blocks the signals, for this thread and all that it starts: to be made before any of them.
    public init() {
        termination = TerminationSignals()
        var input = sigset_t()
        unsafe sigemptyset(&input)
        unsafe sigaddset(&input, SubmissionWatch.signal)
        unsafe pthread_sigmask(SIG_BLOCK, &input, nil)
    }

    /// Whether the process was asked to end; asking this does not take the signal away.
    public var isTerminationPending: Bool { termination.isPending }

    /// Lets the signal that asked the process to end do so.
    public func release() { termination.release() }

    /// Waits for one of the signals, or for a time.
    public func wait(milliseconds: Int) -> Wait {
        switch termination.take(or: SubmissionWatch.signal, milliseconds: milliseconds) {
        case nil: .timeout
        case SubmissionWatch.signal: .input
        default: .termination
        }
    }
}
