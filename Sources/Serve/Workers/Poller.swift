// Which descriptors have something to do: epoll(7). Lookups have a set that all workers share, so that a worker that hangs in a lookup
// holds up one client and no other; the front's loop has one to itself.

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
        /// Something has come, or there is room to write; told once each time.
        case inputAndOutput
        /// Somebody waits to be accepted. It is told once, and again when it is armed.
        case connections

        fileprivate var events: UInt32 {
            // EPOLLIN 1, EPOLLOUT 4, EPOLLRDHUP 0x2000, EPOLLONESHOT 1 << 30, EPOLLET 1 << 31.
            switch self {
            case .input: 1 | 0x2000 | 1 << 31
            case .output: 4 | 1 << 30
            case .inputAndOutput: 1 | 4 | 0x2000 | 1 << 31
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

    /// Waits for descriptors that are ready, for so long at the most; for ever where that is negative.
    func wait(into events: inout Events, atMost milliseconds: Int32) {
        unsafe events.fill { list, capacity in unsafe epoll_wait(descriptor, list, capacity, milliseconds) }
    }
}

extension Poller {
    /// What a descriptor is ready for.
    struct Readiness: OptionSet {
        let rawValue: UInt8

        /// Something can be read, or there is room to write.
        static let input = Readiness(rawValue: 1), output = Readiness(rawValue: 2)
        /// The peer says nothing more; the connection is gone altogether.
        static let inputEnd = Readiness(rawValue: 4), gone = Readiness(rawValue: 8)
    }

    /// Room for what is told at once.
    struct Events {
        private var list = [zroute_epoll_event](repeating: zroute_epoll_event(), count: 128)
        /// How many there are.
        private(set) var count = 0

        /// A descriptor's number, and what it is ready for.
        subscript(index: Int) -> (number: UInt64, readiness: Readiness) {
            let events = list[index].events
            var readiness = Readiness()
            // EPOLLIN, EPOLLOUT, EPOLLRDHUP; EPOLLERR and EPOLLHUP.
            if events & 0x2001 != 0 { readiness.insert(.input) }
            if events & 4 != 0 { readiness.insert(.output) }
            if events & 0x2000 != 0 { readiness.insert(.inputEnd) }
            if events & 0x18 != 0 { readiness.insert(.gone) }
            return (list[index].data, readiness)
        }

        fileprivate mutating func fill(_ wait: (UnsafeMutablePointer<zroute_epoll_event>, Int32) -> Int32) {
            // The pointer is used only within the closure; the system writes no more events than it is told.
            let found = unsafe list.withUnsafeMutableBufferPointer { list in
                unsafe list.baseAddress.map { unsafe wait($0, Int32(list.count)) } ?? 0
            }
            // A signal has ended the wait.
            count = Int(max(0, found))
        }
    }
}
