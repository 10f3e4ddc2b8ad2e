// The clocks by which the age of a file is judged; tests have their own.

import Glibc

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
