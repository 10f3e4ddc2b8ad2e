// The back ends that read a text file directly: `text` (ours: the source that newdb would compile), and ZMailer's
// `unordered` and `ordered`. All are loaded whole; the differences are the grammar and how keys are compared.

import Bytes
import Configuration
import Glibc
import System

/// A text file of keys and values.
///
/// It is loaded at the first lookup. A file that breaks its grammar is a failure of every lookup, with file and line.
public final class TextTable: Table {
    /// What messages call the map.
    public let name: TableName
    /// The file's owner, or nobody where others may write it; nobody before the file was read.
    public private(set) var privilege: UInt32 = nobody

    private let form: SourceForm
    private let folding: KeyFolding
    private let foldsLookups: Bool
    private let judge: (any EntryJudge)?
    private let loader: TextTableLoader
    private var storage: TextTableStorage?
    private var hasFailed = false
    private var foldedKey: [UInt8] = []

    /// Names a source that newdb could compile; nothing is read yet.
    ///
    /// - Parameters:
    ///   - name: what messages call the map, and the path of its file.
    ///   - form: its grammar.
    ///   - folding: how keys are folded when they are read; those of aliases to lower case where not to upper.
    ///   - judge: knows what the entries are for; nil where nobody does.
    ///   - loader: what the workers of a process share.
    public convenience init(
        name: TableName, form: SourceForm, folding: KeyFolding, judge: (any EntryJudge)? = nil, loader: TextTableLoader
    ) {
        self.init(name: name, form: form, folding: folding, foldsLookups: false, judge: judge, loader: loader)
    }

    /// Names a file of ZMailer's type `unordered`: keys are compared without regard to case, whatever the flags.
    ///
    /// The value is the rest of the line (DEVIATIONS, unordered).
    public static func unordered(
        name: TableName, judge: (any EntryJudge)? = nil, loader: TextTableLoader
    ) -> TextTable {
        TextTable(name: name, form: .plain, folding: .lower, foldsLookups: true, judge: judge, loader: loader)
    }

    /// Names a file of ZMailer's type `ordered`: keys are compared byte for byte, or without regard to case where lookups
    /// are folded to lower case.
    ///
    /// ZMailer searches the sorted file itself; here it is loaded like the others, so that an unsorted line is found too.
    ///
    /// - Parameter folding: how the relation folds what it looks up.
    public static func ordered(
        name: TableName, folding: KeyFolding, judge: (any EntryJudge)? = nil, loader: TextTableLoader
    ) -> TextTable {
        TextTable(
            name: name, form: .plain, folding: folding == .lower ? .lower : .none, foldsLookups: false, judge: judge,
            loader: loader)
    }

    private init(
        name: TableName, form: SourceForm, folding: KeyFolding, foldsLookups: Bool, judge: (any EntryJudge)?,
        loader: TextTableLoader
    ) {
        self.name = name
        self.form = form
        self.folding = folding
        self.foldsLookups = foldsLookups
        self.judge = judge
        self.loader = loader
    }

    /// Looks a key up; the file is read first where it is not loaded.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let storage = if let storage { storage } else { try load(for: Array(copying: key)) }
        guard foldsLookups else { return storage.find(key, into: &value) }
        foldedKey.removeAll(keepingCapacity: true)
        for index in key.indices { foldedKey.append(ASCII.lowercase(key[index])) }
        let folded = foldedKey
        return storage.find(folded.span, into: &value)
    }

    /// Forgets the entries of a file that was replaced or changed, as soon as the new content is believed.
    public func refresh() -> Bool {
        guard let storage else {
            // Each lookup asks for them again.
            return hasFailed
                && (try? loader.storage(path: name.file, form: form, folding: folding, judge: judge)) != nil
        }
        guard (try? FileState(path: name.file)) != storage.file else { return false }
        let now = try? loader.storage(path: name.file, form: form, folding: folding, judge: judge)
        guard now !== storage else { return false }
        self.storage = nil
        return true
    }

    /// The hash function of the entries.
    var hash: ByteHash { loader.hash }

    /// Whether keys are looked up as they are given, so that the entries may be asked without the table.
    var asksAsGiven: Bool { !foldsLookups }

    /// The entries, which are read first where they are not loaded.
    ///
    /// - Parameter key: the key that is looked up, for the message where they cannot be read.
    func loaded(for key: [UInt8]) throws(MapError) -> TextTableStorage {
        if let storage { storage } else { try load(for: key) }
    }

    private func load(for key: [UInt8]) throws(MapError) -> TextTableStorage {
        do {
            let loaded = try loader.storage(path: name.file, form: form, folding: folding, judge: judge)
            storage = loaded
            hasFailed = false
            privilege = loaded.privilege
            return loaded
        } catch {
            hasFailed = true
            throw MapError(table: name, key: key, text: error.description)
        }
    }
}

