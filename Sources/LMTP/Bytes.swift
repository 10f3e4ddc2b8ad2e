// The few ways in which bytes are joined to a buffer, kept in one place because one of them needs a pointer.

extension [UInt8] {
    /// Appends a span's bytes with one copy.
    mutating func append(_ span: borrowing Span<UInt8>) {
        // The pointer is used only within the closure, while the span it comes from is borrowed.
        unsafe span.withUnsafeBufferPointer { buffer in
            unsafe append(contentsOf: buffer)
        }
    }

    /// Appends text written in source, ASCII, without making a String of it.
    mutating func append(_ text: StaticString) {
        // A literal of more than one character has its bytes in the program itself, for ever.
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a number in decimal digits.
    mutating func append(decimal number: UInt64) {
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(0x30 + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
