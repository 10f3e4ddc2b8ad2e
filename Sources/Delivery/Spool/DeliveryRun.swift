// Many messages at a time: a number of workers, each of which waits for its own message's outcomes, while the
// connections between them see a queue that never runs dry.

import NIOConcurrencyHelpers
import NIOPosix
public import Spool
import Synchronization

/// Works on messages by several threads.
public final class DeliveryRun: Sendable {
    private let threads: NIOThreadPool
    private let keepsResults: Bool
    /// Its value: whether no message is under way.
    private let idle = ConditionLock(value: true)
    private let state = Mutex(State())
    private let removals = RemovalQueue()

    private struct State {
        var underWay: Set<MessageName> = []
        var results: [(MessageName, MessageProgress)] = []
        var isStopping = false
    }

    /// Starts the workers' threads.
    ///
    /// - Parameter keepsResults: whether results are kept for `takeResults`; where nobody takes them they would only add up.
    public init(workers: Int = 32, keepsResults: Bool = true) {
        self.keepsResults = keepsResults
        threads = NIOThreadPool(numberOfThreads: max(workers, 1))
        threads.start()
    }

    /// Works on messages; those already being worked on are passed over.
    public func add(_ names: [MessageName], _ worker: MessageWorker) {
        for name in names {
            let isNew = state.withLock { !$0.isStopping && $0.underWay.insert(name).inserted }
            guard isNew else { continue }
            noteLoad()
            threads.submit { [self] thread in
                let isRunning = if case .active = thread { state.withLock { !$0.isStopping } } else { false }
                guard isRunning else { return end(name, .passedOver) }
                worker.process(name, removals: removals) { [self] in end(name, $0) }
            }
        }
    }

    private func end(_ name: MessageName, _ progress: MessageProgress) {
        state.withLock { state in
            state.underWay.remove(name)
            if keepsResults { state.results.append((name, progress)) }
        }
        noteLoad()
    }

    /// The messages that are being worked on or wait for a worker.
    public var count: Int { state.withLock { $0.underWay.count } }

    /// What came of messages since the last call.
    public func takeResults() -> [(name: MessageName, progress: MessageProgress)] {
        state.withLock { state in
            defer { state.results = [] }
            return state.results.map { (name: $0.0, progress: $0.1) }
        }
    }

    /// Waits until no message is being worked on.
    public func wait() {
        idle.lock(whenValue: true)
        idle.unlock()
    }

    private func noteLoad() {
        idle.lock()
        idle.unlock(withValue: count == 0)
    }

    /// Finishes the messages that are being worked on, begins no other, and ends the threads.
    public func drain() {
        state.withLock { $0.isStopping = true }
        wait()
        try? threads.syncShutdownGracefully()
    }
}
