// Copying of a few bytes, which addresses and the values of maps are: two loads and two stores that may overlap cost less
// than the call of memcpy.

/// Copies bytes into a buffer that has room for them from a place on, and does not overlap them.
@inlinable @inline(__always)
func copyBytes(from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, at start: Int) {
    let count = source.count
    guard count > 0, let from = source.baseAddress, let base = target.baseAddress else { return }
    let to = unsafe base + start
    if count > 16 {
        unsafe to.copyMemory(from: from, byteCount: count)
    } else if count >= 8 {
        let head = unsafe from.loadUnaligned(as: UInt64.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        unsafe to.storeBytes(of: head, as: UInt64.self)
        unsafe to.storeBytes(of: tail, toByteOffset: count - 8, as: UInt64.self)
    } else if count >= 4 {
        let head = unsafe from.loadUnaligned(as: UInt32.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
        unsafe to.storeBytes(of: head, as: UInt32.self)
        unsafe to.storeBytes(of: tail, toByteOffset: count - 4, as: UInt32.self)
    } else {
        for place in 0..<count { unsafe to.storeBytes(of: source[place], toByteOffset: place, as: UInt8.self) }
    }
}

/// Copies bytes as `copyBytes` does, their ASCII letters in lower case.
func copyLowercase(from source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, at start: Int) {
    let count = source.count
    guard count >= 8 else {
        for place in 0..<count { unsafe target[start + place] = ASCII.lowercase(source[place]) }
        return
    }
    var place = 0
    while true {
        let block = unsafe source.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        unsafe target.storeBytes(of: lowercase(block), toByteOffset: start + place, as: UInt64.self)
        if place + 8 >= count { return }
        // The last eight may have some of those before among them.
        place = min(place + 8, count - 8)
    }
}

/// Eight bytes with their ASCII letters in lower case.
private func lowercase(_ block: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let high = ones &* 0x80
    // The highest bit of each sum says whether the byte is at least A, and whether it is past Z.
    let low = block & ~high
    let fromA = low &+ ones &* (0x80 - 0x41)
    let pastZ = low &+ ones &* (0x80 - 0x5B)
    let isUpper = fromA & ~pastZ & ~block & high
    return block | isUpper >> 2
}
