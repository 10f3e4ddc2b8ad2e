// A source in memory, ready for lookups: its bytes as the parser left them, and the index over them. It never changes,
// so all workers of a process share one.

import Configuration
import Files
import MailAddress

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
    ///   - place: the slot of the index to begin with, where somebody has that.
    ///   - text: the text that the key is a piece of; it gets the value as another piece.
    /// - Returns: where that is; nil where there is none.
    @inline(__always)
    func value(
        of key: Range<Int>, _ hash: KeyHash?, from place: Int? = nil, in text: inout ByteBlock
    ) -> Range<Int>? {
        let search = index.search
        guard let slot = text.withSpan(key, { Self.find($0, hash, from: place, in: bytes, search) }) else { return nil }
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
        _ key: Span<UInt8>, _ hash: KeyHash?, from place: Int? = nil, in bytes: [UInt8], _ search: EntryIndex.Search
    ) -> EntryIndex.Slot? {
        search.find(key, hash, from: place, in: bytes.span)
    }

    @inline(__always)
    private static func append(_ bytes: [UInt8], _ range: Range<Int>, to text: inout ByteBlock) -> Range<Int> {
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

    /// The line of the entry whose key begins at a place; 0 where there is none.
    func line(ofEntryAt offset: UInt32) -> Int {
        var range = 0..<offsets.count
        while let middle = range.isEmpty ? nil : range.lowerBound + range.count / 2 {
            if offsets[middle] == offset { return Int(lines[middle]) }
            range = offsets[middle] < offset ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return 0
    }
}
