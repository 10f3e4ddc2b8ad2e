// What came to entries that change little by little, so that whoever keeps a digest of their keys need not read them all again.

import Synchronization

/// The keys that have come to entries, over all their generations, as hashes.
package final class EntryHistory: Sendable {
    private struct State {
        /// How many have been forgotten.
        var first = 0
        var hashes: [UInt32] = []
    }

    private let state = Mutex(State())

    /// Beyond so many, whoever has not asked reads all keys again.
    private static let limit = 1 << 18

    /// Nothing has come yet.
    package init() {}

    /// Notes keys that have come.
    ///
    /// - Returns: where the history ends now.
    package func add(_ hashes: [UInt32]) -> Int {
        state.withLock { state in
            state.hashes += hashes
            if state.hashes.count > Self.limit {
                let count = state.hashes.count - Self.limit / 2
                state.hashes.removeFirst(count)
                state.first += count
            }
            return state.first + state.hashes.count
        }
    }

    /// What has come between two generations, and perhaps more.
    ///
    /// - Returns: nil where that is not known.
    func additions(from old: LoadedEntries, to new: LoadedEntries) -> [UInt32]? {
        guard old.history === self, new.history === self else { return nil }
        return state.withLock { state in
            guard old.end >= state.first, new.end <= state.first + state.hashes.count, old.end <= new.end else {
                return nil
            }
            return Array(state.hashes[(old.end - state.first)..<(new.end - state.first)])
        }
    }
}
