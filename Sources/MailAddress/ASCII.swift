// The few facts about ASCII that mail syntax rests on. Bytes at or above 0x80 are never changed or classified.

/// ASCII as mail software needs it: case folding and blanks, on bytes.
public enum ASCII {
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
}
