// Base64 (RFC 4648 4), strict and without line breaks, for SASL exchanges and for JSON; Foundation has it too, but would
// cost every start 40 MB.

/// The base64 encoding.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Encodes bytes, with padding.
    public static func encode(_ plain: [UInt8]) -> [UInt8] {
        var encoded: [UInt8] = []
        var index = 0
        while index < plain.count {
            let group = plain[index..<min(index + 3, plain.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 {
                bits = bits << 8 | UInt32(offset < group.count ? group[index + offset] : 0)
            }
            for sextet in 0..<4 {
                let value = Int(bits >> UInt32(18 - 6 * sextet) & 0x3F)
                encoded.append(sextet <= group.count ? alphabet[value] : 0x3D)
            }
            index += 3
        }
        return encoded
    }

    /// Decodes text.
    ///
    /// - Returns: nil where it is not base64: another character, a wrong length, padding before the end, or bits set
    ///   that no byte uses.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.reversed().prefix { $0 == 0x3D }.count
        guard padding <= 2 else { return nil }
        var plain: [UInt8] = []
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for character in text.dropLast(padding) {
            guard let value = value(of: character) else { return nil }
            bits = (bits << 6 | UInt32(value)) & 0xFFFF
            held += 6
            if held >= 8 {
                held -= 8
                plain.append(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
        guard bits & (1 << held - 1) == 0 else { return nil }
        return plain
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x47
        case 0x30...0x39: character + 4
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
