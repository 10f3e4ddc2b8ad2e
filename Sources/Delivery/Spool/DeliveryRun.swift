// Many messages at a time: a number of workers, each of which waits for its own message's outcomes, while the
// connections between them see a queue that never runs dry.

import NIOConcurrencyHelpers
import NIOPosix
public import Spool

/// Works on messages by several threads.
public final class DeliveryRun: Sendable {
    private let threads: NIOThreadPool
    private let keepsResults: Bool
    private let openLimit: Int
    /// Its value: whether no message is under way.
    private let idle = ConditionLock(value: true)
    /// A lock that sleeps at once: dozens of workers take it, and would spin while the one that has it is not running.
    private let state = NIOLockedValueBox(State())
    private let removals = RemovalQueue()

    /// How much of routed messages is kept in memory until a worker is free, in bytes.
    private static let memoryLimit = 64 << 20

    private struct State {
        var underWay: Set<MessageName> = []
        var results: [(MessageName, MessageProgress)] = []
        var isStopping = false
        /// The routed messages that are kept open, and their size in memory.
        var open = 0, openBytes = 0
    }

    /// Starts the workers' threads.
    ///
    /// - Parameters:
    ///   - keepsResults: whether results are kept for `takeResults`; where nobody takes them they would only add up.
    ///   - openLimit: the most messages just routed that are kept open, with two files each.
    public init(workers: Int = 32, keepsResults: Bool = true, openLimit: Int = 256) {
        self.keepsResults = keepsResults
        self.openLimit = openLimit
        threads = NIOThreadPool(numberOfThreads: max(workers, 1))
        threads.start()
    }

    /// Works on messages; those already being worked on are passed over.
    public func add(_ names: [MessageName], _ worker: MessageWorker) {
        for name in names where begin(name) {
            submit(name) { [self] in worker.process(name, removals: removals) { [self] in end(name, $0) } }
        }
    }

    /// Works on messages that were just routed, as they are.
    ///
    /// - Returns: the messages taken; the others, where too many are waiting already, are to be added by name when
    ///   nobody has them open any more.
    public func add(_ routed: [RoutedMessage], _ worker: MessageWorker) -> [MessageName] {
        var taken: [MessageName] = []
        for message in routed where begin(message) {
            taken.append(message.name)
            submit(message.name) { [self] in
                worker.process(message, removals: removals) { [self] in
                    state.withLockedValue { state in
                        state.open -= 1
                        state.openBytes -= message.size
                    }
                    end(message.name, $0)
                }
            }
        }
        return taken
    }

    private func begin(_ name: MessageName) -> Bool {
        let (isNew, count) = state.withLockedValue { state in
            (!state.isStopping && state.underWay.insert(name).inserted, state.underWay.count)
        }
        if isNew, count == 1 { noteLoad() }
        return isNew
    }

    private func begin(_ message: RoutedMessage) -> Bool {
        let hasRoom = state.withLockedValue { state in
            guard state.open < openLimit, state.openBytes + message.size <= Self.memoryLimit else { return false }
            state.open += 1
            state.openBytes += message.size
            return true
        }
        guard hasRoom else { return false }
        if begin(message.name) { return true }
        state.withLockedValue { state in
            state.open -= 1
            state.openBytes -= message.size
        }
        return false
    }

    private func submit(_ name: MessageName, _ work: @escaping @Sendable () -> Void) {
        threads.submit { [self] thread in
            let isRunning = if case .active = thread { state.withLockedValue { !$0.isStopping } } else { false }
            if isRunning { work() } else { end(name, .passedOver) }
        }
    }

    private func end(_ name: MessageName, _ progress: MessageProgress) {
        let isIdle = state.withLockedValue { state in
            state.underWay.remove(name)
            if keepsResults { state.results.append((name, progress)) }
            return state.underWay.isEmpty
        }
        if isIdle { noteLoad() }
    }

    /// The messages that are being worked on or wait for a worker.
    public var count: Int { state.withLockedValue { $0.underWay.count } }

    /// What came of messages since the last call.
    public func takeResults() -> [(name: MessageName, progress: MessageProgress)] {
        state.withLockedValue { state in
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
        state.withLockedValue { $0.isStopping = true }
        wait()
        try? threads.syncShutdownGracefully()
    }
}
