// The encoding in which DSN parameters carry arbitrary bytes on a command line: RFC 3461 4.

/// Text in the xtext encoding: printable ASCII in which `+HH` stands for any byte.
///
/// Its bytes never hold a blank, a control character or a byte above 0x7E, so it cannot break a command line.
public struct XText: Sendable, Hashable, CustomStringConvertible {
    /// The encoded form, as on the wire.
    public let bytes: [UInt8]

    /// Encodes bytes: everything but printable ASCII, and `+` and `=`, becomes `+HH`.
    public init(encoding plain: some Sequence<UInt8>) {
        var encoded: [UInt8] = []
        for byte in plain {
            if (0x21...0x7E).contains(byte), byte != 0x2B, byte != 0x3D {
                encoded.append(byte)
            } else {
                encoded.append(0x2B)
                encoded.append(hexadecimalDigit(byte >> 4))
                encoded.append(hexadecimalDigit(byte & 0x0F))
            }
        }
        bytes = encoded
    }

    /// Takes text that is encoded already.
    ///
    /// - Returns: nil where it is no xtext: a blank, a control, a high byte, an `=`, or a `+` without two upper-case
    ///   hexadecimal digits.
    public init?(encoded text: some Sequence<UInt8>) {
        let bytes = Array(text)
        guard Self.decode(bytes) != nil else { return nil }
        self.bytes = bytes
    }

    /// The bytes that the text stands for.
    public var decoded: [UInt8] {
        Self.decode(bytes) ?? []
    }

    /// The encoded form.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        var plain: [UInt8] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            guard (0x21...0x7E).contains(byte), byte != 0x3D else { return nil }
            index += 1
            guard byte == 0x2B else {
                plain.append(byte)
                continue
            }
            guard text.count - index >= 2, let high = hexadecimalValue(text[index]),
                let low = hexadecimalValue(text[index + 1])
            else { return nil }
            plain.append(high << 4 | low)
            index += 2
        }
        return plain
    }
}

/// The upper-case hexadecimal digit of a value below 16.
package func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 + value : 0x37 + (value & 0x0F)
}

/// The value of an upper-case hexadecimal digit.
func hexadecimalValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x37
    default: nil
    }
}
