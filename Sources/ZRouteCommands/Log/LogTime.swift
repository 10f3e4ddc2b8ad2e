// The time as log lines show it (RFC 3339), put together once a millisecond: thousands of lines a second ask for it.

import Glibc

/// The wall clock as text: `2026-11-28T16:22:08.123Z`.
struct LogTime {
    private var shown = Int64.min
    private var text: [UInt8] = []

    /// The present, in UTC.
    mutating func now() -> [UInt8] {
        var time = timespec()
        // Fails only for a clock that does not exist.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        let milliseconds = Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
        if milliseconds != shown {
            shown = milliseconds
            text = Self.text(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
        }
        return text
    }

    private static func text(seconds: time_t, milliseconds: Int) -> [UInt8] {
        var seconds = seconds
        var parts = unsafe tm()
        // Null only where the year is larger than an Int32 can be.
        guard unsafe gmtime_r(&seconds, &parts) != nil else { return Array("-".utf8) }
        func digits(_ number: some BinaryInteger, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(count - text.utf8.count, 0)) + text
        }
        let year = unsafe digits(Int(parts.tm_year) + 1900, 4)
        let date = unsafe "\(year)-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
        let time = unsafe "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
        return Array("\(date)T\(time).\(digits(milliseconds, 3))Z".utf8)
    }
}
