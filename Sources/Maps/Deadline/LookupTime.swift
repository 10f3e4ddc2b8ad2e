// How long a lookup in what others keep may wait: it gives up by itself, some time before its worker would be given up, and
// where it had to, the next ones fail at once for a moment. So a database that is locked, or a server that is stopped, costs one
// deadline and not one for each address.

import System

/// The time that the lookups of one worker in one database or server have.
package struct LookupTime {
    /// The deadline where nobody has set one.
    private static let standard = Duration.seconds(5)
    /// How long nothing is asked after a lookup that had no answer in time.
    private static let pause: UInt64 = 500_000_000

    /// How long a lookup waits.
    package let limit: Duration
    private let nanoseconds: UInt64
    private var resumption: UInt64 = 0

    /// The time of a worker's lookups.
    ///
    /// - Parameter deadline: after so long the worker is given up; nil where nobody watches it.
    package init(deadline: Duration?) {
        // What is left is enough to notice that time is up, and to say so.
        limit = (deadline ?? Self.standard) * 4 / 5
        let (seconds, rest) = limit.components
        nanoseconds = UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: rest / 1_000_000_000)
    }

    /// A lookup begins.
    ///
    /// - Returns: when it has to end, on the clock of ``monotonicNanoseconds()``.
    /// - Throws: where one had no answer in time a moment ago.
    package func begin() throws(ResourceFailure) -> UInt64 {
        let now = monotonicNanoseconds()
        guard now >= resumption else {
            throw ResourceFailure(text: "not asked, because a lookup before had no answer within \(description)")
        }
        return now.addingReportingOverflow(nanoseconds).partialValue
    }

    /// A lookup had no answer in time.
    package mutating func noteExhaustion() { resumption = monotonicNanoseconds() &+ Self.pause }

    /// How long a lookup waits, as messages show it.
    package var description: String { seconds(limit) }
}
