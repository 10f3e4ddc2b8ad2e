// Some entries of a copy while they are changed: behind each value stands a tag that tells which item of the source it came from.

import Bytes

/// An item of a source: an entry of a directory, or a row of a table, each of which may give several keys.
package struct CopiedItem: Sendable, Hashable {
    let high: UInt64, low: UInt64

    /// Names an item.
    ///
    /// - Parameter identity: what the source tells it by; 16 bytes (a UUID) are kept as they are, others as a digest of theirs.
    package init(_ identity: [UInt8]) {
        let bytes = identity.count == Self.size ? identity : SHA256.digest(of: identity.span)
        high = UInt64(word: bytes[..<UInt64.wordSize])
        low = UInt64(word: bytes[UInt64.wordSize..<Self.size])
    }

    /// The bytes of an item in a file.
    static let size = 16

    func append(to bytes: inout [UInt8]) {
        bytes.append(word: high)
        bytes.append(word: low)
    }
}

/// Entries of a copy that are being changed.
final class CopyPart {
    /// An entry with the tag of its item.
    struct Entry {
        let key: [UInt8], value: [UInt8], tag: UInt64

        /// Reads an entry where it lies.
        init(_ slot: EntryIndex.Slot, in bytes: [UInt8]) {
            key = Array(bytes[slot.key])
            value = Array(bytes[slot.value])
            tag = UInt64(word: bytes[slot.value.upperBound..<slot.value.upperBound + UInt64.wordSize])
        }
    }

    /// So many bytes of entries that are gone are of no matter.
    private static let wasteLimit = 1 << 16

    private var bytes: [UInt8] = []
    /// How many of the bytes belong to entries that are there.
    private(set) var used = 0
    private var index: EntryIndex
    private let hash: ByteHash

    /// No entries yet.
    ///
    /// - Parameters:
    ///   - room: for how many there is to be room.
    ///   - size: for how many bytes.
    init(room: Int = 0, size: Int = 0, hash: ByteHash) {
        index = EntryIndex(room: room, hash: hash, isDense: true)
        self.hash = hash
        bytes.reserveCapacity(size)
    }

    /// The entries of a part that was frozen.
    convenience init(_ frozen: LoadedEntries, hash: ByteHash) {
        self.init(room: frozen.count, hash: hash)
        frozen.forEachSlot { insert($0, of: $1) }
    }

    /// How many there are.
    var count: Int { index.count }

    /// The entry of a key.
    func entry(_ key: [UInt8]) -> Entry? {
        index.search.find(key.span, nil, in: bytes.span).map { Entry($0, in: bytes) }
    }

    /// The entries whose keys have a hash.
    func entries(ofHash hash: UInt32) -> [Entry] {
        var found: [Entry] = []
        index.search.forEachSlot(ofHash: hash) { found.append(Entry($0, in: bytes)) }
        return found
    }

    /// Puts an entry in, in the place of the one that its key had.
    func put(_ key: [UInt8], _ value: [UInt8], tag: UInt64) {
        remove(key)
        if bytes.count - used > max(used, Self.wasteLimit) { compact() }
        let start = bytes.count
        bytes += key
        bytes += value
        bytes.append(word: tag)
        insert(at: start, key.count, value.count)
    }

    /// Takes an entry out.
    func remove(_ key: [UInt8]) {
        guard let slot = index.search.find(key.span, nil, in: bytes.span) else { return }
        used -= Self.size(slot)
        let bytes = bytes
        _ = index.remove(key.span, in: bytes.span)
    }

    /// Gives the slot of each entry, and the bytes that it is in.
    func forEachSlot(_ body: (EntryIndex.Slot, [UInt8]) -> Void) { index.search.forEachSlot { body($0, bytes) } }

    /// Puts in an entry of another part.
    func insert(_ slot: EntryIndex.Slot, of other: [UInt8]) {
        let start = bytes.count
        bytes += other[slot.key.lowerBound..<slot.value.upperBound + UInt64.wordSize]
        insert(at: start, Int(slot.keyLength), Int(slot.valueLength))
    }

    /// The entries as they are now, in no more memory than they need.
    func frozen(privilege: UInt32) -> LoadedEntries {
        let part = CopyPart(self)
        return LoadedEntries(part.bytes, part.takeIndex(), privilege: privilege)
    }

    private convenience init(_ other: CopyPart) {
        self.init(room: other.count, size: other.used, hash: other.hash)
        other.forEachSlot { insert($0, of: $1) }
    }

    private func compact() {
        let part = CopyPart(self)
        bytes = part.bytes
        index = part.takeIndex()
    }

    private func takeIndex() -> EntryIndex {
        var taken = EntryIndex(room: 0, hash: hash, isDense: true)
        swap(&taken, &index)
        return taken
    }

    private static func size(_ slot: EntryIndex.Slot) -> Int {
        Int(slot.keyLength) + Int(slot.valueLength) + UInt64.wordSize
    }

    private func insert(at start: Int, _ keyLength: Int, _ valueLength: Int) {
        used += bytes.count - start
        let bytes = bytes
        // A part has no more than some hundreds of entries of limited size, and little waste.
        _ = index.insert(
            at: UInt32(start), keyLength: UInt32(keyLength), valueLength: UInt32(valueLength), in: bytes.span)
    }
}
