// A clock that only goes forward and costs next to nothing to read, for "how long since" on hot paths.

import Glibc

/// A point in time on the system's monotonic clock, whose zero means nothing.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since an arbitrary point.
    public var nanoseconds: UInt64

    /// Makes a point in time.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The present, to the few milliseconds that `CLOCK_MONOTONIC_COARSE` tells apart.
    public static func coarse() -> MonotonicTime {
        var time = timespec()
        // Fails only for a clock that does not exist; Linux has had this one since 2.6.32.
        _ = unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return MonotonicTime(
            nanoseconds: UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec))
    }

    /// The point a number of nanoseconds later; the end of time where that is too far away.
    public func advanced(by nanoseconds: UInt64) -> MonotonicTime {
        let (sum, isOverflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return MonotonicTime(nanoseconds: isOverflow ? .max : sum)
    }

    /// Whether one point is earlier than another.
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
