// When recipients on channel `hold` are asked for again.

import MailAddress
import Spool

/// The waiting time between two attempts to route a held recipient.
///
/// The first attempt is due one interval after the message arrived, and each failed one doubles the interval up to the
/// longest. A host that is a number is the time, in seconds since 1970, before which the first attempt is not made: what
/// `delay!SECONDS` in routesdb becomes.
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

    /// When a recipient is due, in seconds since 1970.
    ///
    /// - Parameters:
    ///   - arrival: when the message arrived.
    ///   - attempts: the times of the attempts that failed since.
    func due(_ recipient: ControlRecipient, arrival: Int64, attempts: [Int64]) -> Int64 {
        guard let last = attempts.max() else {
            return Self.time(recipient.address.host) ?? Self.later(arrival, interval)
        }
        let doubled = interval.multipliedReportingOverflow(by: 1 << Int64(min(attempts.count, 40)))
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
