// Signals as a question that is asked, not as an interruption: they are blocked, so they stay pending until somebody
// looks, and nothing of ours ever runs in a signal handler.

import Files
import Glibc

/// The signals that a run looks at: those that ask it to end, and SIGIO, by which its watch wakes it.
public struct RunSignals: Sendable {
    /// What ended a wait.
    enum Wait {
        case termination, input, timeout
    }

    private let termination: TerminationSignals

    /// Blocks the signals, for this thread and all that it starts: to be made before any of them.
    public init() {
        termination = TerminationSignals()
        var input = sigset_t()
        unsafe sigemptyset(&input)
        unsafe sigaddset(&input, SIGIO)
        unsafe pthread_sigmask(SIG_BLOCK, &input, nil)
    }

    /// Whether the process was asked to end; asking this does not take the signal away.
    public var isTerminationPending: Bool { termination.isPending }

    /// Lets the signal that asked the process to end do so.
    public func release() { termination.release() }

    /// Waits for one of the signals, or for a time.
    func wait(milliseconds: Int) -> Wait {
        switch termination.take(or: SIGIO, milliseconds: milliseconds) {
        case nil: .timeout
        case SIGIO: .input
        default: .termination
        }
    }
}
