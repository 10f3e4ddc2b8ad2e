// The entries of a source in the order of their keys, each key once: B-trees are filled fastest, and most densely, in
// order, and duplicates lie side by side.

import Files
import Glibc

/// A source ready to be written.
struct SortedSource {
    /// The source's bytes, as the parser left them.
    let bytes: [UInt8]
    /// The entries by key; of duplicates only the first in the source.
    let entries: [SourceEntry]
    /// What was found that is probably a mistake, in the order of lines.
    let warnings: [SourceWarning]

    /// Reads and sorts a source.
    init(_ source: CompileJob.Source, form: SourceForm, folding: KeyFolding) throws(CompileError) {
        var parser = try SourceParser(
            Self.read(source), file: source.name, form: form, folding: folding)
        var keyed: [KeyedEntry] = []
        keyed.reserveCapacity(parser.bytes.count / 48)
        while let entry = try parser.next() {
            keyed.append(KeyedEntry(entry, in: parser.bytes))
        }
        let bytes = parser.bytes
        unsafe bytes.withUnsafeBytes { buffer in
            // Sources are often sorted already, which sort does not notice by itself.
            let isSorted = zip(keyed, keyed.dropFirst()).allSatisfy { unsafe !$1.precedes($0, in: buffer) }
            if !isSorted { keyed.sort { unsafe $0.precedes($1, in: buffer) } }
        }
        var entries: [SourceEntry] = []
        entries.reserveCapacity(keyed.count)
        var duplicates: [SourceWarning] = []
        for candidate in keyed {
            if let last = entries.last, bytes[last.key] == bytes[candidate.entry.key] {
                let kind = SourceWarning.Kind.duplicate(key: Array(bytes[last.key]), first: Int(last.line))
                duplicates.append(SourceWarning(file: source.name, line: Int(candidate.entry.line), kind: kind))
            } else {
                entries.append(candidate.entry)
            }
        }
        self.bytes = bytes
        self.entries = entries
        warnings = (parser.warnings + duplicates).sorted { $0.line < $1.line }
    }

    private static func read(_ source: CompileJob.Source) throws(CompileError) -> [UInt8] {
        switch source {
        case .bytes(let bytes, _): return bytes
        case .file(let path):
            do {
                return try readSettledFile(path, limit: SourceParser.sizeLimit).bytes
            } catch {
                throw CompileError(
                    error, remedy: error.isUnsettled ? "the old database stays" : "correct the file or its path")
            }
        }
    }
}

/// An entry with the beginning of its key, which settles most comparisons without touching the source.
private struct KeyedEntry {
    let entry: SourceEntry
    /// The first eight bytes of the key, the first the most significant; zeros where the key is shorter.
    private let beginning: UInt64

    init(_ entry: SourceEntry, in bytes: [UInt8]) {
        self.entry = entry
        var beginning: UInt64 = 0
        for place in entry.key.prefix(8) { beginning = beginning << 8 | UInt64(bytes[place]) }
        let missing = 8 - min(entry.key.count, 8)
        self.beginning = missing == 8 ? 0 : beginning << UInt64(missing * 8)
    }

    /// Whether it comes before another: by key as Berkeley DB orders them, then by line.
    func precedes(_ other: KeyedEntry, in bytes: UnsafeRawBufferPointer) -> Bool {
        if beginning != other.beginning { return beginning < other.beginning }
        // Entries hold places inside the source's bytes.
        let left = unsafe UnsafeRawBufferPointer(rebasing: bytes[entry.key])
        let right = unsafe UnsafeRawBufferPointer(rebasing: bytes[other.entry.key])
        let common = min(left.count, right.count)
        if common > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
            let order = unsafe memcmp(leftBase, rightBase, common)
            if order != 0 { return order < 0 }
        }
        return left.count == right.count ? entry.line < other.entry.line : left.count < right.count
    }
}
