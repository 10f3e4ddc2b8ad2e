// Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.

/// The well-formedness of UTF-8, on bytes.
public enum WellFormedUTF8 {
    /// The length of the well-formed sequence that begins at a position, or 0 where none does.
    public static func sequenceLength(_ bytes: Span<UInt8>, at position: Int) -> Int {
        let lead = bytes[position]
        if lead < 0x80 { return 1 }
        let length: Int
        let second: ClosedRange<UInt8>
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard bytes.count - position >= length, second.contains(bytes[position + 1]) else { return 0 }
        for index in 2..<max(length, 2) where bytes[position + index] & 0xC0 != 0x80 {
            return 0
        }
        return length
    }

    /// Whether all bytes are well-formed UTF-8.
    public static func isValid(_ bytes: Span<UInt8>) -> Bool {
        var position = 0
        while position < bytes.count {
            let length = sequenceLength(bytes, at: position)
            if length == 0 { return false }
            position += length
        }
        return true
    }
}

// Characters of Unicode that nobody sees: other blanks than the two of mail, marks without width, and what ends lines in
// other programs. In an address or a key they are a mistake that only a program can find.

/// A character that looks like a blank, or like nothing.
public struct InvisibleCharacter: Sendable, Hashable, CustomStringConvertible {
    /// Its number.
    public let scalar: UInt32
    /// Where it begins.
    public let offset: Int

    /// The invisible character that begins at a place, if one does.
    public init?(at place: Int, in bytes: Span<UInt8>) {
        let length = WellFormedUTF8.sequenceLength(bytes, at: place)
        let scalar: UInt32
        switch length {
        case 2: scalar = UInt32(bytes[place] & 0x1F) << 6 | UInt32(bytes[place + 1] & 0x3F)
        case 3:
            scalar =
                UInt32(bytes[place] & 0x0F) << 12 | UInt32(bytes[place + 1] & 0x3F) << 6
                | UInt32(bytes[place + 2] & 0x3F)
        default: return nil
        }
        guard Self.isInvisible(scalar) else { return nil }
        self.scalar = scalar
        offset = place
    }

    /// The first invisible character of a text that is neither a byte order mark nor the end of a line elsewhere.
    public static func first(in bytes: Span<UInt8>) -> InvisibleCharacter? {
        for place in bytes.indices where bytes[place] >= 0x80 {
            if let found = InvisibleCharacter(at: place, in: bytes), !found.hasNameOfItsOwn { return found }
        }
        return nil
    }

    /// Whether it is a fault of files, and not of words.
    public var hasNameOfItsOwn: Bool { scalar == 0xFEFF || endsLines }

    /// Whether other programs take it for the end of a line.
    public var endsLines: Bool { scalar == 0x85 || scalar == 0x2028 || scalar == 0x2029 }

    /// Whether it is seen as a blank.
    public var isBlank: Bool {
        switch scalar {
        case 0xA0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// The form of messages: `a no-break space (U+00A0)`.
    public var description: String {
        let digits = String(scalar, radix: 16, uppercase: true)
        let number = "U+" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
        let name =
            switch scalar {
            case 0x85: "a next line character"
            case 0xA0, 0x202F: "a no-break space"
            case _ where isBlank: "a wide or narrow blank"
            case 0xAD: "a soft hyphen"
            case 0x2028: "a line separator"
            case 0x2029: "a paragraph separator"
            case 0x200B: "a zero width space"
            case 0xFEFF: "a byte order mark"
            default: "an invisible character"
            }
        return "\(name) (\(number))"
    }

    /// The zero width joiners (U+200C, U+200D) are none: names in some scripts need them (RFC 5892, appendix A).
    private static func isInvisible(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x80...0xA0, 0xAD, 0x34F, 0x1680, 0x180E, 0x2000...0x200B, 0x200E...0x200F, 0x2028...0x202F,
            0x205F...0x206F, 0x3000, 0xFEFF:
            true
        default: false
        }
    }
}
