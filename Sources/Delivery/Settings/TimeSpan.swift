// Times as ZMailer's configuration writes them: `90`, `5m`, `1h30m`, `3d`.

/// A length of time in whole seconds.
public struct TimeSpan: Sendable, Hashable, Comparable {
    /// The seconds, at most a hundred years of them.
    public let seconds: Int

    /// The longest time that can be written: a hundred years.
    private static let limit = 100 * 365 * 86_400

    /// A time of so many seconds; less than none is none.
    public init(seconds: Int) {
        self.seconds = min(max(seconds, 0), Self.limit)
    }

    /// Reads numbers with the units `s`, `m`, `h`, `d`; a last number without unit is of seconds.
    ///
    /// Nil for anything else.
    public init?(_ text: some StringProtocol) {
        var total = 0
        var number: Int?
        for byte in text.utf8 {
            if byte &- UInt8(ascii: "0") < 10 {
                number = min((number ?? 0) * 10 + Int(byte &- UInt8(ascii: "0")), Self.limit)
                continue
            }
            guard let value = number, let unit = Self.unit(byte) else { return nil }
            total = min(total + min(value, Self.limit / unit) * unit, Self.limit)
            number = nil
        }
        guard let last = number ?? (total > 0 || text.utf8.contains(UInt8(ascii: "0")) ? 0 : nil) else { return nil }
        seconds = min(total + last, Self.limit)
    }

    /// Whether a text ends in a number without a unit.
    static func lacksUnit(_ text: some StringProtocol) -> Bool {
        Array(text.utf8).last.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
    }

    private static func unit(_ byte: UInt8) -> Int? {
        switch byte | 0x20 {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        case UInt8(ascii: "d"): 86_400
        default: nil
        }
    }

    /// The shorter first.
    public static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.seconds < right.seconds }
}
