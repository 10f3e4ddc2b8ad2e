// Reads entries from text: lines of `db dump`, or the format of db5.3_dump, which also salvage writes. The first line
// tells which.

import Bytes

/// Yields the entries of a dump in their order.
package struct EntryReader {
    private let bytes: [UInt8]
    private let file: String
    private var position = 0
    /// The line that was read last, counted from 1.
    package private(set) var line = 0
    private var isAtEnd = false
    /// Whether the entries behind a faulty line can be read: a line of `db dump` is one entry.
    package var canGoOn: Bool { !isHexadecimal && position < bytes.count }
    /// Whether bytes are given as pairs of hexadecimal digits, each key and value on a line of its own.
    private let isHexadecimal: Bool

    /// Begins to read a dump.
    ///
    /// - Parameters:
    ///   - bytes: the whole of it.
    ///   - file: what messages call it.
    /// - Throws: for a header of db5.3_dump that speaks of something else than a btree or hash.
    package init(_ bytes: [UInt8], file: String) throws(CompileError) {
        self.bytes = bytes
        self.file = file
        isHexadecimal = bytes.starts(with: "VERSION=".utf8)
        if isHexadecimal { try skipHeader() }
    }

    /// Reads one entry.
    ///
    /// - Returns: the stored bytes, NUL included; nil at the end.
    /// - Throws: at the first line that is none.
    package mutating func next() throws(CompileError) -> (key: [UInt8], value: [UInt8])? {
        guard var first = takeLine() else {
            guard !isHexadecimal else { throw error("the dump is cut short: no DATA=END", "make it again") }
            return nil
        }
        if isHexadecimal { try skipHeaders(&first) }
        if isHexadecimal, isAtEnd { return nil }
        do throws(EntryTextError) {
            guard isHexadecimal else { return try EntryText.parse(first) }
            let key = try Self.decode(first)
            guard let second = takeLine() else {
                throw EntryTextError(reason: "a key without a value", remedy: "make the dump again")
            }
            return (key, try Self.decode(second))
        } catch {
            throw self.error(error.reason, error.remedy)
        }
    }

    /// Passes over the end of one database and the header of the next.
    ///
    /// Pages that hang together with nothing else are salvaged as a second database.
    private mutating func skipHeaders(_ line: inout ArraySlice<UInt8>) throws(CompileError) {
        while line.elementsEqual("DATA=END".utf8) {
            guard takeLine() != nil else {
                isAtEnd = true
                return
            }
            try skipHeader()
            guard let next = takeLine() else { throw error("the dump is cut short: no DATA=END", "make it again") }
            line = next
        }
    }

    private mutating func skipHeader() throws(CompileError) {
        while let header = takeLine() {
            let text = String(decoding: header, as: UTF8.self)
            switch text {
            case "HEADER=END": return
            case "format=print": throw error("the dump has the format of db5.3_dump -p", "make it without -p")
            case "type=recno", "type=queue", "type=heap": throw error("a dump of no map (\(text))", "give another")
            default: continue
            }
        }
        throw error("the dump is cut short: no HEADER=END", "make it again")
    }

    private mutating func takeLine() -> ArraySlice<UInt8>? {
        guard position < bytes.count else { return nil }
        let end = bytes.span.firstIndex(of: 0x0A, from: position) ?? bytes.count
        defer { position = end + 1 }
        line += 1
        return bytes[position..<end]
    }

    private static func decode(_ line: ArraySlice<UInt8>) throws(EntryTextError) -> [UInt8] {
        let failure = EntryTextError(reason: "no line of hexadecimal digits", remedy: "make the dump again")
        guard line.first == 0x20, line.count % 2 == 1 else { throw failure }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(line.count / 2)
        var rest = line.dropFirst()
        while let high = rest.popFirst(), let low = rest.popFirst() {
            guard let high = EntryText.hexValue(high), let low = EntryText.hexValue(low) else { throw failure }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private func error(_ reason: String, _ remedy: String) -> CompileError {
        CompileError(file: file, line: line, reason: reason, remedy: remedy)
    }
}
