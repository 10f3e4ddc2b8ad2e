// What a lookup server has answered, for metrics: counted by all workers at once, without a lock on the way of an answer.

package import LookupProtocols
import Synchronization

/// The counts of a lookup server.
package final class AnswerCounts: Sendable {
    /// What is counted together.
    package struct Key: Sendable, Hashable {
        /// The protocol, as `--listen` names it.
        package let protocolName: String
        /// The map.
        package let map: String
    }

    /// The counts of one protocol and map.
    package final class Cell: Sendable {
        /// The upper bounds of the histogram in seconds; a last bucket has what took longer.
        package static let bounds = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 10]
        private static let nanoseconds = bounds.map { UInt64($0 * 1e9) }

        private let statuses = InlineArray<4, Atomic<Int>> { _ in Atomic(0) }
        private let buckets = InlineArray<13, Atomic<Int>> { _ in Atomic(0) }
        private let sum = Atomic<UInt64>(0)

        /// Counts an answer and what it took.
        func count(_ status: LookupStatus, nanoseconds: UInt64) {
            statuses[status.position].wrappingAdd(1, ordering: .relaxed)
            var bucket = 0
            while bucket < Self.nanoseconds.count, nanoseconds > Self.nanoseconds[bucket] { bucket += 1 }
            buckets[bucket].wrappingAdd(1, ordering: .relaxed)
            sum.wrappingAdd(nanoseconds, ordering: .relaxed)
        }

        /// How many answers there were of a kind.
        package func count(of status: LookupStatus) -> Int { statuses[status.position].load(ordering: .relaxed) }

        /// How many answers took at most the time of each bound, and how many there were; and the seconds of all of them.
        package var histogram: (cumulative: [Int], count: Int, seconds: Double) {
            var (cumulative, count): ([Int], Int) = ([], 0)
            for bucket in Self.bounds.indices {
                count += buckets[bucket].load(ordering: .relaxed)
                cumulative.append(count)
            }
            count += buckets[Self.bounds.count].load(ordering: .relaxed)
            return (cumulative, count, Double(sum.load(ordering: .relaxed)) / 1e9)
        }
    }

    private let cells = Mutex<[Key: Cell]>([:])

    /// Nothing counted yet.
    package init() {}

    /// The counts of a protocol and a map; the map of a name that is none is counted as `-`.
    func cell(_ protocolName: String, _ map: String?) -> Cell {
        cells.withLock { cells in
            let key = Key(protocolName: protocolName, map: map ?? "-")
            if let cell = cells[key] { return cell }
            let cell = Cell()
            cells[key] = cell
            return cell
        }
    }

    /// All counts, in the order of protocols and maps.
    package var all: [(key: Key, cell: Cell)] {
        cells.withLock { Array($0) }.map { ($0.key, $0.value) }
            .sorted { ($0.0.protocolName, $0.0.map) < ($1.0.protocolName, $1.0.map) }
    }
}

extension LookupStatus {
    fileprivate var position: Int {
        switch self {
        case .found: 0
        case .absent: 1
        case .failed: 2
        case .refused: 3
        }
    }
}
