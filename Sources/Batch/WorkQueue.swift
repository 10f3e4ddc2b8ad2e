// The names that the workers of a run share: each takes a part, so that none waits while another has too many.

import Spool
import Synchronization

/// Names to be worked on.
final class WorkQueue: Sendable {
    private let names: [MessageName]
    private let next = Atomic<Int>(0)

    init(_ names: [MessageName]) {
        self.names = names
    }

    /// The next name; nil when all are taken.
    func take() -> MessageName? {
        let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return names.indices.contains(place) ? names[place] : nil
    }

    /// How many names a worker should take together: an equal share of what is left, within a limit.
    func share(of workers: Int, limit: Int) -> Int {
        let left = max(names.count - next.load(ordering: .relaxed), 0)
        return min(max((left + workers - 1) / max(workers, 1), 1), max(limit, 1))
    }
}
