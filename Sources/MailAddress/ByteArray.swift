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

    /// Appends a whole span and one byte behind it, unless a control character below 0x20 or one of two other bytes is in
    /// the span: then nothing.
    ///
    /// - Returns: whether they were appended.
    @inlinable
    public mutating func append(
        _ bytes: Span<UInt8>, then end: UInt8, unlessControlOr first: UInt8, or second: UInt8
    ) -> Bool {
        let count = bytes.count
        var isOrdinary = false
        append(addingCapacity: count + 1) { output in
            unsafe output.withUnsafeMutableBufferPointer { target, length in
                guard let base = target.baseAddress else { return }
                let copy = UnsafeMutableRawPointer(base)
                // In bounds: there is room for so many.
                isOrdinary = unsafe bytes.withUnsafeBytes { source in
                    unsafe copyBytes(from: source, to: copy, unlessControlOr: first, or: second)
                }
                guard isOrdinary else { return }
                unsafe copy.storeBytes(of: end, toByteOffset: count, as: UInt8.self)
                length = count + 1
            }
        }
        return isOrdinary
    }

    /// Makes an array of a span's bytes.
    @inlinable
    public init(copying bytes: Span<UInt8>) {
        self.init()
        append(from: bytes)
    }
}
