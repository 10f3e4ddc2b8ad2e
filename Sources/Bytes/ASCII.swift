// The few facts about ASCII that mail syntax rests on. Bytes at or above 0x80 are never changed or classified.

/// ASCII as mail software needs it: case folding and blanks, on bytes.
public enum ASCII {
    /// LF, the end of a line.
    @inlinable
    public static var lineFeed: UInt8 { 0x0A }
    /// CR, which stands before LF on the wire.
    @inlinable
    public static var carriageReturn: UInt8 { 0x0D }
    /// The space.
    @inlinable
    public static var space: UInt8 { 0x20 }

    /// A tab.
    @inlinable @inline(__always)
    public static var tab: UInt8 { 0x09 }
    /// The dot.
    @inlinable
    public static var dot: UInt8 { 0x2E }

    /// The lower-case form of an ASCII letter; every other byte as it is.
    @inlinable
    public static func lowercase(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// The upper-case form of an ASCII letter; every other byte as it is.
    @inlinable
    public static func uppercase(_ byte: UInt8) -> UInt8 {
        byte &- 0x61 < 26 ? byte & 0xDF : byte
    }

    /// Whether the byte is a space or a horizontal tab (RFC 5322, WSP).
    @inlinable
    public static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    /// Whether the byte is a decimal digit.
    @inlinable
    public static func isDigit(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10
    }

    /// Whether the byte is an ASCII control character (0x00–0x1F, 0x7F).
    @inlinable
    public static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F
    }

    /// The upper-case hexadecimal digit of a value below 16.
    public static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 &+ value : 0x37 &+ (value & 0x0F)
    }

    /// The value of an upper-case hexadecimal digit; nil for any other byte.
    public static func hexadecimalValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        default: nil
        }
    }
}

// Sets of ASCII characters, as syntax rules name them: two words, one shift and one test.

/// A set of ASCII bytes; bytes at or above 0x80 are never members.
public struct ByteSet: Sendable {
    /// Bit N is set where the byte N is a member.
    public let low: UInt64
    /// Bit N is set where the byte 64 + N is a member.
    public let high: UInt64

    /// The set of the characters of a string of ASCII.
    public init(_ characters: StaticString) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        characters.withUTF8Buffer { buffer in
            for index in 0..<buffer.count {
                let byte = unsafe buffer[index] & 127
                if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
            }
        }
        self.low = low
        self.high = high
    }

    /// Whether the byte is a member.
    @inlinable
    public func contains(_ byte: UInt8) -> Bool {
        byte < 128 && (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1
    }
}

// Numbers in files and protocols, read without ever overflowing.

/// Non-negative numbers as text.
public enum Decimal {
    /// The number that decimal digits alone stand for; nil for anything else and for more than an Int holds.
    public static func value(_ text: some Collection<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        var value = 0
        for byte in text {
            guard ASCII.isDigit(byte) else { return nil }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOver) = product.addingReportingOverflow(Int(byte &- 0x30))
            guard !isTooLarge, !isOver else { return nil }
            value = sum
        }
        return value
    }

    /// The number after `0x`.
    public static func hexadecimal(_ text: [UInt8]) -> Int? {
        guard text.starts(with: "0x".utf8), text.count <= 17, let digits = String(validating: text[2...], as: UTF8.self)
        else { return nil }
        return Int(digits, radix: 16)
    }
}
