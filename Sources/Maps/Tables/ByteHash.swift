// Hashes keys eight bytes at a time, with a secret that each process draws anew, so that nobody who may add keys to a map
// can make them collide. The mixing step is the folded 64 by 64 bit product of the wyhash family.

/// A seeded hash function over bytes.
struct ByteHash: Sendable {
    let seed: UInt64

    /// A function with a random seed.
    init() {
        seed = UInt64.random(in: 0 ... .max)
    }

    /// The hash of a key.
    @inline(__always)
    func callAsFunction(_ key: Span<UInt8>) -> KeyHash {
        KeyHash(value: unsafe key.withUnsafeBytes { unsafe self($0) }, seed: seed)
    }

    @inline(__always)
    private func callAsFunction(_ key: UnsafeRawBufferPointer) -> UInt32 {
        let count = key.count
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        var offset = 0
        // Each load lies inside the buffer: the loop's condition, and the counts checked below, say so.
        while count - offset > 8 {
            hash = Self.mix(hash ^ (unsafe key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)), Self.first)
            offset += 8
        }
        let rest: UInt64
        if count >= 8 {
            // The last eight bytes, some of them for a second time.
            rest = unsafe key.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        } else if count >= 4 {
            let low = unsafe key.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
            let high = unsafe key.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            rest = UInt64(low) | UInt64(high) << 32
        } else if count > 0 {
            let ends = unsafe UInt64(key[0]) | UInt64(key[count - 1]) << 8
            rest = unsafe ends | UInt64(key[count >> 1]) << 16
        } else {
            rest = 0
        }
        let mixed = Self.mix(Self.mix(hash ^ rest, Self.second), Self.first ^ seed)
        return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
    }

    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// Odd numbers with irregular bits: the fractions of the square roots of 2 and 3.
    private static let first: UInt64 = 0x6A09_E667_F3BC_C909
    private static let second: UInt64 = 0xBB67_AE85_84CA_A73B
}
