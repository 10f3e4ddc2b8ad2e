// When a recipient is tried again, and when no more (ZMailer: `interval`, `retries`, `expiry`).
//
// The points in time are counted from the message's arrival, so that nothing has to be remembered from one run to the
// next: a run tries what has a point between the last change of the control file and now.

/// The attempts that a message gets.
public struct RetrySchedule: Sendable, Hashable {
    /// The unit.
    public let interval: TimeSpan
    /// The units between one attempt and the next, at least one number; the last repeats.
    public let retries: [Int]
    /// The age at which what could not be delivered is returned.
    public let expiry: TimeSpan
    /// The ages at which a sender who asked for it is told of the delay, in order.
    public let reportTimes: [TimeSpan]

    /// A schedule; what is nil is 1 minute, `1 1 2 3 5 8 13 21 34` and 3 days; and a report after
    /// 4 hours (RFC 5321 4.5.4.1 names no time; that is what most servers do).
    public init(
        interval: TimeSpan? = nil, retries: [Int]? = nil, expiry: TimeSpan? = nil, reportTimes: [TimeSpan]? = nil
    ) {
        self.interval = interval ?? TimeSpan(seconds: 60)
        let retries = retries ?? []
        self.retries = retries.isEmpty ? [1, 1, 2, 3, 5, 8, 13, 21, 34] : retries
        self.expiry = expiry ?? TimeSpan(seconds: 3 * 86_400)
        self.reportTimes = reportTimes ?? [TimeSpan(seconds: 4 * 3600)]
    }

    /// The first attempt after the last one, all in seconds since 1970.
    public func next(arrival: Int, last: Int) -> Int {
        var point = arrival
        for (index, factor) in retries.enumerated() {
            let step = max(1, interval.seconds.multipliedReportingOverflow(by: factor).partialValue)
            if index == retries.count - 1, point <= last {
                // All further steps are alike.
                point += ((last - point) / step + 1) * step
            } else {
                point += step
            }
            if point > last { return point }
        }
        return point
    }

    /// Whether a message is so old that an attempt that fails now is its last.
    public func isExpired(arrival: Int, now: Int) -> Bool { now - arrival >= expiry.seconds }
}
