// Many messages at a time. A message that waits for a server has no thread: threads do work on the disk, and go on with a
// message when there is news of it. Few messages are open for a destination that does not answer; all others are names.
//
//   a message is      held as                                   goes on when
//   new               a name, or open from routing              a thread is free
//   at work           open and locked                           -
//   out               open, its recipients locked               an outcome comes
//   parked            a name                                    its turn comes at a destination (Admission)
//   blocked           open, with outcomes that are not written  the spool can be written to again (SpoolTrouble)
//
// Where the spool cannot be written to nothing new is begun: what servers say could not be kept.

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
package import Spool
import System

/// Works on messages by several threads.
package final class DeliveryRun: Sendable {
    private let threads: NIOThreadPool
    private let threadCount: Int
    private let keepsResults: Bool
    private let openLimit: Int
    private let retryPause: TimeAmount
    /// Its value: whether no message is under way.
    private let idle = ConditionLock(value: true)
    /// A lock that sleeps at once: dozens of threads take it, and would spin while the one that has it is not running.
    private let state: NIOLockedValueBox<State>
    private let removals = RemovalQueue()

    /// How much of routed messages is kept in memory until a thread is free, in bytes.
    private static let memoryLimit = 64 << 20

    private struct State {
        var underWay: Set<MessageName> = []
        var results: [(MessageName, MessageProgress)] = []
        var isStopping = false
        /// The messages that are open, and the size in memory of those that routing handed over.
        var open = 0, openBytes = 0
        /// Threads that look for something to do.
        var running = 0
        var resumed = CircularBuffer<QueuedMessage>()
        var new = CircularBuffer<QueuedMessage>()
        var admission: Admission
        /// While messages wait for their turn, one thread at a time looks which destinations the new ones have.
        var scout: MessageName?
        var trouble: SpoolTrouble
    }

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - workers: how many threads there are, and how many messages are under way to one destination at the most.
    ///   - keepsResults: whether results are kept for `takeResults`; where nobody takes them they would only add up.
    ///   - openLimit: the most messages that are open, with two files each.
    ///   - patience: for how long it is tried to write down what servers answered, where the spool cannot be written to;
    ///     nil for as long as it takes. `drain` has one of its own.
    ///   - retryPause: between two such tries, in milliseconds.
    package init(
        workers: Int = 32, keepsResults: Bool = true, openLimit: Int = 256, patience: TimeSpan? = nil,
        retryPause: Int = 1000
    ) {
        self.keepsResults = keepsResults
        self.openLimit = max(openLimit, 1)
        self.retryPause = .milliseconds(Int64(retryPause))
        threadCount = max(workers, 1)
        state = NIOLockedValueBox(
            State(admission: Admission(limit: workers), trouble: SpoolTrouble(patience: patience)))
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    // MARK: Messages

    /// Works on messages; those already being worked on are passed over.
    ///
    /// - Returns: the others.
    @discardableResult
    package func add(_ names: [MessageName], _ worker: MessageWorker) -> [MessageName] {
        let taken = names.filter(begin)
        for name in taken { state.withLockedValue { $0.new.append(QueuedMessage(name, worker)) } }
        pump()
        return taken
    }

    /// Works on messages that were just routed, as they are.
    ///
    /// - Returns: the messages taken; the others, where too many are open already, are to be added by name when nobody has
    ///   them open any more.
    package func add(_ routed: [RoutedMessage], _ worker: MessageWorker) -> [MessageName] {
        var taken: [MessageName] = []
        for message in routed {
            let hasRoom = state.withLockedValue { state in
                state.open < openLimit && state.openBytes + message.size <= Self.memoryLimit
            }
            guard hasRoom, begin(message.name) else { continue }
            taken.append(message.name)
            state.withLockedValue { state in
                state.open += 1
                state.openBytes += message.size
                state.new.append(QueuedMessage(message.name, worker, routed: message))
            }
        }
        pump()
        return taken
    }

    private func begin(_ name: MessageName) -> Bool {
        let (isNew, count) = state.withLockedValue { state in
            (!state.isStopping && state.underWay.insert(name).inserted, state.underWay.count)
        }
        if isNew, count == 1 { noteLoad() }
        return isNew
    }

    private func end(_ name: MessageName, _ progress: MessageProgress) {
        let isIdle = state.withLockedValue { state in
            state.underWay.remove(name)
            if keepsResults { state.results.append((name, progress)) }
            return state.underWay.isEmpty
        }
        if isIdle { noteLoad() }
    }

    /// The messages that are being worked on or wait for their turn.
    package var count: Int { state.withLockedValue { $0.underWay.count } }

    /// The messages that are open.
    package var openCount: Int { state.withLockedValue { $0.open } }

    /// What came of messages since the last call.
    package func takeResults() -> [(name: MessageName, progress: MessageProgress)] {
        state.withLockedValue { state in
            defer { state.results = [] }
            return state.results.map { (name: $0.0, progress: $0.1) }
        }
    }

    /// Waits until no message is being worked on.
    package func wait() {
        idle.lock(whenValue: true)
        idle.unlock()
    }

    private func noteLoad() {
        idle.lock()
        idle.unlock(withValue: count == 0)
    }

    /// Begins nothing any more: what is not open is left for another run.
    package func stop() {
        let waiting = state.withLockedValue { state in
            if !state.isStopping { state.trouble.limitPatience() }
            state.isStopping = true
            // Their first step is to come: it ends them.
            state.resumed.append(contentsOf: state.new)
            state.new = []
            return state.admission.removeAllWaiting()
        }
        for message in waiting { schedule(message) }
        pump()
    }

    /// Finishes the messages that are open, begins no other, and ends the threads.
    package func drain() {
        stop()
        wait()
        try? threads.syncShutdownGracefully()
    }

    // MARK: Threads

    /// Goes on with a message about which there is news.
    func schedule(_ message: QueuedMessage, _ change: (inout QueuedMessage.News) -> Void = { _ in }) {
        let isNew = message.add {
            $0.isCalled = true
            change(&$0)
        }
        guard isNew else { return }
        state.withLockedValue { $0.resumed.append(message) }
    }

    /// Lets as many threads look for work as there is work for.
    func pump() {
        let count = state.withLockedValue { state in
            var ready = state.resumed.count
            if !state.trouble.isFailing { ready += state.new.count + (state.admission.hasTurn ? 1 : 0) }
            let count = min(ready, threadCount - state.running)
            state.running += max(count, 0)
            return count
        }
        guard count > 0 else { return }
        for _ in 0..<count {
            threads.submit { [self] _ in
                while let message = next() { step(message) }
            }
        }
    }

    /// The next message to go on with; nil where there is none, and the thread has ended its search.
    private func next() -> QueuedMessage? {
        state.withLockedValue { state in
            if let message = state.resumed.popFirst() { return message }
            guard !state.trouble.isFailing, !state.isStopping else {
                state.running -= 1
                return nil
            }
            while state.open < openLimit, let (message, destination) = state.admission.next() {
                // One that is at work already looks for news at the end of its step.
                guard message.add({ $0.admitted.append(destination) }) else { continue }
                if message.setOpen(true) { state.open += 1 }
                return message
            }
            // What routing handed over is open already.
            if let first = state.new.first, state.scout == nil, state.open < openLimit || first.isOpen {
                state.new.removeFirst()
                if state.admission.waitingCount > 0 { state.scout = first.name }
                if first.setOpen(true) { state.open += 1 }
                return first
            }
            state.running -= 1
            return nil
        }
    }

    private func close(_ message: QueuedMessage) {
        let size = message.takeRoutedSize()
        state.withLockedValue { state in
            if message.setOpen(false) { state.open -= 1 }
            state.openBytes -= size
        }
    }

    private func step(_ message: QueuedMessage) {
        let result = advance(message)
        state.withLockedValue { if $0.scout == message.name { $0.scout = nil } }
        if case .blocked = result {} else { noteWritten(by: message) }
        switch result {
        case .waiting: break
        case .parked: close(message)
        case .blocked(let failure, let text): block(message, failure, text)
        case .ended(let progress):
            close(message)
            end(message.name, progress)
        case .finished(let finished):
            close(message)
            removals.add(finished, message.worker) { [self] in end(message.name, $0) }
        }
        if message.endStep() { state.withLockedValue { $0.resumed.append(message) } }
        pump()
    }

    // MARK: Admission

    var isStopping: Bool { state.withLockedValue { $0.isStopping } }

    /// Whether a message may have something sent for it.
    func mayBegin(_ message: QueuedMessage) -> Bool {
        state.withLockedValue { !$0.isStopping && $0.trouble.mayBegin(message) }
    }

    /// Admits a message to a destination, or lets it wait for its turn.
    func admit(_ message: QueuedMessage, to destination: Destination) -> Bool {
        state.withLockedValue { $0.admission.admit(message, to: destination) }
    }

    /// Notes that a message has nothing under way to a destination any more.
    func leave(_ destination: Destination, wasAnswered: Bool?) {
        state.withLockedValue { $0.admission.leave(destination, wasAnswered: wasAnswered) }
    }

    // MARK: Trouble

    /// Keeps a message whose outcomes are not written, and tries again after a pause.
    private func block(_ message: QueuedMessage, _ failure: FileError?, _ text: String) {
        let environment = message.worker.environment
        let (isNew, isToBeTimed) = state.withLockedValue { $0.trouble.block(message, failure) }
        if isNew {
            environment.log(
                .notice(
                    "\(text): nothing more is sent until the spool can be written to; what servers answered is kept"))
        }
        guard isToBeTimed else { return }
        environment.pool.schedule(in: retryPause) { [self] in retry() }
    }

    private func retry() {
        let (messages, givesUp) = state.withLockedValue { $0.trouble.takeBlocked() }
        if givesUp { stop() }
        for message in messages { schedule(message) { $0.givesUp = givesUp } }
        pump()
    }

    private func noteWritten(by message: QueuedMessage) {
        guard state.withLockedValue({ $0.trouble.end(with: message) }) else { return }
        message.worker.environment.log(.notice("the spool can be written to again: delivery goes on"))
    }
}
