// Characters of Unicode that nobody sees: other blanks than the two of mail, marks without width, and what ends lines in
// other programs. In an address or a key they are a mistake that only a program can find.

/// A character that looks like a blank, or like nothing.
package struct InvisibleCharacter: Sendable, Hashable, CustomStringConvertible {
    /// Its number.
    package let scalar: UInt32
    /// Where it begins.
    package let offset: Int

    /// The invisible character that begins at a place, if one does.
    package init?(at place: Int, in bytes: Span<UInt8>) {
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
    package static func first(in bytes: Span<UInt8>) -> InvisibleCharacter? {
        for place in bytes.indices where bytes[place] >= 0x80 {
            if let found = InvisibleCharacter(at: place, in: bytes), !found.hasNameOfItsOwn { return found }
        }
        return nil
    }

    /// Whether it is a fault of files, and not of words.
    package var hasNameOfItsOwn: Bool { scalar == 0xFEFF || endsLines }

    /// Whether other programs take it for the end of a line.
    package var endsLines: Bool { scalar == 0x85 || scalar == 0x2028 || scalar == 0x2029 }

    /// Whether it is seen as a blank.
    package var isBlank: Bool {
        switch scalar {
        case 0xA0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// The form of messages: `a no-break space (U+00A0)`.
    package var description: String {
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
