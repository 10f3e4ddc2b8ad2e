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

// The clocks by which the age of a file is judged; tests have their own.

/// What time it is, as files are dated and as it passes, and how to wait.
public struct FileClock: Sendable {
    /// Nanoseconds since 1970.
    public let date: @Sendable () -> Int64
    /// The time that only goes forward.
    public let now: @Sendable () -> MonotonicTime
    /// Waits for a number of nanoseconds.
    public let wait: @Sendable (UInt64) -> Void

    /// Puts clocks together.
    public init(
        date: @escaping @Sendable () -> Int64, now: @escaping @Sendable () -> MonotonicTime,
        wait: @escaping @Sendable (UInt64) -> Void
    ) {
        self.date = date
        self.now = now
        self.wait = wait
    }

    /// The system's clocks.
    public static let system = FileClock(
        date: {
            var time = timespec()
            // Fails only for a clock that does not exist. Files are dated by the coarse one.
            _ = unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
            return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        },
        now: { .coarse() },
        wait: { nanoseconds in
            var time = timespec(
                tv_sec: Int(clamping: nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
            var rest = timespec()
            while unsafe nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
        })
}

// The exact monotonic clock: what a message took is less than the coarse clock can tell.

/// The monotonic clock, in nanoseconds.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    // Fails only for a clock that does not exist.
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
}
