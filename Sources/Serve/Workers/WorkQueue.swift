// What waits for the workers of one processor. A client's requests are all answered there, so that what its worker has just
// used is still at hand; where a worker hangs in a lookup, another stands in for it at the same queue.

import CLinux
import Glibc
import Synchronization
import System

/// Descriptors that become ready, and work that no descriptor tells of.
final class WorkQueue: Sendable {
    /// What a worker is told of.
    enum Notice {
        /// A descriptor is ready; whether its peer says nothing more.
        case ready(UInt64, isHungUp: Bool)
        case work(LookupWorker.Work)
        /// Nothing, or what was another's.
        case none
    }

    /// The numbers below which none is a connection's or a listener's.
    static let firstNumber: UInt64 = 3
    private static let (endNumber, workNumber, dismissalNumber): (UInt64, UInt64, UInt64) = (0, 1, 2)

    let poller: Poller
    private let waiting = Mutex<[LookupWorker.Work]>([])
    private let endBell: Int32
    /// Their values: how much work waits, and how many workers are to end and have not noticed.
    private let workBell: Int32, dismissalBell: Int32

    /// An empty queue.
    ///
    /// - Throws: `FileError` where the system gives no descriptors.
    init() throws(FileError) {
        poller = try Poller()
        // EFD_NONBLOCK, EFD_CLOEXEC, and EFD_SEMAPHORE: each read takes one notice.
        endBell = eventfd(0, 0x800 | 0x80000)
        workBell = eventfd(0, 0x800 | 0x80000 | 1)
        dismissalBell = eventfd(0, 0x800 | 0x80000 | 1)
        var code: Int32 = endBell < 0 || workBell < 0 || dismissalBell < 0 ? errno : 0
        for (bell, number) in [
            (endBell, Self.endNumber), (workBell, Self.workNumber), (dismissalBell, Self.dismissalNumber),
        ] where code == 0 { code = poller.addForAll(bell, number: number) }
        guard code == 0 else { throw FileError(operation: "eventfd", path: "-", code: code) }
    }

    deinit { for bell in [endBell, workBell, dismissalBell] where bell >= 0 { close(bell) } }

    /// Whether there is work that no descriptor tells of.
    var isEmpty: Bool { waiting.withLock { $0.isEmpty } }

    /// Hands work to the next worker that is free.
    func add(_ work: LookupWorker.Work) {
        waiting.withLock { $0.append(work) }
        _ = eventfd_write(workBell, 1)
    }

    /// Waits for something to do.
    func next() -> Notice {
        guard let (number, isHungUp) = poller.wait() else { return .none }
        switch number {
        case Self.endNumber: return .none
        case Self.dismissalNumber:
            // Another's perhaps, who has to be given the time to take it.
            FileClock.system.wait(200_000)
            return .none
        case Self.workNumber:
            var count: UInt64 = 0
            guard unsafe eventfd_read(workBell, &count) == 0 else { return .none }
            return waiting.withLock { $0.isEmpty ? .none : .work($0.removeFirst()) }
        default: return .ready(number, isHungUp: isHungUp)
        }
    }

    /// Wakes all workers: they are to end.
    func end() { _ = eventfd_write(endBell, 1) }

    /// Tells a worker of this queue to end after what it works on.
    func dismiss(_ worker: LookupWorker) {
        worker.isDismissed.store(true, ordering: .relaxed)
        _ = eventfd_write(dismissalBell, 1)
    }

    /// Takes the notice of a worker that ends, or was given up, after it was dismissed.
    func takeDismissal() {
        var count: UInt64 = 0
        _ = unsafe eventfd_read(dismissalBell, &count)
    }
}
