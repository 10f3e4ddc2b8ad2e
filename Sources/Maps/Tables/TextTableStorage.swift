// A source in memory, ready for lookups: its bytes as the parser left them, and the index over them. It never changes,
// so all workers of a process share one.

import Files
import MailAddress

/// The entries of one generation of a text map.
final class TextTableStorage: Sendable {
    /// The very file that the entries came from.
    let identity: FileIdentity
    /// The user whose authority an expansion from the file carries.
    var privilege: UInt32 { identity.privilege }
    /// What was found in it that is probably a mistake.
    let warnings: [SourceWarning]

    private let bytes: [UInt8]
    private let index: EntryIndex

    /// Searches in the index.
    var search: EntryIndex.Search { index.search }

    /// Reads a source whole.
    ///
    /// - Throws: if the file cannot be read, breaks the grammar, or changes while it is read.
    init(path: String, form: SourceForm, folding: KeyFolding, hash: ByteHash) throws(CompileError) {
        var read: (bytes: [UInt8], identity: FileIdentity)
        do throws(FileError) {
            read = try readFile(path, limit: SourceParser.sizeLimit)
            // Half a file would make the other half's keys absent.
            guard try FileIdentity(path: path) == read.identity else {
                throw FileError(operation: "read", path: path, reason: "changed while it was read")
            }
        } catch {
            throw CompileError(
                error, remedy: "correct the file or its path; replace it by rename, not by writing into it")
        }
        var parser = try SourceParser(read.bytes, file: path, form: form, folding: folding)
        // The parser works in place; a second owner of the bytes would make it copy them all.
        read.bytes = []
        identity = read.identity
        var index = EntryIndex(sourceSize: parser.bytes.count, hash: hash)
        var lines = EntryLines()
        var duplicates: [SourceWarning] = []
        while let entry = try parser.next() {
            if let first = index.insert(entry, in: parser.bytes.span) {
                let kind = SourceWarning.Kind.duplicate(
                    key: Array(parser.bytes[entry.key]), first: lines.line(ofEntryAt: first))
                duplicates.append(SourceWarning(file: path, line: Int(entry.line), kind: kind))
            } else {
                lines.append(entry)
            }
        }
        warnings = (parser.warnings + duplicates).sorted { $0.line < $1.line }
        bytes = parser.bytes
        self.index = index
    }

    /// How many keys there are.
    var count: Int { index.count }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameters:
    ///   - hash: the key's hash, where somebody has it.
    ///   - take: is given the value, where there is one.
    /// - Returns: whether there is.
    @inline(__always)
    func find(_ key: Span<UInt8>, _ hash: KeyHash? = nil, _ take: (Span<UInt8>) -> Void) -> Bool {
        Self.find(key, hash, in: bytes, index.search, take)
    }

    @inline(__always)
    private static func find(
        _ key: Span<UInt8>, _ hash: KeyHash?, in bytes: [UInt8], _ search: EntryIndex.Search,
        _ take: (Span<UInt8>) -> Void
    ) -> Bool {
        let bytes = bytes.span
        guard let slot = search.find(key, hash, in: bytes) else { return false }
        take(bytes.extracting(slot.value))
        return true
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
