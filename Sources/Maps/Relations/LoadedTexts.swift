// The way round the tables for text maps: what they have loaded, asked without counting references, which at each of an
// address's many lookups would cost more than the lookup.

import MailAddress

/// What the text maps of a relation have loaded.
@safe
struct LoadedTexts {
    private let tables: [TextTable?]
    /// Keeps alive what `storages` refers to.
    private var owners: [TextTableStorage?]
    private var storages: [Unmanaged<TextTableStorage>?]
    /// All of them, once all are loaded and searchable; otherwise empty.
    private(set) var all: [LoadedText] = []
    private let isSearchable: (TextTableStorage) -> Bool

    /// Nothing is loaded yet.
    ///
    /// - Parameters:
    ///   - tables: the relation's tables; those that are no text maps have to be asked themselves.
    ///   - isSearchable: whether the absence of a key from what was loaded says that the map does not have it.
    init(_ tables: [any Table], isSearchable: @escaping (TextTableStorage) -> Bool) {
        self.isSearchable = isSearchable
        self.tables = tables.map { table in
            guard let text = table as? TextTable, text.takesKeysAsTheyAre else { return nil }
            return text
        }
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
        _ index: Int, for key: Range<Int>, of text: borrowing ByteBlock
    ) throws(MapError) -> LoadedText? {
        if let known = unsafe storages[index] { return unsafe LoadedText(storage: known) }
        guard let table = tables[index] else { return nil }
        return try adopt(table, index, for: text[key])
    }

    @inline(never)
    private mutating func adopt(_ table: TextTable, _ index: Int, for key: [UInt8]) throws(MapError) -> LoadedText {
        let loaded = try table.loaded(for: key)
        let storage = unsafe Unmanaged.passUnretained(loaded)
        owners[index] = loaded
        unsafe storages[index] = storage
        let known = owners.compactMap { $0 }
        if known.count == tables.count, known.allSatisfy(isSearchable) {
            all = known.map { unsafe LoadedText(storage: Unmanaged.passUnretained($0)) }
        }
        return unsafe LoadedText(storage: storage)
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
