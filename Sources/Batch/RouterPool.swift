// The engines of a run, kept from one piece of work to the next: a service routes one message after another, and its maps
// stay open and warm meanwhile.

import Files
import Synchronization

/// Engines that workers take and give back.
///
/// An engine holds a thread and a descriptor or more for each map. There are as many as have been at work at once, and
/// what has had no work for a minute goes: it would keep the disk space of maps that were replaced since.
final class RouterPool: Sendable {
    /// An engine that nobody uses.
    ///
    /// `@unchecked`: an engine serves one thread at a time. Here it has none, and whoever takes it out has it alone.
    private struct Idle: @unchecked Sendable {
        let router: any AddressRouter
        let since: MonotonicTime
    }

    private let makeRouter: @Sendable () -> any AddressRouter
    /// The last one given back stands last, and is taken first: its maps are the warmest.
    private let idle = Mutex<[Idle]>([])

    /// How long an engine without work is kept, in nanoseconds.
    private static let patience: UInt64 = 60_000_000_000

    init(_ makeRouter: @escaping @Sendable () -> any AddressRouter) {
        self.makeRouter = makeRouter
    }

    /// Works with an engine that nobody else uses meanwhile.
    func withRouter(_ work: (any AddressRouter) -> Void) {
        let router = idle.withLock { $0.popLast() }?.router ?? makeRouter()
        work(router)
        giveBack(Idle(router: router, since: .coarse()))
    }

    private func giveBack(_ router: Idle) {
        // Closing waits for a thread: what goes is let go of outside the lock.
        let old = idle.withLock { idle in
            idle.append(router)
            let kept = idle.firstIndex { $0.since.advanced(by: Self.patience) >= router.since } ?? idle.endIndex
            defer { idle.removeFirst(kept) }
            return Array(idle[..<kept])
        }
        _ = consume old
    }

    /// Closes all that nobody uses; more are made when they are wanted.
    func close() {
        let all = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        _ = consume all
    }
}
