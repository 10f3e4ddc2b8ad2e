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

// The signals that end a process, held back while it is inside something that it must leave whole: a process that dies
// inside a Berkeley DB environment takes the locks that it holds there to its grave, for all its other users.

/// Holds back the signals that would end the process, until it has left what it is inside of.
///
/// A signal that comes meanwhile stays pending. Whoever works asks for it between two steps, or waits for it together with
/// a descriptor; on `release` the system does what it would have done at once, so that whoever started the process sees
/// the end that the signal means. Nothing ever runs in a signal handler, and a second signal changes nothing.
public final class TerminationSignals: Sendable {
    /// Those that a terminal, another process or a limit sends, and whose default action is to end the process.
    private static let numbers = [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGXCPU]

    private let held: PendingSignals
    private let former: sigset_t

    /// Holds the signals back, for this thread and all that it starts: to be made before any of them.
    ///
    /// What was ignored stays so, as the signals of the terminal are under nohup.
    ///
    /// - Parameter others: signals that mean something else to this process.
    public init(except others: [Int32] = []) {
        var former = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, nil, &former)
        self.former = former
        held = PendingSignals(Self.numbers.filter { !others.contains($0) && !Self.isIgnored($0) })
    }

    /// Whether the process is to end; asking this does not take the signal away.
    public var isPending: Bool { held.isPending }

    /// Takes one of the signals, for whoever ends the process in an order of its own; nil where none has come.
    public func take() -> Int32? { held.take() }

    /// Can be read (poll(2)) as long as one of the signals is pending; -1 where there is no such descriptor.
    public var descriptor: Int32 { held.descriptor }

    /// What a descriptor is waited for.
    public enum Readiness: Sendable {
        case reading, writing
    }

    /// Waits until a descriptor can be used without waiting, or is at its end.
    ///
    /// - Returns: false if the process is to end.
    public func wait(for other: Int32, _ readiness: Readiness) -> Bool {
        while !isPending {
            var wanted = [
                pollfd(fd: other, events: Int16(readiness == .reading ? POLLIN : POLLOUT), revents: 0),
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let count = unsafe poll(&wanted, nfds_t(wanted.count), descriptor >= 0 ? -1 : PendingSignals.pause)
            if wanted[1].revents != 0 { return false }
            // What cannot be polled is left to the call that uses it.
            if count > 0 || (count < 0 && errno != EINTR) { return true }
        }
        return false
    }

    /// Lets the signals through again: one that came meanwhile ends the process here.
    ///
    /// Any thread may call this whose end would hurt nobody.
    public func release() {
        if isPending { held.endByDefault() }
        var former = former
        unsafe pthread_sigmask(SIG_SETMASK, &former, nil)
    }

    /// Ends the process as a signal that was taken would have: by the system, with nothing left to be done.
    public func end(by number: Int32) -> Never {
        _ = kill(getpid(), number)
        held.endByDefault()
        // One that does not end a process was none of these.
        _exit(128 + number)
    }

    /// Ends the process as soon as one of the signals comes, from a thread of its own.
    ///
    /// - Parameter cleanUp: is done before; nothing must be able to undo it afterwards.
    public func endWhenPending(_ cleanUp: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let code = startThread(&thread) { [self] in
            // Never ready by itself: only a signal ends the wait.
            while wait(for: -1, .reading) {}
            cleanUp()
            release()
        }
        if code == 0 { pthread_detach(thread) } else { release() }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        // SIG_IGN is the number 1 in the place of a function.
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
