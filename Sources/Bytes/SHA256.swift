// SHA-256 (FIPS 180-4) of libmd, and how it is written.

import CMessageDigest

/// SHA-256, by which files are known again.
public enum SHA256 {
    /// How many bytes a digest has.
    public static let size = Int(SHA256_DIGEST_LENGTH)

    /// The digest of some bytes.
    public static func digest(of bytes: Span<UInt8>) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: size)
        var context = SHA2_CTX()
        unsafe SHA256Init(&context)
        // Read within the closure alone.
        unsafe bytes.withUnsafeBufferPointer { unsafe SHA256Update(&context, $0.baseAddress, $0.count) }
        unsafe SHA256Final(&digest, &context)
        return digest
    }

    /// A digest as sha256sum(1) writes it.
    public static func text(of digest: [UInt8]) -> String {
        let digits = digest.flatMap { [$0 >> 4, $0 & 0x0F] }.map { ASCII.lowercase(ASCII.hexadecimalDigit($0)) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The digest that a text is; nil for anything else.
    public static func digest(inText text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count == 2 * size else { return nil }
        var digest: [UInt8] = []
        for index in 0..<size {
            guard let high = value(digits[2 * index]), let low = value(digits[2 * index + 1]) else { return nil }
            digest.append(high << 4 | low)
        }
        return digest
    }

    /// The value of a digit in lower case.
    private static func value(_ digit: UInt8) -> UInt8? {
        ASCII.uppercase(digit) == digit && !ASCII.isDigit(digit) ? nil : ASCII.hexadecimalValue(ASCII.uppercase(digit))
    }
}
