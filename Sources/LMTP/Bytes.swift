// The few ways in which bytes are joined to a buffer, kept in one place because one of them needs a pointer.

extension [UInt8] {
    /// Appends a span's bytes with one copy.
    mutating func append(_ span: borrowing Span<UInt8>) {
        // The pointer is used only within the closure, while the span it comes from is borrowed.
        unsafe span.withUnsafeBufferPointer { buffer in
            unsafe append(contentsOf: buffer)
        }
    }

    /// Appends text written in source.
    mutating func append(_ text: String) {
        append(contentsOf: text.utf8)
    }

    /// Appends a number in decimal digits.
    mutating func append(decimal number: UInt64) {
        let start = count
        var rest = number
        repeat {
            append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }
}
