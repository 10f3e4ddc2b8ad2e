// Which hashes there are in a set, told by one bit of memory: nearly all that are not there are known not to be.

/// A set of hashes that may say of a few others that they are in it.
///
/// Its memory is given back by `deallocate` only, once by whoever made it.
@safe @usableFromInline
struct HashFilter {
    /// Two to the power of `bits`, in words of 64.
    @usableFromInline let words: UnsafeMutablePointer<UInt64>
    /// How many of a hash's highest bits choose its bit, at least the six that choose it in a word.
    @usableFromInline let bits: UInt32

    /// More would not stay near the processor.
    private static let mostBits: UInt32 = 26

    /// An empty set.
    ///
    /// - Parameter count: how many hashes it will have; eight times as many bits say of one in eight too many that it may
    ///   be in it.
    init(count: Int) {
        var bits: UInt32 = 6
        while bits < Self.mostBits, 1 << Int(bits) < 8 * count { bits += 1 }
        self.bits = bits
        let count = 1 << Int(bits - 6)
        unsafe words = .allocate(capacity: count)
        unsafe words.initialize(repeating: 0, count: count)
    }

    /// Gives the memory back; the set must not be used any more.
    func deallocate() { unsafe words.deallocate() }

    /// Whether a hash may be in the set; if false, it certainly is not.
    @inlinable @inline(__always)
    func mayContain(_ hash: KeyHash) -> Bool {
        let place = hash.value &>> (32 &- bits)
        // In bounds: a place has so many bits.
        return unsafe words[Int(place >> 6)] &>> UInt64(place & 63) & 1 == 1
    }

    /// Adds a hash.
    func insert(_ hash: UInt32) {
        let place = hash &>> (32 &- bits)
        // As above.
        unsafe words[Int(place >> 6)] |= 1 &<< UInt64(place & 63)
    }
}
