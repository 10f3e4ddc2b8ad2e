// The back ends that read a text file directly: `text` (ours: the source that newdb would compile), and ZMailer's
// `unordered` and `ordered`. All are loaded whole; the differences are the grammar and how keys are compared.

import Files
import Glibc
import MailAddress

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
    package convenience init(
        name: TableName, form: SourceForm, folding: KeyFolding, judge: (any EntryJudge)? = nil, loader: TextTableLoader
    ) {
        self.init(name: name, form: form, folding: folding, foldsLookups: false, judge: judge, loader: loader)
    }

    /// Names a file of ZMailer's type `unordered`: keys are compared without regard to case, whatever the flags.
    ///
    /// The value is the rest of the line (DEVIATIONS, unordered).
    package static func unordered(
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
    package static func ordered(
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

    /// Whether keys are looked up as they are given.
    var takesKeysAsTheyAre: Bool { !foldsLookups }

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
