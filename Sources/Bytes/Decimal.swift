// Numbers in files and protocols, read without ever overflowing.

/// Non-negative numbers as text.
package enum Decimal {
    /// The number that decimal digits alone stand for; nil for anything else and for more than an Int holds.
    package static func value(_ text: some Collection<UInt8>) -> Int? {
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
    package static func hexadecimal(_ text: [UInt8]) -> Int? {
        guard text.starts(with: "0x".utf8), text.count <= 17, let digits = String(validating: text[2...], as: UTF8.self)
        else { return nil }
        return Int(digits, radix: 16)
    }
}
