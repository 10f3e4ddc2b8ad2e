// The entries of a source in the order of their keys, each key once: B-trees are filled fastest, and most densely, in
// order, and duplicates lie side by side.

import Configuration
import Glibc
import System

/// A source ready to be written.
struct SortedSource {
    /// The source's bytes, as the parser left them.
    let bytes: [UInt8]
    /// The entries by key; of duplicates only the first in the source.
    let entries: [SourceEntry]
    /// What was found that is probably a mistake.
    let findings: SourceFindings

    /// Reads and sorts the source of a job.
    ///
    /// - Throws: if it cannot be read, or has an error that is not allowed.
    init(_ job: CompileJob) throws(CompileError) {
        let (source, file) = try Self.read(job.source)
        // The parser works in place; a second owner of the bytes would make it copy them all.
        var parser = SourceParser(
            consume source, file: job.source.name, form: job.form, folding: job.folding, judge: job.judge,
            allowing: job.allowed)
        var keyed: [KeyedEntry] = []
        keyed.reserveCapacity(parser.bytes.count / 48)
        while let entry = parser.next() {
            keyed.append(KeyedEntry(entry, in: parser.bytes.span))
        }
        let bytes = parser.bytes
        unsafe bytes.withUnsafeBytes { buffer in
            // Sources are often sorted already, which sort does not notice by itself.
            let isSorted = zip(keyed, keyed.dropFirst()).allSatisfy { unsafe !$1.precedes($0, in: buffer) }
            if !isSorted { keyed.sort { unsafe $0.precedes($1, in: buffer) } }
        }
        var entries: [SourceEntry] = []
        entries.reserveCapacity(keyed.count)
        for candidate in keyed {
            if let last = entries.last, bytes[last.key] == bytes[candidate.entry.key] {
                parser.reportDuplicate(candidate.entry, of: Int(last.line))
            } else {
                entries.append(candidate.entry)
            }
        }
        if let error = parser.findings.firstError { throw CompileError(refusing: parser.findings, because: error) }
        if let file, (try? FileState(path: job.source.name)) != file {
            throw CompileError(
                file: job.source.name, reason: "changed while it was read",
                remedy: "run again when it is whole; the old database stays", isTemporary: true)
        }
        self.bytes = bytes
        self.entries = entries
        findings = parser.findings
    }

    private static func read(
        _ source: CompileJob.Source
    ) throws(CompileError) -> (bytes: [UInt8], file: FileState?) {
        switch source {
        case .bytes(let bytes, _): return (bytes, nil)
        case .file(let path):
            do throws(FileError) {
                let read = try readSettledFile(path, limit: SourceParser.sizeLimit)
                return (read.bytes, read.state)
            } catch {
                throw CompileError(
                    error, remedy: error.isUnsettled ? "the old database stays" : error.sourceRemedy)
            }
        }
    }
}

/// An entry with the beginning of its key, which settles most comparisons without touching the source.
private struct KeyedEntry {
    let entry: SourceEntry
    /// The first eight bytes of the key, the first the most significant; zeros where the key is shorter.
    private let beginning: UInt64

    init(_ entry: SourceEntry, in bytes: Span<UInt8>) {
        self.entry = entry
        var beginning: UInt64 = 0
        let key = entry.key
        let count = min(key.count, 8)
        for offset in key.lowerBound..<(key.lowerBound + count) { beginning = beginning << 8 | UInt64(bytes[offset]) }
        let missing = 8 - count
        self.beginning = missing == 8 ? 0 : beginning << UInt64(missing * 8)
    }

    /// Whether it comes before another: by key as Berkeley DB orders them, then by line.
    func precedes(_ other: KeyedEntry, in bytes: UnsafeRawBufferPointer) -> Bool {
        if beginning != other.beginning { return beginning < other.beginning }
        // Entries hold offsets inside the source's bytes.
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