// A source in memory, ready for lookups: its bytes as the parser left them, and the index over them. It never changes,
// so all workers of a process share one.

/// The entries of one generation of a text map.
final class TextTableStorage: Sendable {
    /// The very file that the entries came from.
    let file: FileState
    /// The user whose authority an expansion from the file carries.
    var privilege: UInt32 { file.identity.privilege }
    /// What was found in it; none of it makes doubtful which keys it has.
    let findings: SourceFindings

    private let bytes: [UInt8]
    private let index: EntryIndex

    /// Searches in the index.
    var search: EntryIndex.Search { index.search }

    /// Reads the bytes of a source.
    ///
    /// An entry that cannot work is found and kept: it is answered as ZMailer answers it.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: the very file they came from.
    /// - Throws: if they break the grammar.
    init(
        _ bytes: consuming [UInt8], _ file: FileState, path: String, form: SourceForm, folding: KeyFolding,
        judge: (any EntryJudge)?, allowing allowed: AllowedFindings, hash: ByteHash
    ) throws(CompileError) {
        // The parser works in place; a second owner of the bytes would make it copy them all.
        var parser = SourceParser(
            consume bytes, file: path, form: form, folding: folding, judge: judge, allowing: allowed)
        self.file = file
        var index = EntryIndex(sourceSize: parser.bytes.count, hash: hash)
        var lines = EntryLines()
        while let entry = parser.next() {
            if let first = index.insert(entry, in: parser.bytes.span) {
                parser.reportDuplicate(entry, of: lines.line(ofEntryAt: first))
            } else {
                lines.append(entry)
            }
        }
        if let doubt = parser.doubt { throw CompileError(refusing: parser.findings, because: doubt) }
        findings = parser.findings
        self.bytes = parser.bytes
        self.index = index
    }

    /// How many keys there are.
    var count: Int { index.count }

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
        let search = index.search
        guard let slot = text.withSpan(key, { Self.find($0, hash, from: first, in: bytes, search) }) else { return nil }
        return Self.append(bytes, slot.value, to: &text)
    }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameter value: replaced by the value, where there is one.
    /// - Returns: whether there is.
    func find(_ key: Span<UInt8>, into value: inout [UInt8]) -> Bool {
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

/// The lines of entries, kept only while a source is loaded, for the messages about duplicates.
private struct EntryLines {
    private var offsets: [UInt32] = []
    private var lines: [UInt32] = []

    /// Notes an entry; entries come in the order of their offsets.
    mutating func append(_ entry: SourceEntry) {
        offsets.append(entry.offset)
        lines.append(entry.line)
    }

    /// The line of the entry whose key begins at an offset; 0 where there is none.
    func line(ofEntryAt offset: UInt32) -> Int {
        var range = 0..<offsets.count
        while let middle = range.isEmpty ? nil : range.lowerBound + range.count / 2 {
            if offsets[middle] == offset { return Int(lines[middle]) }
            range = offsets[middle] < offset ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return 0
    }
}

// One text map, asked without going through its table: the step that the many lookups of an address share.

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
    ///   - first: the slot of the index to begin with, where somebody has that.
    /// - Returns: where the text has the value now; nil where there is none.
    @inline(__always)
    func value(
        of key: Range<Int>, _ hash: KeyHash? = nil, from first: Int? = nil, in text: inout TextArena
    ) -> Range<Int>? {
        unsafe storage._withUnsafeGuaranteedRef { $0.value(of: key, hash, from: first, in: &text) }
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
        // What is wrapped, to be traced or to fail, has to be asked itself.
        self.tables = tables.map { ($0 as? TextTable).flatMap { $0.asksAsGiven ? $0 : nil } }
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
