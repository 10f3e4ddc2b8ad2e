// Copying between spans and arrays of bytes, in one place because it touches memory directly.

extension [UInt8] {
    /// Appends part of a span.
    @inlinable
    public mutating func append(from bytes: Span<UInt8>, _ range: Range<Int>) {
        // The buffer is valid inside the closure, and append copies it before the closure returns.
        let part = bytes.extracting(range)
        unsafe part.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// Appends a whole span.
    @inlinable
    public mutating func append(from bytes: Span<UInt8>) {
        // As above.
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// Makes an array of a span's bytes.
    @inlinable
    public init(copying bytes: Span<UInt8>) {
        self.init()
        append(from: bytes)
    }
}
