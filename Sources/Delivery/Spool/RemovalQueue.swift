// Removes finished messages together: while some are being removed, and the disk is waited for, the workers go on, and
// what they finish meanwhile is removed next, with one set of syncs.

import Spool
import Synchronization

/// Messages that wait to be removed, and the removing of them by whichever worker finds nobody at it.
final class RemovalQueue: Sendable {
    private struct Entry: Sendable {
        let message: FinishedMessage
        let worker: MessageWorker
        let done: @Sendable (MessageProgress) -> Void
    }

    private struct State {
        var waiting: [Entry] = []
        var removing = 0
    }

    /// Each waiting message keeps a file open: where so many wait, another worker helps.
    private static let limit = 128

    private let state = Mutex(State())

    /// Removes a message, now or soon.
    ///
    /// - Parameter done: is told what came of it once that is durable, in this thread or another worker's.
    func add(_ message: FinishedMessage, _ worker: MessageWorker, done: @escaping @Sendable (MessageProgress) -> Void) {
        var batch = state.withLock { state in
            state.waiting.append(Entry(message: message, worker: worker, done: done))
            guard state.removing == 0 || state.waiting.count >= Self.limit else { return [Entry]() }
            state.removing += 1
            return Self.take(from: &state)
        }
        while !batch.isEmpty {
            Self.remove(batch)
            batch = state.withLock { state in
                if state.waiting.isEmpty { state.removing -= 1 }
                return Self.take(from: &state)
            }
        }
    }

    private static func take(from state: inout State) -> [Entry] {
        defer { state.waiting = [] }
        return state.waiting
    }

    private static func remove(_ entries: [Entry]) {
        guard let worker = entries.first?.worker else { return }
        // All workers of a run deliver the same spool.
        let outcomes = worker.environment.postOffice.remove(entries.map(\.message))
        for (entry, outcome) in zip(entries, outcomes) {
            entry.done(entry.worker.progress(entry.message.name, after: outcome))
        }
    }
}
