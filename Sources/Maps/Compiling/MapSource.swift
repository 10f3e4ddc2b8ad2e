// The entries of a source in the order of their keys, each key once: B-trees are filled fastest, and most densely, in
// order, duplicates lie side by side, and the entry of a key is found by halving.

import Bytes
public import Configuration
import Glibc
import System

/// The source of a map, read and judged: its entries, each with its line.
public struct MapSource: Sendable {
    /// What messages call it.
    public let name: String
    /// The source's bytes, as the parser left them: keys and values are pieces of them.
    public let bytes: [UInt8]
    /// The entries by key; of duplicates only the first in the source.
    let entries: [SourceEntry]
    /// What was found that is wrong or probably a mistake.
    public let findings: SourceFindings
    /// What makes it doubtful which keys it has; nil where they are certain, whatever else is wrong.
    public let doubt: Finding?
    /// The first error; what cannot be compiled is still read as far as it goes.
    public var firstError: Finding? { findings.firstError }

    /// Reads and sorts the source of a job.
    ///
    /// - Throws: if it cannot be read.
    public init(_ job: CompileJob) throws(CompileError) {
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
        Self.sort(&keyed, in: bytes)
        var entries: [SourceEntry] = []
        entries.reserveCapacity(keyed.count)
        for candidate in keyed {
            if let last = entries.last, bytes[last.key] == bytes[candidate.entry.key] {
                parser.reportDuplicate(candidate.entry, of: Int(last.line))
            } else {
                entries.append(candidate.entry)
            }
        }
        if let format = job.format, format.refusesEntries {
            for entry in entries {
                let text = format.refusal(
                    ofKey: bytes.span.extracting(entry.key), value: bytes.span.extracting(entry.value))
                guard let text else { continue }
                parser.findings.add(
                    Finding(.unreadableLine, .error, file: job.source.name, line: Int(entry.line), text: text))
            }
        }
        if parser.findings.firstError == nil, let file, (try? FileState(path: job.source.name)) != file {
            throw CompileError(
                file: job.source.name, reason: "changed while it was read",
                remedy: "run again when it is whole; the old database stays", isTemporary: true)
        }
        name = job.source.name
        self.bytes = bytes
        self.entries = entries
        findings = parser.findings
        doubt = parser.doubt
    }

    /// Puts the entries of a map together whose file has no lines.
    ///
    /// - Parameter fill: is given what takes entries, in any order; it answers whether there was room for one.
    /// - Throws: what `fill` throws.
    public init<Failure: Error>(
        name: String, filledBy fill: ((MapEntry) -> Bool) throws(Failure) -> Void
    ) throws(Failure) {
        var bytes: [UInt8] = []
        var keyed: [KeyedEntry] = []
        try fill { entry in
            guard bytes.count + entry.key.count + entry.value.count < SourceParser.sizeLimit else { return false }
            let offset = bytes.count
            bytes += entry.key
            bytes += entry.value
            keyed.append(
                KeyedEntry(
                    SourceEntry(
                        offset: UInt32(truncatingIfNeeded: offset),
                        keyLength: UInt32(truncatingIfNeeded: entry.key.count),
                        valueLength: UInt32(truncatingIfNeeded: entry.value.count), line: 0), in: bytes.span))
            return true
        }
        Self.sort(&keyed, in: bytes)
        self.name = name
        self.bytes = bytes
        entries = keyed.map(\.entry)
        findings = SourceFindings(source: name)
        doubt = nil
    }

    private static func sort(_ keyed: inout [KeyedEntry], in bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in
            // Sources are often sorted already, which sort does not notice by itself.
            let isSorted = zip(keyed, keyed.dropFirst()).allSatisfy { unsafe !$1.precedes($0, in: buffer) }
            if !isSorted { keyed.sort { unsafe $0.precedes($1, in: buffer) } }
        }
    }

    /// Reads the source of a job that is to be compiled.
    ///
    /// - Throws: if it cannot be read, or has an error that is not allowed.
    init(compiling job: CompileJob) throws(CompileError) {
        try self.init(job)
        if let error = firstError { throw CompileError(refusing: findings, because: error) }
    }

    // MARK: Entries

    /// How many entries it has, each key once.
    public var count: Int { entries.count }

    /// An entry; they are in the order of their keys, byte by byte.
    public subscript(index: Int) -> MapEntry {
        let entry = entries[index]
        return MapEntry(
            key: [UInt8](bytes[entry.key]), value: [UInt8](bytes[entry.value]),
            line: entry.line == 0 ? nil : Int(entry.line))
    }

    /// Where an entry stands in ``bytes``, and its line; nil where the map's file has none.
    public func place(of index: Int) -> (key: Range<Int>, value: Range<Int>, line: Int?) {
        let entry = entries[index]
        return (entry.key, entry.value, entry.line == 0 ? nil : Int(entry.line))
    }

    /// The entry of a key as it is stored; nil where there is none.
    public func entry(of key: Span<UInt8>) -> MapEntry? { index(of: key).map { self[$0] } }

    /// The index of the entry of a key as it is stored; nil where there is none.
    public func index(of key: Span<UInt8>) -> Int? {
        var range = 0..<entries.count
        while let middle = range.isEmpty ? nil : range.lowerBound + range.count / 2 {
            let order = order(of: entries[middle].key, against: key)
            if order == 0 { return middle }
            range = order < 0 ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// Below 0 where a key of the source comes before another.
    private func order(of range: Range<Int>, against key: Span<UInt8>) -> Int {
        let text = bytes.span
        for index in 0..<min(range.count, key.count) {
            let (one, other) = (text[range.lowerBound + index], key[index])
            if one != other { return one < other ? -1 : 1 }
        }
        return range.count - key.count
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

/// One entry of a map, as its file has it, without the NUL that ends keys and values in Berkeley DB files.
public struct MapEntry: Sendable, Hashable {
    /// The key, folded as it is stored.
    public let key: [UInt8]
    /// The value.
    public let value: [UInt8]
    /// The line of the source, counted from 1; nil for what was read from a file that has none.
    public let line: Int?
    /// Whether the file has its key without the NUL by which lookups find it.
    public let lacksNUL: Bool

    /// Puts an entry together.
    public init(key: [UInt8], value: [UInt8], line: Int? = nil, lacksNUL: Bool = false) {
        (self.key, self.value, self.line, self.lacksNUL) = (key, value, line, lacksNUL)
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
