// The signals that end a process, held back while it is inside something that it must leave whole: a process that dies
// inside a Berkeley DB environment takes the locks that it holds there to its grave, for all its other users.

import CLinux
import Glibc

/// Holds back the signals that would end the process, until it has left what it is inside of.
///
/// A signal that comes meanwhile stays pending. Whoever works asks for it between two steps, or waits for it together with
/// a descriptor; on `release` the system does what it would have done at once, so that whoever started the process sees
/// the end that the signal means. Nothing ever runs in a signal handler, and a second signal changes nothing.
package final class TerminationSignals: Sendable {
    /// Those that a terminal, another process or a limit sends, and whose default action is to end the process.
    private static let numbers = [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGXCPU]

    private let held: sigset_t
    private let former: sigset_t
    /// Can be read as long as one of the signals is pending; -1 where the system gave none.
    private let descriptor: Int32

    /// Holds the signals back, for this thread and all that it starts: to be made before any of them.
    ///
    /// What was ignored stays so, as the signals of the terminal are under nohup.
    ///
    /// - Parameter others: signals that mean something else to this process.
    package init(except others: [Int32] = []) {
        var held = sigset_t()
        unsafe sigemptyset(&held)
        for number in Self.numbers where !others.contains(number) && !Self.isIgnored(number) {
            unsafe sigaddset(&held, number)
        }
        var former = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, &held, &former)
        self.held = held
        self.former = former
        descriptor = unsafe signalfd(-1, &held, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether the process is to end; asking this does not take the signal away.
    package var isPending: Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        var held = held
        return Self.numbers.contains { unsafe sigismember(&held, $0) == 1 && sigismember(&pending, $0) == 1 }
    }

    /// Waits for one of the signals or of others, which are blocked too, or for a time.
    ///
    /// - Returns: the signal, which is no longer pending; nil when the time is over.
    package func take(or others: [Int32], milliseconds: Int) -> Int32? {
        var set = held
        for number in others { unsafe sigaddset(&set, number) }
        var timeout = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        let number = unsafe sigtimedwait(&set, nil, &timeout)
        return number > 0 ? number : nil
    }

    /// What a descriptor is waited for.
    package enum Readiness: Sendable {
        case reading, writing
    }

    /// Waits until a descriptor can be used without waiting, or is at its end.
    ///
    /// - Returns: false if the process is to end.
    package func wait(for other: Int32, _ readiness: Readiness) -> Bool {
        while !isPending {
            var wanted = [
                pollfd(fd: other, events: Int16(readiness == .reading ? POLLIN : POLLOUT), revents: 0),
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            ]
            // Without the second descriptor it is looked at the signals from time to time.
            let count = unsafe poll(&wanted, nfds_t(wanted.count), descriptor >= 0 ? -1 : Self.pause)
            if wanted[1].revents != 0 { return false }
            // What cannot be polled is left to the call that uses it.
            if count > 0 || (count < 0 && errno != EINTR) { return true }
        }
        return false
    }

    /// The milliseconds between two looks at the signals, where there is no other way.
    private static let pause: Int32 = 50

    /// Lets the signals through again: one that came meanwhile ends the process here.
    ///
    /// Any thread may call this whose end would hurt nobody.
    package func release() {
        if isPending {
            var held = held
            // The runtime may have taken one of them for a crash, of which it would tell a long story.
            for number in Self.numbers where unsafe sigismember(&held, number) == 1 { signal(number, SIG_DFL) }
            // Also where whoever started the process had them blocked.
            unsafe pthread_sigmask(SIG_UNBLOCK, &held, nil)
        }
        var former = former
        unsafe pthread_sigmask(SIG_SETMASK, &former, nil)
    }

    /// Ends the process as soon as one of the signals comes, from a thread of its own.
    ///
    /// - Parameter cleanUp: is done before; nothing must be able to undo it afterwards.
    package func endWhenPending(_ cleanUp: @escaping @Sendable () -> Void) {
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
