// The few ways in which bytes are joined to a buffer, kept in one place because one of them needs a pointer.

import Glibc

extension Span<UInt8> {
    /// Where the next such byte is, from a place on; the count where there is none.
    func index(of byte: UInt8, from start: Int) -> Int {
        guard start < count else { return count }
        // The pointers are used only within the closure, while the span is borrowed; what is searched lies in it.
        return unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + start, Int32(byte), count - start)
            else { return count }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}

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
