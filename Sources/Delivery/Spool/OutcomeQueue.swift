// Hands outcomes from the connections' thread to the worker that waits for them, in the order they come.

import Synchronization
import NIOConcurrencyHelpers

/// Outcomes of the transactions of one message.
final class OutcomeQueue: Sendable {
    private let lock = ConditionLock(value: false)
    private let outcomes = Mutex<[(draft: Int, outcome: DeliveryOutcome)]>([])

    /// Adds the outcome of a transaction.
    func put(_ outcome: DeliveryOutcome, draft: Int) {
        lock.lock()
        outcomes.withLock { $0.append((draft, outcome)) }
        lock.unlock(withValue: true)
    }

    /// Waits for the next outcomes, one at least.
    func take() -> [(draft: Int, outcome: DeliveryOutcome)] {
        lock.lock(whenValue: true)
        let taken = outcomes.withLock { outcomes in
            defer { outcomes = [] }
            return outcomes
        }
        lock.unlock(withValue: false)
        return taken
    }
}
