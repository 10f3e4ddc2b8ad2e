// When recipients on channel `hold` are asked for again.

import MailAddress
import Spool

/// The waiting time between two attempts to route a held recipient.
///
/// The first attempt is due one interval after the message arrived, and each failed one doubles the interval up to the
/// longest. A host that is a number is the time, in seconds since 1970, before which the first attempt is not made: what
/// `delay!SECONDS` in routesdb becomes. Where dates lie ahead of the clock, by which nothing can be told, it is time.
public struct RetryRule: Sendable, Hashable {
    /// The first interval, in seconds.
    public var interval: Int64
    /// The longest interval, in seconds.
    public var longest: Int64

    /// A rule; five minutes to four hours unless said otherwise.
    public init(interval: Int64 = 300, longest: Int64 = 14_400) {
        self.interval = max(interval, 0)
        self.longest = max(longest, interval)
    }

    /// Whether a recipient is due.
    ///
    /// - Parameters:
    ///   - dates: the message's, with the attempts for this recipient.
    ///   - now: the time, in seconds since 1970.
    func isDue(_ recipient: ControlRecipient, _ dates: MessageDates, now: Int64) -> Bool {
        let attempts = dates.attempts.filter { $0 <= now }
        if let last = attempts.max() { return due(after: attempts.count, last) <= now }
        guard dates.attempts.isEmpty, !dates.isAhead(now: now) else { return true }
        return (Self.time(recipient.address.host) ?? Self.later(dates.arrival, interval)) <= now
    }

    private func due(after attempts: Int, _ last: Int64) -> Int64 {
        let doubled = interval.multipliedReportingOverflow(by: 1 << Int64(min(attempts, 40)))
        return Self.later(last, doubled.overflow ? longest : min(doubled.partialValue, longest))
    }

    private static func later(_ time: Int64, _ interval: Int64) -> Int64 {
        let (sum, isOver) = time.addingReportingOverflow(interval)
        return isOver ? .max : sum
    }

    private static func time(_ host: [UInt8]) -> Int64? {
        guard host.allSatisfy(ASCII.isDigit) else { return nil }
        return Int64(String(decoding: host, as: UTF8.self))
    }
}
