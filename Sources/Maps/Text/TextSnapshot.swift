// One text map, asked without going through its table: the step that the many lookups of an address share.

import Bytes

/// What one text map has loaded, without counting references to it.
@safe
struct TextSnapshot {
    /// Kept by the `TextSnapshots` that it came from, until that forgets it.
    let storage: Unmanaged<TextTableStorage>

    /// Searches in its index.
    var search: EntryIndex.Search { unsafe storage._withUnsafeGuaranteedRef { $0.search } }

    /// How many entries it has.
    var count: Int { unsafe storage._withUnsafeGuaranteedRef { $0.count } }

    /// Gives the hash of each key.
    func forEachHash(_ body: (UInt32) -> Void) {
        unsafe storage._withUnsafeGuaranteedRef { $0.search.forEachHash(body) }
    }

    /// Whether some key begins with a dot.
    @inline(__always)
    var hasDottedKeys: Bool { unsafe storage._withUnsafeGuaranteedRef { $0.search.hasDottedKeys } }

    /// Whether some key of a length may begin with a dot.
    @inline(__always)
    func mayHaveDottedKeys(ofLength length: Int) -> Bool {
        unsafe storage._withUnsafeGuaranteedRef { $0.search.mayHaveDottedKeys(ofLength: length) }
    }

    /// The user whose authority an expansion from the file carries.
    @inline(__always)
    var privilege: UInt32 { unsafe storage._withUnsafeGuaranteedRef { $0.privilege } }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameters:
    ///   - hash: the key's hash, where somebody has it.
    ///   - place: the slot of the index to begin with, where somebody has that.
    /// - Returns: where the text has the value now; nil where there is none.
    @inline(__always)
    func value(
        of key: Range<Int>, _ hash: KeyHash? = nil, from place: Int? = nil, in text: inout TextArena
    ) -> Range<Int>? {
        unsafe storage._withUnsafeGuaranteedRef { $0.value(of: key, hash, from: place, in: &text) }
    }
}

// The way round the tables for text maps: what they have loaded, asked without counting references, which at each of an
// address's many lookups would cost more than the lookup.

/// What the text maps of a relation have loaded.
@safe
struct TextSnapshots {
    private let tables: [TextTable?]
    /// Keeps alive what `storages` refers to.
    private var owners: [TextTableStorage?]
    private var storages: [Unmanaged<TextTableStorage>?]
    /// All of them, once all are loaded and searchable; otherwise empty.
    private(set) var all: [TextSnapshot] = []
    private let isSearchable: (TextTableStorage) -> Bool

    /// Nothing is loaded yet.
    ///
    /// - Parameters:
    ///   - tables: the relation's tables; those that are no text maps have to be asked themselves.
    ///   - isSearchable: whether the absence of a key from what was loaded says that the map does not have it.
    init(_ tables: [any Table], isSearchable: @escaping (TextTableStorage) -> Bool) {
        self.isSearchable = isSearchable
        self.tables = tables.map(\.textTable)
        owners = Array(repeating: nil, count: tables.count)
        unsafe storages = Array(repeating: nil, count: tables.count)
    }

    /// The hash function that they share; nil where none is a text map.
    var hash: ByteHash? { tables.lazy.compactMap { $0?.hash }.first }

    /// What one text map has loaded; it is read first where it is not.
    ///
    /// - Returns: nil where the table is no text map. It is good until `forget`.
    /// - Throws: where it cannot be read.
    @inline(__always)
    mutating func storage(
        _ index: Int, for key: Range<Int>, of text: borrowing TextArena
    ) throws(MapError) -> TextSnapshot? {
        if let known = unsafe storages[index] { return unsafe TextSnapshot(storage: known) }
        guard let table = tables[index] else { return nil }
        return try adopt(table, index, for: text[key])
    }

    @inline(never)
    private mutating func adopt(_ table: TextTable, _ index: Int, for key: [UInt8]) throws(MapError) -> TextSnapshot {
        let loaded = try table.loaded(for: key)
        let storage = unsafe Unmanaged.passUnretained(loaded)
        owners[index] = loaded
        unsafe storages[index] = storage
        let known = owners.compactMap { $0 }
        if known.count == tables.count, known.allSatisfy(isSearchable) {
            all = known.map { unsafe TextSnapshot(storage: Unmanaged.passUnretained($0)) }
        }
        return unsafe TextSnapshot(storage: storage)
    }

    /// Lets the maps be asked anew for what they have.
    mutating func forget() {
        all = []
        for index in owners.indices {
            unsafe storages[index] = nil
            owners[index] = nil
        }
    }
}
