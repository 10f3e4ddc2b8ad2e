// Signals as a question that is asked, not as an interruption: they are blocked, so they stay pending until somebody
// looks, and nothing of ours ever runs in a signal handler.

import Glibc
import Spool
import System

/// The signals that a run looks at: those that ask it to end, the one by which its watch wakes it, and
/// for a service the one that asks for its configuration to be read anew.
package struct RunSignals: Sendable {
    /// What ended a wait.
    package enum Wait: Sendable {
        /// The process is asked to end.
        case termination
        /// The configuration is to be read anew (SIGHUP).
        case reload
        /// The watch tells of submissions.
        case input
        /// The time has passed.
        case timeout
    }

    private let termination: TerminationSignals
    private let others: [Int32]

    /// Blocks the signals, for this thread and all that it starts: to be made before any of them.
    ///
    /// - Parameter takesReload: whether SIGHUP asks for the configuration to be read anew; it ends the process otherwise.
    package init(takesReload: Bool = false) {
        others = takesReload ? [SubmissionWatch.signal, SIGHUP] : [SubmissionWatch.signal]
        termination = TerminationSignals(except: others)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in others { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Whether the process was asked to end; asking this does not take the signal away.
    package var isTerminationPending: Bool { termination.isPending }

    /// Lets the signal that asked the process to end do so.
    package func release() { termination.release() }

    /// Waits for one of the signals, or for a time.
    package func wait(milliseconds: Int) -> Wait {
        let number = termination.take(or: others, milliseconds: milliseconds)
        return switch number {
        case nil: .timeout
        case SubmissionWatch.signal: .input
        case SIGHUP where others.contains(SIGHUP): .reload
        default: .termination
        }
    }
}
