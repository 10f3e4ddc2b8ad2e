// What a front counts, for metrics.

import Synchronization

/// The counts of a front.
package final class FrontCounts: Sendable {
    /// The bounds of the histogram's buckets, in seconds; one more takes the rest.
    package static let bounds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// The counts at one moment.
    package struct Snapshot: Sendable {
        /// Clients that ever connected, and those that are connected.
        package var connections = 0, openConnections = 0
        /// Transactions at stores that ended otherwise than by the store's replies.
        package var storeFailures = 0
        /// Transactions and recipients by outcome.
        package var tally = FrontTally()
        /// Messages by the time from their end to the last reply, in buckets.
        package var buckets = [Int](repeating: 0, count: FrontCounts.bounds.count + 1)
        /// The sum of these times, in seconds.
        package var seconds = 0.0
    }

    private let state = Mutex(Snapshot())

    init() {}

    /// The counts of now.
    package var snapshot: Snapshot { state.withLock { $0 } }

    func nextConnection() -> Int {
        state.withLock { state in
            state.connections += 1
            return state.connections
        }
    }

    func storeFailed() { state.withLock { $0.storeFailures += 1 } }

    func add(_ tally: FrontTally, messageSeconds: Double?) {
        state.withLock { state in
            state.tally.add(tally)
            guard let messageSeconds else { return }
            state.seconds += messageSeconds
            state.buckets[Self.bounds.firstIndex { messageSeconds <= $0 } ?? Self.bounds.count] += 1
        }
    }
}
