// Which descriptors have something to do: epoll(7), shared by all workers, so that a worker that hangs in a lookup holds up one
// client and no other.

import CLinux
import Glibc
import System

/// Descriptors with a number each, of which one that has become ready is told to one worker.
///
/// `@unchecked`: the descriptor of the set never changes, and the system makes every call on it atomic.
final class Poller: @unchecked Sendable {
    /// What a descriptor waits for.
    enum Interest {
        /// Something has come to be read. It is told once each time something comes, to one worker, without a call of the
        /// system in between.
        case input
        /// There is room to write. It is told once.
        case output
        /// Somebody waits to be accepted. It is told once, and again when it is armed.
        case connections

        fileprivate var events: UInt32 {
            // EPOLLIN 1, EPOLLOUT 4, EPOLLRDHUP 0x2000, EPOLLONESHOT 1 << 30, EPOLLET 1 << 31.
            switch self {
            case .input: 1 | 0x2000 | 1 << 31
            case .output: 4 | 1 << 30
            case .connections: 1 | 1 << 30
            }
        }
    }

    private let descriptor: Int32

    /// An empty set.
    ///
    /// - Throws: `FileError` where the system gives no descriptor.
    init() throws(FileError) {
        descriptor = epoll_create1(O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "epoll_create", path: "-", code: errno) }
    }

    deinit { close(descriptor) }

    /// Adds a descriptor; it leaves the set when it is closed.
    ///
    /// - Returns: 0, or the errno that says why it cannot be added.
    func add(_ descriptor: Int32, number: UInt64, _ interest: Interest) -> Int32 {
        control(1, descriptor, number, interest.events)
    }

    /// Adds a descriptor that is told of to every worker as long as it is readable.
    func addForAll(_ descriptor: Int32, number: UInt64) -> Int32 { control(1, descriptor, number, 1) }

    /// Changes what a descriptor waits for; where that is there already, it is told of at once.
    func arm(_ descriptor: Int32, number: UInt64, _ interest: Interest) {
        // It is in the set, and what it is armed with is valid: there is nothing that could fail.
        _ = control(3, descriptor, number, interest.events)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ number: UInt64, _ events: UInt32) -> Int32 {
        var event = zroute_epoll_event(events: events, data: number)
        return unsafe epoll_ctl(self.descriptor, operation, descriptor, &event) == 0 ? 0 : errno
    }

    /// Waits for a descriptor that is ready.
    ///
    /// - Returns: its number, and whether its peer says nothing more; nil where a signal has ended the wait.
    func wait() -> (number: UInt64, isHungUp: Bool)? {
        var event = zroute_epoll_event()
        guard unsafe epoll_wait(descriptor, &event, 1, -1) == 1 else { return nil }
        // EPOLLRDHUP, EPOLLHUP.
        return (event.data, event.events & 0x2010 != 0)
    }
}
