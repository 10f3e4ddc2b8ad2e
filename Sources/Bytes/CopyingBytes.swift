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

    /// Appends text written in source, without making a String of it.
    public mutating func append(_ text: StaticString) {
        // What is one character has no address of its own; all else has its bytes in the program itself, for ever.
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    /// Appends a number in decimal digits.
    public mutating func append(decimal number: UInt64) {
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(0x30 + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// Makes an array of a span's bytes.
    @inlinable
    public init(copying bytes: Span<UInt8>) {
        self.init()
        append(from: bytes)
    }
}

// Copying of a few bytes, which addresses and the values of maps are: two loads and two stores that may overlap cost less
// than the call of memcpy. And their letters in the other case, sixteen at a time.

/// Copies bytes to a place that has room for them, and does not overlap them.
@inlinable @inline(__always)
public func copyBytes(from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
    let count = source.count
    guard count > 0, let from = source.baseAddress else { return }
    if count > 64 {
        unsafe target.copyMemory(from: from, byteCount: count)
    } else if count > 32 {
        let head = unsafe from.loadUnaligned(as: SIMD4<UInt64>.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count &- 32, as: SIMD4<UInt64>.self)
        unsafe target.storeBytes(of: head, as: SIMD4<UInt64>.self)
        unsafe target.storeBytes(of: tail, toByteOffset: count &- 32, as: SIMD4<UInt64>.self)
    } else if count >= 16 {
        let head = unsafe from.loadUnaligned(as: SIMD2<UInt64>.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count &- 16, as: SIMD2<UInt64>.self)
        unsafe target.storeBytes(of: head, as: SIMD2<UInt64>.self)
        unsafe target.storeBytes(of: tail, toByteOffset: count &- 16, as: SIMD2<UInt64>.self)
    } else if count >= 8 {
        let head = unsafe from.loadUnaligned(as: UInt64.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        unsafe target.storeBytes(of: head, as: UInt64.self)
        unsafe target.storeBytes(of: tail, toByteOffset: count &- 8, as: UInt64.self)
    } else if count >= 4 {
        let head = unsafe from.loadUnaligned(as: UInt32.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
        unsafe target.storeBytes(of: head, as: UInt32.self)
        unsafe target.storeBytes(of: tail, toByteOffset: count &- 4, as: UInt32.self)
    } else {
        for place in 0..<count { unsafe target.storeBytes(of: source[place], toByteOffset: place, as: UInt8.self) }
    }
}

/// Copies bytes to a place that has room for them, unless a control character below 0x20 or one of two other bytes is
/// among them.
///
/// - Returns: whether none is; otherwise what was copied is of no meaning.
@inlinable @inline(__always)
public func copyBytes(
    from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, unlessControlOr first: UInt8,
    or second: UInt8
) -> Bool {
    let count = source.count
    guard count >= 16, let from = source.baseAddress else {
        return unsafe copyFewBytes(from: source, to: target, unlessControlOr: first, or: second)
    }
    var found = SIMD2<UInt64>.zero
    var place = 0
    while true {
        let bytes = unsafe from.loadUnaligned(fromByteOffset: place, as: SIMD2<UInt64>.self)
        unsafe target.storeBytes(of: bytes, toByteOffset: place, as: SIMD2<UInt64>.self)
        found |= EightBytes.isControl(bytes, or: first, or: second)
        if place &+ 16 >= count { break }
        // The last sixteen may have some of those before among them.
        place = min(place &+ 16, count &- 16)
    }
    return EightBytes.highestBits(of: found) == 0
}

/// Copies less than sixteen bytes as `copyBytes` does.
@inlinable @inline(__always)
public func copyFewBytes(
    from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, unlessControlOr first: UInt8,
    or second: UInt8
) -> Bool {
    let count = source.count
    guard count >= 4, let from = source.baseAddress else {
        for place in 0..<count {
            let byte = unsafe source[place]
            if byte < 0x20 || byte == first || byte == second { return false }
            unsafe target.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
        }
        return true
    }
    let bytes: SIMD2<UInt64>
    if count >= 8 {
        let head = unsafe from.loadUnaligned(as: UInt64.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        unsafe target.storeBytes(of: head, as: UInt64.self)
        unsafe target.storeBytes(of: tail, toByteOffset: count &- 8, as: UInt64.self)
        bytes = SIMD2(head, tail)
    } else {
        let head = unsafe from.loadUnaligned(as: UInt32.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
        unsafe target.storeBytes(of: head, as: UInt32.self)
        unsafe target.storeBytes(of: tail, toByteOffset: count &- 4, as: UInt32.self)
        bytes = SIMD2(repeating: UInt64(head) | UInt64(tail) << 32)
    }
    return EightBytes.highestBits(of: EightBytes.isControl(bytes, or: first, or: second)) == 0
}

/// Sixteen bytes with their ASCII letters in lower case.
@inlinable @inline(__always)
public func lowercased(_ bytes: SIMD2<UInt64>) -> SIMD2<UInt64> {
    bytes | EightBytes.caseBits(of: bytes, from: UInt8(ascii: "A"), through: UInt8(ascii: "Z"))
}

/// Sixteen bytes with their ASCII letters in upper case.
@inlinable @inline(__always)
public func uppercased(_ bytes: SIMD2<UInt64>) -> SIMD2<UInt64> {
    bytes ^ EightBytes.caseBits(of: bytes, from: UInt8(ascii: "a"), through: UInt8(ascii: "z"))
}

// Words of 64 bits as bytes, the highest first: how files of ours have numbers.

extension [UInt8] {
    /// Appends a word, its highest byte first.
    public mutating func append(word: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
        }
    }
}

extension UInt64 {
    /// The word of up to eight bytes, the highest first; of more bytes, of the last eight.
    public init(word bytes: ArraySlice<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The size of a word as bytes.
    public static var wordSize: Int { bitWidth / 8 }
}
