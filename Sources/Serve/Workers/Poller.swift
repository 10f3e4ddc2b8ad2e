// Which descriptors have something to do: epoll(7), shared by all workers. Each descriptor is given to one worker at a time, so
// that a worker that hangs in a lookup holds up one client and no other.

import CLinux
import Glibc
import System

/// Descriptors with a number each, of which one that is ready is handed to one worker, and to no other before it is armed again.
///
/// `@unchecked`: the descriptor of the set never changes, and the system makes every call on it atomic.
final class Poller: @unchecked Sendable {
    /// What a descriptor waits for.
    enum Interest {
        /// There is something to read, or to accept.
        case input
        /// There is room to write.
        case output

        fileprivate var events: UInt32 {
            // EPOLLIN or EPOLLOUT, EPOLLRDHUP, EPOLLONESHOT.
            switch self {
            case .input: 0x001 | 0x2000 | 1 << 30
            case .output: 0x004 | 1 << 30
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

    /// Adds a descriptor that is handed to every worker as long as it is readable.
    func addForAll(_ descriptor: Int32, number: UInt64) -> Int32 { control(1, descriptor, number, 0x001) }

    /// Lets a descriptor that was handed to a worker be handed to one again.
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
    /// - Returns: its number; nil when the time has passed.
    func wait(milliseconds: Int32) -> UInt64? {
        var event = zroute_epoll_event()
        guard unsafe epoll_wait(descriptor, &event, 1, milliseconds) == 1 else { return nil }
        return event.data
    }
}
