// A source in memory, ready for lookups: its bytes as the parser left them, and the index over them. It never changes,
// so all workers of a process share one.

import Files
import MailAddress

/// The entries of one generation of a text map.
final class TextTableStorage: Sendable {
    /// The very file that the entries came from.
    let identity: FileIdentity
    /// What was found in it that is probably a mistake.
    let warnings: [SourceWarning]

    private let entries: Entries

    /// Reads a source whole.
    ///
    /// - Throws: if the file cannot be read, breaks the grammar, or changes while it is read.
    init(path: String, form: SourceForm, folding: KeyFolding) throws(CompileError) {
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
        var index = EntryIndex(sourceSize: parser.bytes.count)
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
        entries = Entries(bytes: parser.bytes, index: index)
    }

    /// How many keys there are.
    var count: Int { entries.index.count }

    /// Looks a key up, byte for byte.
    @inline(__always)
    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) -> Bool {
        entries.lookUp(key, into: &value)
    }
}

/// The bytes of a source and the index over them.
private struct Entries: Sendable {
    let bytes: [UInt8]
    let index: EntryIndex

    @inline(__always)
    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) -> Bool {
        let bytes = bytes.span
        guard let slot = index.find(key, in: bytes) else { return false }
        value.removeAll(keepingCapacity: true)
        value.append(from: bytes, slot.value)
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
