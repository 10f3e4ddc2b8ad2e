// Copying of a few bytes, which addresses and the values of maps are: two loads and two stores that may overlap cost less
// than the call of memcpy. And their letters in the other case, sixteen at a time.

/// Copies bytes to a place that has room for them, and does not overlap them.
@inlinable @inline(__always)
func copyBytes(from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
    let count = source.count
    guard count > 0, let from = source.baseAddress else { return }
    if count > 32 {
        unsafe target.copyMemory(from: from, byteCount: count)
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
func copyBytes(
    from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, unlessControlOr first: UInt8,
    or second: UInt8
) -> Bool {
    let count = source.count
    guard count >= 16, let from = source.baseAddress else {
        for place in 0..<count {
            let byte = unsafe source[place]
            if byte < 0x20 || byte == first || byte == second { return false }
            unsafe target.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
        }
        return true
    }
    // A byte below a limit borrows from its highest bit when the limit is taken off.
    let ones = EightBytes.repeating(1)
    let limit = EightBytes.repeating(0x20)
    let (firsts, seconds) = (EightBytes.repeating(first), EightBytes.repeating(second))
    var found = SIMD2<UInt64>.zero
    var place = 0
    while true {
        let bytes = unsafe from.loadUnaligned(fromByteOffset: place, as: SIMD2<UInt64>.self)
        unsafe target.storeBytes(of: bytes, toByteOffset: place, as: SIMD2<UInt64>.self)
        found |= (bytes &- limit) & ~bytes
        found |= ((bytes ^ firsts) &- ones) & ~(bytes ^ firsts)
        found |= ((bytes ^ seconds) &- ones) & ~(bytes ^ seconds)
        if place &+ 16 >= count { break }
        // The last sixteen may have some of those before among them.
        place = min(place &+ 16, count &- 16)
    }
    return (found[0] | found[1]) & EightBytes.highest == 0
}

/// Arithmetic on two times eight bytes at once.
@usableFromInline
enum EightBytes {
    /// Twice eight times a byte.
    @inlinable @inline(__always)
    static func repeating(_ byte: UInt8) -> SIMD2<UInt64> {
        SIMD2(repeating: 0x0101_0101_0101_0101 &* UInt64(byte))
    }

    /// The highest bit of each of eight bytes.
    @inlinable static var highest: UInt64 { 0x8080_8080_8080_8080 }

    /// 0x20 for each byte in a range of ASCII, and 0 for every other.
    @inlinable @inline(__always)
    static func caseBits(of bytes: SIMD2<UInt64>, from first: UInt8, through last: UInt8) -> SIMD2<UInt64> {
        let low = bytes & repeating(0x7F)
        // The highest bit of each sum says whether the byte is at least the first, and whether it is past the last.
        let isReached = low &+ repeating(0x80 - first)
        let isPast = low &+ repeating(0x7F - last)
        return (isReached & ~isPast & ~bytes & repeating(0x80)) &>> 2
    }
}

/// Sixteen bytes with their ASCII letters in lower case.
@inlinable @inline(__always)
func lowercased(_ bytes: SIMD2<UInt64>) -> SIMD2<UInt64> {
    bytes | EightBytes.caseBits(of: bytes, from: UInt8(ascii: "A"), through: UInt8(ascii: "Z"))
}

/// Sixteen bytes with their ASCII letters in upper case.
@inlinable @inline(__always)
func uppercased(_ bytes: SIMD2<UInt64>) -> SIMD2<UInt64> {
    bytes ^ EightBytes.caseBits(of: bytes, from: UInt8(ascii: "a"), through: UInt8(ascii: "z"))
}
