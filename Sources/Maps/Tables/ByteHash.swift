// Hashes keys sixteen bytes at a time, with a secret that each process draws anew, so that nobody who may add keys to a map
// can make them collide. The mixing step is the folded 64 by 64 bit product of the wyhash family.

/// A seeded hash function over bytes.
@usableFromInline
struct ByteHash: Sendable {
    @usableFromInline let seed: UInt64

    /// A function with a random seed.
    init() {
        seed = UInt64.random(in: 0 ... .max)
    }

    /// The hash of a key.
    @inlinable @inline(__always)
    func callAsFunction(_ key: Span<UInt8>) -> KeyHash {
        KeyHash(value: unsafe key.withUnsafeBytes { unsafe self($0) }, seed: seed)
    }

    @inlinable @inline(__always)
    func callAsFunction(_ key: UnsafeRawBufferPointer) -> UInt32 {
        let count = key.count
        // Both factors of each product are made with the secret: nobody can choose bytes that make one of them 0.
        let secret = Self.first ^ seed
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        // What is left for the end: sixteen bytes, or all of a shorter key.
        let left: UInt64, right: UInt64
        // Each load lies inside the buffer: the loop's condition, and the counts checked below, say so.
        if count >= 16 {
            var offset = 0
            while count &- offset > 16 {
                let first = unsafe key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                let second = unsafe key.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
                hash = Self.mix(secret ^ first, hash ^ second)
                offset &+= 16
            }
            // The last sixteen bytes, some of them for a second time.
            left = unsafe key.loadUnaligned(fromByteOffset: count &- 16, as: UInt64.self)
            right = unsafe key.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else if count >= 8 {
            left = unsafe key.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
            right = unsafe key.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else if count >= 4 {
            left = UInt64(unsafe key.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
            right = UInt64(unsafe key.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
        } else if count > 0 {
            left = unsafe UInt64(key[0]) | UInt64(key[count >> 1]) << 8
            right = UInt64(unsafe key[count &- 1])
        } else {
            (left, right) = (0, 0)
        }
        let mixed = Self.mix(Self.mix(secret ^ left, hash ^ right), Self.second ^ seed)
        return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
    }

    @inlinable @inline(__always)
    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// Odd numbers with irregular bits: the fractions of the square roots of 2 and 3.
    @inlinable static var first: UInt64 { 0x6A09_E667_F3BC_C909 }
    @inlinable static var second: UInt64 { 0xBB67_AE85_84CA_A73B }
}
