// The index over a source's bytes: open addressing with linear probing. A slot holds the hash beside the place, so that
// a lookup touches one line of the index and one of the source.

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

/// Finds entries of a source by their keys.
struct EntryIndex: Sendable {
    /// Where an entry lies in the source; 16 bytes, four to a cache line.
    struct Slot: Sendable {
        /// The key's hash: its low bits choose the slot, all of them are compared before the key is.
        var hash: UInt32
        /// Where the key begins; `empty` where the slot is free.
        var offset: UInt32
        var keyLength: UInt32, valueLength: UInt32

        static let empty: UInt32 = .max

        var key: Range<Int> { Int(offset)..<Int(offset) &+ Int(keyLength) }
        var value: Range<Int> { key.upperBound..<key.upperBound &+ Int(valueLength) }
    }

    /// How many entries there are.
    private(set) var count = 0
    private var slots: [Slot]
    private let hash = ByteHash()

    /// Makes an empty index.
    ///
    /// - Parameter size: the size of the source in bytes, from which the number of its entries is guessed.
    init(sourceSize size: Int) {
        var capacity = 16
        while capacity < size / 48 { capacity *= 2 }
        slots = Self.emptySlots(capacity)
    }

    /// The slot of a key; nil where there is none.
    ///
    /// - Parameter bytes: the source that the entries are in.
    @inline(__always)
    func find(_ key: Span<UInt8>, in bytes: Span<UInt8>) -> Slot? {
        let slots = slots.span
        let wanted = hash(key)
        let mask = slots.count &- 1
        var place = Int(wanted) & mask
        // Ends: at least a third of the slots are free.
        while true {
            let slot = slots[place]
            if slot.hash == wanted, slot.offset != Slot.empty, Int(slot.keyLength) == key.count {
                if isEqual(key, bytes.extracting(slot.key)) { return slot }
            } else if slot.offset == Slot.empty {
                return nil
            }
            place = (place &+ 1) & mask
        }
    }

    /// Adds an entry, unless its key is there already.
    ///
    /// - Returns: the place of the key that was there.
    mutating func insert(_ entry: SourceEntry, in bytes: Span<UInt8>) -> UInt32? {
        if (count + 1) * 3 > slots.count * 2 { grow() }
        let key = bytes.extracting(entry.key)
        let wanted = hash(key)
        let mask = slots.count - 1
        var place = Int(wanted) & mask
        while slots[place].offset != Slot.empty {
            let slot = slots[place]
            if slot.hash == wanted, slot.keyLength == entry.keyLength, isEqual(key, bytes.extracting(slot.key)) {
                return slot.offset
            }
            place = (place + 1) & mask
        }
        slots[place] = Slot(
            hash: wanted, offset: entry.offset, keyLength: entry.keyLength, valueLength: entry.valueLength)
        count += 1
        return nil
    }

    private mutating func grow() {
        var larger = Self.emptySlots(slots.count * 2)
        let mask = larger.count - 1
        for slot in slots where slot.offset != Slot.empty {
            var place = Int(slot.hash) & mask
            while larger[place].offset != Slot.empty { place = (place + 1) & mask }
            larger[place] = slot
        }
        slots = larger
    }

    private static func emptySlots(_ capacity: Int) -> [Slot] {
        Array(repeating: Slot(hash: 0, offset: Slot.empty, keyLength: 0, valueLength: 0), count: capacity)
    }
}
