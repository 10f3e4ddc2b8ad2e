// A map that is held in memory: its entries, whatever file they came from, and the short way to them past its table, which the
// many lookups of an address share.

import Bytes

/// A table whose entries are all in memory once it has loaded them, so that they may be asked without it.
package protocol MemoryTable: Table {
    /// The hash function of the entries; one for all tables of a worker, so that a key is hashed once for all of them.
    var hash: ByteHash { get }

    /// Whether keys are looked up as they are given, so that the entries may be asked without the table.
    var asksAsGiven: Bool { get }

    /// The entries, which are read first where they are not loaded; the same until `refresh` answers true.
    ///
    /// - Parameter key: the key that is looked up, for the message where they cannot be read.
    /// - Returns: nil where the entries alone do not say what becomes of each key, so that the table has to be asked.
    /// - Throws: where they cannot be read, and where it is not certain that they are all.
    func loaded(for key: [UInt8]) throws(MapError) -> LoadedEntries?
}

// The entries never change, so all workers of a process share them.

/// The entries of one generation of a map: bytes that hold them, and the index over these.
package final class LoadedEntries: Sendable {
    /// The user whose authority an expansion from the file carries.
    package let privilege: UInt32

    private let bytes: [UInt8]
    private let index: EntryIndex
    /// What the entries are divided into by bits of their keys' hashes; nothing where they all lie here.
    private let snapshots: [EntrySnapshot]
    /// The same, kept alive.
    package let parts: [LoadedEntries]
    /// How many of a hash's 32 bits stand before those that choose the part, and how many are left beside those.
    private let skip: UInt32, shift: UInt32
    /// Which keys came when; nil for entries that only change as a whole.
    package let history: EntryHistory?
    /// Where that ended with these entries.
    let end: Int
    /// How many keys there are.
    package let count: Int
    /// Whether some key begins with a dot, as the suffixes of domains do.
    package let hasDottedKeys: Bool

    /// Searches in the index, which has nothing where the entries are divided.
    var search: EntryIndex.Search { index.search }
    /// Whether the entries are divided, so that there is no one index to search in.
    var isDivided: Bool { !snapshots.isEmpty }

    /// Puts entries together.
    ///
    /// - Parameters:
    ///   - bytes: what holds them.
    ///   - index: where they lie in these bytes; a key that it does not have certainly does not exist.
    ///   - privilege: the user whose authority they carry.
    package init(_ bytes: consuming [UInt8], _ index: consuming EntryIndex, privilege: UInt32) {
        self.bytes = bytes
        count = index.count
        hasDottedKeys = index.search.hasDottedKeys
        self.index = index
        self.privilege = privilege
        (snapshots, parts, skip, shift, history, end) = ([], [], 0, 32, nil, 0)
    }

    /// Puts entries together of parts, so that a few of them can be exchanged.
    ///
    /// - Parameters:
    ///   - parts: two to the power of some number of them; the key whose hash has the number `n` in its highest bits, or in those
    ///     behind them, is in the part `n`. They may be divided themselves.
    ///   - skip: how many bits of the hashes are the same in all of them.
    ///   - hash: the hash function of all of them.
    ///   - history: the history of the keys.
    ///   - end: where it ended when the keys of these parts had been noted.
    package init(
        parts: [LoadedEntries], skip: UInt32 = 0, hash: ByteHash, privilege: UInt32, history: EntryHistory? = nil,
        end: Int = 0
    ) {
        bytes = []
        index = EntryIndex(room: 0, hash: hash)
        self.privilege = privilege
        self.parts = parts
        snapshots = parts.map { unsafe EntrySnapshot(entries: Unmanaged.passUnretained($0)) }
        self.skip = skip
        shift = 32 - UInt32(parts.count.trailingZeroBitCount)
        count = parts.reduce(0) { $0 + $1.count }
        hasDottedKeys = parts.contains(where: \.hasDottedKeys)
        self.history = history
        self.end = end
    }

    /// The part that a key is in, where the entries are divided.
    private func part(of key: Span<UInt8>, _ hash: KeyHash?) -> EntrySnapshot {
        // In bounds: the bits that are left number the parts.
        snapshots[Int((index.search.hash(key, hash) << skip) >> shift)]
    }

    /// Whether some key of a length may begin with a dot.
    func mayHaveDottedKeys(ofLength length: Int) -> Bool {
        isDivided ? hasDottedKeys : index.search.mayHaveDottedKeys(ofLength: length)
    }

    /// Gives the hash of each key.
    func forEachHash(_ body: (UInt32) -> Void) {
        index.search.forEachSlot { body($0.hash) }
        for part in parts { part.forEachHash(body) }
    }

    /// Gives the slot of each entry, and the bytes that it is in.
    func forEachSlot(_ body: (EntryIndex.Slot, [UInt8]) -> Void) {
        index.search.forEachSlot { body($0, bytes) }
        for part in parts { part.forEachSlot(body) }
    }

    /// Gives each entry.
    package func forEach(_ body: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void) {
        forEachSlot { slot, bytes in body(bytes[slot.key], bytes[slot.value]) }
    }

    /// Gives the slots of all keys that have a hash, and the bytes that they are in; the entries are not divided.
    func forEachSlot(ofHash hash: UInt32, _ body: (EntryIndex.Slot, [UInt8]) -> Void) {
        index.search.forEachSlot(ofHash: hash) { body($0, bytes) }
    }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameters:
    ///   - hash: the key's hash, where somebody has it.
    ///   - first: the slot of the index to begin with, where somebody has that.
    ///   - text: the text that the key is a piece of; it gets the value as another piece.
    /// - Returns: where that is; nil where there is none.
    @inline(__always)
    func value(
        of key: Range<Int>, _ hash: KeyHash?, from first: Int? = nil, in text: inout TextArena
    ) -> Range<Int>? {
        guard snapshots.isEmpty else { return dividedValue(of: key, hash, in: &text) }
        let search = index.search
        guard let slot = text.withSpan(key, { Self.find($0, hash, from: first, in: bytes, search) }) else { return nil }
        return Self.append(bytes, slot.value, to: &text)
    }

    @inline(never)
    private func dividedValue(of key: Range<Int>, _ hash: KeyHash?, in text: inout TextArena) -> Range<Int>? {
        text.withSpan(key) { part(of: $0, hash) }.value(of: key, hash, in: &text)
    }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameter value: replaced by the value, where there is one.
    /// - Returns: whether there is.
    package func find(_ key: Span<UInt8>, into value: inout [UInt8]) -> Bool {
        if isDivided {
            return unsafe part(of: key, nil).entries._withUnsafeGuaranteedRef { $0.find(key, into: &value) }
        }
        guard let slot = Self.find(key, nil, in: bytes, index.search) else { return false }
        value.removeAll(keepingCapacity: true)
        value.append(contentsOf: bytes[slot.value])
        return true
    }

    @inline(__always)
    private static func find(
        _ key: Span<UInt8>, _ hash: KeyHash?, from first: Int? = nil, in bytes: [UInt8], _ search: EntryIndex.Search
    ) -> EntryIndex.Slot? {
        search.find(key, hash, from: first, in: bytes.span)
    }

    @inline(__always)
    private static func append(_ bytes: [UInt8], _ range: Range<Int>, to text: inout TextArena) -> Range<Int> {
        text.append(bytes.span.extracting(range))
    }
}

