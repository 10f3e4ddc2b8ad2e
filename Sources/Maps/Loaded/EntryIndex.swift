// The index over the bytes of a map that is held in memory: open addressing with linear probing. A slot holds the hash beside
// the offset, so that a lookup touches one line of the index and one of the bytes.

import Glibc

/// Whether two keys of one length are the same.
@inline(__always)
private func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    unsafe left.withUnsafeBytes { left in
        unsafe right.withUnsafeBytes { right in
            guard left.count == right.count else { return false }
            guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return true }
            return unsafe memcmp(leftBase, rightBase, left.count) == 0
        }
    }
}

/// Finds entries by their keys.
@safe
package struct EntryIndex: ~Copyable, @unchecked Sendable {
    /// Where an entry lies in the bytes, its value right behind its key; 16 bytes, four to a cache line.
    package struct Slot: Sendable {
        /// The key's hash: its low bits choose the slot, all of them are compared before the key is.
        var hash: UInt32
        /// Where the key begins; `empty` where the slot is free.
        var offset: UInt32
        var keyLength: UInt32, valueLength: UInt32

        static let empty: UInt32 = .max

        var key: Range<Int> { Int(offset)..<Int(offset) &+ Int(keyLength) }
        var value: Range<Int> { key.upperBound..<key.upperBound &+ Int(valueLength) }
    }

    /// What a search needs, without owning it.
    @safe
    struct Search {
        /// As many as `mask` says and one; they live as long as the index.
        fileprivate let slots: UnsafeMutablePointer<Slot>
        fileprivate let mask: Int
        fileprivate let hash: ByteHash
        /// The lengths of keys that begin with a dot, a bit each; the last stands for all lengths from there on.
        fileprivate var dottedLengths: UInt64 = 0

        /// The hash of a key, where it is not known with this index's secret.
        @inline(__always)
        func hash(_ key: Span<UInt8>, _ known: KeyHash?) -> UInt32 {
            if let known, known.seed == hash.seed { known.value } else { hash(key).value }
        }

        /// Whether some key begins with a dot, as the suffixes of domains do.
        @inline(__always)
        var hasDottedKeys: Bool { dottedLengths != 0 }

        /// Whether some key of a length may begin with a dot, as the suffixes of domains do.
        @inline(__always)
        func mayHaveDottedKeys(ofLength length: Int) -> Bool {
            dottedLengths >> UInt64(min(length, 63)) & 1 == 1
        }

        /// The index of the slot of the first key that has a hash, which has to be of the index's hash function.
        @inline(__always)
        func firstSlot(of hash: KeyHash) -> Int? {
            var index = Int(hash.value) & mask
            // In bounds because of the mask; ends, as at least a quarter of the slots is free.
            while unsafe slots[index].offset != Slot.empty {
                if unsafe slots[index].hash == hash.value { return index }
                index = (index &+ 1) & mask
            }
            return nil
        }

        /// Gives the slot of each entry.
        func forEachSlot(_ body: (Slot) -> Void) {
            // In bounds: there are as many slots as the mask says and one.
            for index in 0...mask where unsafe slots[index].offset != Slot.empty { unsafe body(slots[index]) }
        }

        /// Gives the slots of all keys that have a hash.
        func forEachSlot(ofHash hash: UInt32, _ body: (Slot) -> Void) {
            var index = Int(hash) & mask
            // As above.
            while unsafe slots[index].offset != Slot.empty {
                if unsafe slots[index].hash == hash { unsafe body(slots[index]) }
                index = (index &+ 1) & mask
            }
        }

        /// The slot of a key; nil where there is none.
        ///
        /// - Parameters:
        ///   - known: the key's hash, where somebody has it.
        ///   - first: the index of the slot to begin with, where somebody has that.
        ///   - bytes: what the entries are in.
        @inline(__always)
        func find(_ key: Span<UInt8>, _ known: KeyHash?, from first: Int? = nil, in bytes: Span<UInt8>) -> Slot? {
            position(of: key, hash(key, known), from: first, in: bytes).map { unsafe slots[$0] }
        }

        /// The index of the slot of a key; nil where there is none.
        @inline(__always)
        fileprivate func position(
            of key: Span<UInt8>, _ wanted: UInt32, from first: Int?, in bytes: Span<UInt8>
        ) -> Int? {
            var index = (first ?? Int(wanted)) & mask
            // In bounds because of the mask; ends, as at least a quarter of the slots is free.
            while unsafe slots[index].offset != Slot.empty {
                let slot = unsafe slots[index]
                if slot.hash == wanted, Int(slot.keyLength) == key.count, isEqual(key, bytes.extracting(slot.key)) {
                    return index
                }
                index = (index &+ 1) & mask
            }
            return nil
        }
    }

    /// How many entries there are.
    package private(set) var count = 0
    /// Searches in the present slots.
    private(set) var search: Search
    private let isDense: Bool

    /// Makes an empty index.
    ///
    /// - Parameters:
    ///   - count: how many entries it has room for at first; more may come.
    ///   - hash: the hash function.
    ///   - isDense: whether only a quarter of its slots is to be free, and not half: less memory, and a little slower.
    package init(room count: Int, hash: ByteHash, isDense: Bool = false) {
        self.isDense = isDense
        var capacity = 16
        while Self.isFull(count, capacity, isDense) { capacity *= 2 }
        search = unsafe Search(slots: Self.emptySlots(capacity), mask: capacity - 1, hash: hash)
    }

    // Whoever searches keeps the index.
    deinit { unsafe search.slots.deallocate() }

    /// Adds an entry, unless its key is there already.
    ///
    /// - Parameters:
    ///   - offset: where its key begins.
    ///   - keyLength: the length of the key.
    ///   - valueLength: the length of the value, which stands right behind the key.
    ///   - bytes: what the entries are in.
    /// - Returns: the offset of the key that was there.
    package mutating func insert(
        at offset: UInt32, keyLength: UInt32, valueLength: UInt32, in bytes: Span<UInt8>
    ) -> UInt32? {
        if Self.isFull(count + 1, search.mask + 1, isDense) { grow() }
        let key = bytes.extracting(Int(offset)..<Int(offset) + Int(keyLength))
        if !key.isEmpty, key[0] == UInt8(ascii: ".") { search.dottedLengths |= 1 << UInt64(min(key.count, 63)) }
        let wanted = search.hash(key).value
        var index = Int(wanted) & search.mask
        // In bounds because of the mask.
        while unsafe search.slots[index].offset != Slot.empty {
            let slot = unsafe search.slots[index]
            if slot.hash == wanted, slot.keyLength == keyLength, isEqual(key, bytes.extracting(slot.key)) {
                return slot.offset
            }
            index = (index + 1) & search.mask
        }
        unsafe search.slots[index] = Slot(
            hash: wanted, offset: offset, keyLength: keyLength, valueLength: valueLength)
        count += 1
        return nil
    }

    /// Takes an entry out.
    ///
    /// - Parameter bytes: what the entries are in.
    /// - Returns: whether there was one.
    mutating func remove(_ key: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        guard var gap = search.position(of: key, search.hash(key).value, from: nil, in: bytes) else { return false }
        let mask = search.mask
        var next = (gap + 1) & mask
        // In bounds because of the mask. Whatever was put here because the slots before it were taken moves up, if its own
        // place is not behind the gap: a search would end at the gap.
        while unsafe search.slots[next].offset != Slot.empty {
            let distance = unsafe (next &- Int(search.slots[next].hash)) & mask
            if distance >= (next &- gap) & mask {
                unsafe search.slots[gap] = search.slots[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        unsafe search.slots[gap].offset = Slot.empty
        count -= 1
        return true
    }

    private static func isFull(_ count: Int, _ capacity: Int, _ isDense: Bool) -> Bool {
        isDense ? count * 4 > capacity * 3 : count * 2 > capacity
    }

    private mutating func grow() {
        let capacity = (search.mask + 1) * 2
        let mask = capacity - 1
        let larger = unsafe Self.emptySlots(capacity)
        for old in 0...search.mask {
            let slot = unsafe search.slots[old]
            guard slot.offset != Slot.empty else { continue }
            var index = Int(slot.hash) & mask
            while unsafe larger[index].offset != Slot.empty { index = (index + 1) & mask }
            unsafe larger[index] = slot
        }
        unsafe search.slots.deallocate()
        search = unsafe Search(slots: larger, mask: mask, hash: search.hash, dottedLengths: search.dottedLengths)
    }

    private static func emptySlots(_ capacity: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        unsafe slots.initialize(
            repeating: Slot(hash: 0, offset: Slot.empty, keyLength: 0, valueLength: 0), count: capacity)
        return unsafe slots
    }
}

// Hashes keys sixteen bytes at a time, with a secret that each process draws anew, so that nobody who may add keys to a map
// can make them collide. The mixing step is the folded 64 by 64 bit product of the wyhash family.

/// A seeded hash function over bytes.
public struct ByteHash: Sendable {
    /// The secret.
    public let seed: UInt64

    /// A function with a random seed.
    public init() {
        seed = UInt64.random(in: 0 ... .max)
    }

    /// The hash of a key.
    @inlinable @inline(__always)
    public func callAsFunction(_ key: Span<UInt8>) -> KeyHash {
        KeyHash(value: unsafe key.withUnsafeBytes { unsafe self($0) }, seed: seed)
    }

    /// The hash of some bytes.
    @inlinable @inline(__always)
    public func callAsFunction(_ key: UnsafeRawBufferPointer) -> UInt32 {
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

    /// Mixes two words into one, so that every bit of both counts.
    @inlinable @inline(__always)
    public static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// Odd numbers with irregular bits: the fractions of the square roots of 2 and 3.
    @inlinable public static var first: UInt64 { 0x6A09_E667_F3BC_C909 }
    /// What odd words of a key are mixed with.
    @inlinable public static var second: UInt64 { 0xBB67_AE85_84CA_A73B }
}

// A key's hash, taken once where several maps are asked for the same key.

/// The hash of a key, with the secret it was made with.
public struct KeyHash: Sendable {
    /// The hash itself.
    public let value: UInt32
    /// Which function made it: tables with another secret have to hash for themselves.
    public let seed: UInt64

    /// Keeps a hash with the secret it was made with.
    @inlinable @inline(__always)
    public init(value: UInt32, seed: UInt64) {
        self.value = value
        self.seed = seed
    }
}

// Which hashes there are in a set, told by one bit of memory: nearly all that are not there are known not to be.

/// A set of hashes that may say of a few others that they are in it.
///
/// Its memory is given back by `deallocate` only, once by whoever made it.
@safe
public struct HashFilter {
    /// Two to the power of `bits`, in words of 64.
    public let words: UnsafeMutablePointer<UInt64>
    /// How many of a hash's highest bits choose its bit, at least the six that choose it in a word.
    public let bits: UInt32

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
    public func mayContain(_ hash: KeyHash) -> Bool {
        let position = hash.value &>> (32 &- bits)
        // In bounds: a position has so many bits.
        return unsafe words[Int(position >> 6)] &>> UInt64(position & 63) & 1 == 1
    }

    /// Adds a hash.
    func insert(_ hash: UInt32) {
        let position = hash &>> (32 &- bits)
        // As above.
        unsafe words[Int(position >> 6)] |= 1 &<< UInt64(position & 63)
    }
}
