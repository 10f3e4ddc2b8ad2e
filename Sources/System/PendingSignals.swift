// Signals as a question that is asked, not as an interruption: they are blocked, so they stay pending until somebody
// looks, and nothing of ours ever runs in a signal handler.

import CLinux
import Glibc

/// Signals that are held back until somebody asks for them.
public final class PendingSignals: Sendable {
    /// The signals' numbers.
    public let numbers: [Int32]
    /// Can be read (poll(2)) as long as one of the signals is pending; -1 where the system gave none, and they are to be
    /// looked at from time to time.
    public let descriptor: Int32
    /// How long at the most a wait may go on without looking at them where there is no descriptor, in milliseconds.
    public static let pause: Int32 = 50

    private let set: sigset_t

    /// Holds signals back, for this thread and all that it starts: to be made before any of them.
    public init(_ numbers: [Int32]) {
        self.numbers = numbers
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in numbers { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        // SFD_CLOEXEC and SFD_NONBLOCK are these (signalfd(2)).
        descriptor = unsafe signalfd(-1, &set, O_CLOEXEC | O_NONBLOCK)
        self.set = set
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether one of them has come; asking this does not take it away.
    public var isPending: Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        return numbers.contains { unsafe sigismember(&pending, $0) == 1 }
    }

    /// Takes one of them, without waiting; nil where none has come.
    public func take() -> Int32? {
        var set = set
        var none = timespec()
        let number = unsafe sigtimedwait(&set, nil, &none)
        return number > 0 ? number : nil
    }

    /// Lets them through: those that are pending do what the system does by default.
    func endByDefault() {
        var set = set
        // The runtime may have taken one of them for a crash, of which it would tell a long story.
        for number in numbers { signal(number, SIG_DFL) }
        // Also where whoever started the process had them blocked.
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
