// The checksum that Berkeley DB gives its pages (DB_CHKSUM): hmac.c and hash_func.c, `__ham_func4`.

import Maps

/// The checksum of bytes, with four zeros in the place where it is stored.
///
/// It is the value of a polynomial at 33, modulo 2 to the power of 32; the first byte has the highest power. Sixteen bytes
/// are taken at a time, which depend on one another only through one multiplication.
///
/// - Parameter offset: where the stored checksum begins, within the bytes.
func pageChecksum(_ bytes: [UInt8], count: Int, checksumAt offset: Int) -> UInt32 {
    let blank = unsafe bytes.withUnsafeBytes { bytes in
        // No more than there are.
        unsafe checksum(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
    }
    // What the stored bytes contribute is taken away: 33 to the power of the number of bytes behind each.
    var stored: UInt32 = 0
    for index in offset..<offset + 4 { stored = stored &* 33 &+ UInt32(bytes[index]) }
    var power: UInt32 = 1
    var base: UInt32 = 33
    var rest = count - offset - 4
    while rest > 0 {
        if rest & 1 == 1 { power = power &* base }
        base = base &* base
        rest >>= 1
    }
    return blank &- stored &* power
}

private func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var sum: UInt32 = 0
    var offset = 0
    while offset + 16 <= bytes.count {
        // In bounds by the loop's condition.
        let block = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
        let terms = SIMD16<UInt32>(truncatingIfNeeded: block) &* powers
        sum = sum &* power16 &+ terms.wrappedSum()
        offset += 16
    }
    while offset < bytes.count {
        sum = unsafe sum &* 33 &+ UInt32(bytes[offset])
        offset += 1
    }
    return sum
}

/// 33 to the powers of 15 down to 0.
private let powers: SIMD16<UInt32> = {
    var powers = SIMD16<UInt32>(repeating: 1)
    for index in (0..<15).reversed() { powers[index] = powers[index + 1] &* 33 }
    return powers
}()
private let power16: UInt32 = powers[0] &* 33