/// What one map has loaded, without counting references to it.
@safe
struct EntrySnapshot {
    /// Kept by the `EntrySnapshots` that it came from, until that forgets it.
    let entries: Unmanaged<LoadedEntries>

    /// Searches in its index.
    var search: EntryIndex.Search { unsafe entries._withUnsafeGuaranteedRef { $0.search } }

    /// How many entries it has.
    var count: Int { unsafe entries._withUnsafeGuaranteedRef { $0.count } }

    /// Whether its entries are divided, so that there is no one index to search in.
    var isDivided: Bool { unsafe entries._withUnsafeGuaranteedRef { $0.isDivided } }

    /// Whether some key begins with a dot.
    @inline(__always)
    var hasDottedKeys: Bool { unsafe entries._withUnsafeGuaranteedRef { $0.hasDottedKeys } }

    /// Whether some key of a length may begin with a dot.
    @inline(__always)
    func mayHaveDottedKeys(ofLength length: Int) -> Bool {
        unsafe entries._withUnsafeGuaranteedRef { $0.mayHaveDottedKeys(ofLength: length) }
    }

    /// The user whose authority an expansion from the file carries.
    @inline(__always)
    var privilege: UInt32 { unsafe entries._withUnsafeGuaranteedRef { $0.privilege } }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameters:
    ///   - hash: the key's hash, where somebody has it.
    ///   - first: the slot of the index to begin with, where somebody has that.
    /// - Returns: where the text has the value now; nil where there is none.
    @inline(__always)
    func value(
        of key: Range<Int>, _ hash: KeyHash? = nil, from first: Int? = nil, in text: inout TextArena
    ) -> Range<Int>? {
        unsafe entries._withUnsafeGuaranteedRef { $0.value(of: key, hash, from: first, in: &text) }
    }
}

