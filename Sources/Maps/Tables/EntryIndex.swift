// The index over a source's bytes: open addressing with linear probing. A slot holds the hash beside the place, so that
// a lookup touches one line of the index and one of the source.

import Glibc

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

        var value: Range<Int> {
            let start = Int(offset) + Int(keyLength)
            return start..<start + Int(valueLength)
        }
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
    @inline(__always)
    func find(_ key: Span<UInt8>, in bytes: [UInt8]) -> Slot? {
        unsafe key.withUnsafeBytes { key in
            let wanted = unsafe hash(key)
            let mask = slots.count &- 1
            var place = Int(wanted) & mask
            // Ends: at least a third of the slots are free.
            while slots[place].offset != Slot.empty {
                let slot = slots[place]
                if slot.hash == wanted, Int(slot.keyLength) == key.count, unsafe isKey(slot, key, bytes) { return slot }
                place = (place &+ 1) & mask
            }
            return nil
        }
    }

    /// Adds an entry, unless its key is there already.
    ///
    /// - Returns: the place of the key that was there.
    mutating func insert(_ entry: SourceEntry, in bytes: [UInt8]) -> UInt32? {
        if (count + 1) * 3 > slots.count * 2 { grow() }
        let mask = slots.count - 1
        let (wanted, place, existing): (UInt32, Int, UInt32?) = unsafe bytes.withUnsafeBytes { buffer in
            let key = unsafe UnsafeRawBufferPointer(rebasing: buffer[entry.key])
            let wanted = unsafe hash(key)
            var place = Int(wanted) & mask
            while slots[place].offset != Slot.empty {
                let slot = slots[place]
                if slot.hash == wanted, slot.keyLength == entry.keyLength, unsafe isKey(slot, key, bytes) {
                    return (wanted, place, slot.offset)
                }
                place = (place + 1) & mask
            }
            return (wanted, place, nil)
        }
        if let existing { return existing }
        slots[place] = Slot(
            hash: wanted, offset: entry.offset, keyLength: entry.keyLength, valueLength: entry.valueLength)
        count += 1
        return nil
    }

    @inline(__always)
    private func isKey(_ slot: Slot, _ key: UnsafeRawBufferPointer, _ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            let offset = Int(slot.offset)
            // The comparison stays inside the source whatever the slot says.
            guard offset <= buffer.count, key.count <= buffer.count - offset else { return false }
            guard let left = buffer.baseAddress, let right = key.baseAddress else { return unsafe key.isEmpty }
            return unsafe memcmp(left + offset, right, key.count) == 0
        }
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