// The way round the tables: what they have loaded, asked without counting references, which at each of an address's many
// lookups would cost more than the lookup.

/// What the maps of a relation that are held in memory have loaded.
@safe
struct EntrySnapshots {
    private let tables: [(any MemoryTable)?]
    /// Keeps alive what `loaded` refers to.
    private var owners: [LoadedEntries?]
    private var loaded: [Unmanaged<LoadedEntries>?]
    /// All of them, once all are loaded and searchable; otherwise empty.
    private(set) var all: [EntrySnapshot] = []
    private let isSearchable: (LoadedEntries) -> Bool

    /// Nothing is loaded yet.
    ///
    /// - Parameters:
    ///   - tables: the relation's tables; those that hold no entries in memory have to be asked themselves.
    ///   - isSearchable: whether the absence of a key from what was loaded says that the map does not have it.
    init(_ tables: [any Table], isSearchable: @escaping (LoadedEntries) -> Bool) {
        self.isSearchable = isSearchable
        // What is wrapped, to be traced or to fail, has to be asked itself.
        self.tables = tables.map { ($0 as? any MemoryTable).flatMap { $0.asksAsGiven ? $0 : nil } }
        owners = Array(repeating: nil, count: tables.count)
        unsafe loaded = Array(repeating: nil, count: tables.count)
    }

    /// The hash function that they share; nil where none holds its entries in memory.
    var hash: ByteHash? { tables.lazy.compactMap { $0?.hash }.first }

    /// What one map has loaded; it is read first where it is not.
    ///
    /// - Returns: nil where it does not hold its entries in memory. It is good until `forget`.
    /// - Throws: where it cannot be read.
    @inline(__always)
    mutating func entries(
        _ index: Int, for key: Range<Int>, of text: borrowing TextArena
    ) throws(MapError) -> EntrySnapshot? {
        if let known = unsafe loaded[index] { return unsafe EntrySnapshot(entries: known) }
        guard let table = tables[index] else { return nil }
        return try adopt(table, index, for: text[key])
    }

    @inline(never)
    private mutating func adopt(
        _ table: any MemoryTable, _ index: Int, for key: [UInt8]
    ) throws(MapError) -> EntrySnapshot? {
        guard let owner = try table.loaded(for: key) else { return nil }
        let entries = unsafe Unmanaged.passUnretained(owner)
        owners[index] = owner
        unsafe loaded[index] = entries
        let known = owners.compactMap { $0 }
        if known.count == tables.count, known.allSatisfy(isSearchable) {
            all = known.map { unsafe EntrySnapshot(entries: Unmanaged.passUnretained($0)) }
        }
        return unsafe EntrySnapshot(entries: entries)
    }

    /// Lets the maps be asked anew for what they have.
    mutating func forget() {
        all = []
        for index in owners.indices {
            unsafe loaded[index] = nil
            owners[index] = nil
        }
    }
}
