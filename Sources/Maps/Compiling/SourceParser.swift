// Reads the source of a map, entry by entry (SEMANTICS 9). It works in the file's bytes themselves: keys are folded and
// continued values joined in place, so that a source of any size costs its own bytes and nothing more.

import Files
import MailAddress

/// One entry of a source, as places in the parser's bytes; the value directly follows the key.
struct SourceEntry {
    /// Where the key begins.
    let offset: UInt32
    /// The lengths in bytes.
    let keyLength: UInt32, valueLength: UInt32
    /// The line of the key, counted from 1.
    let line: UInt32

    /// The places of the key's bytes.
    var key: Range<Int> { Int(offset)..<Int(offset) + Int(keyLength) }
    /// The places of the value's bytes.
    var value: Range<Int> { key.upperBound..<key.upperBound + Int(valueLength) }
}

/// Yields the entries of a source in their order, duplicates included.
struct SourceParser {
    /// The source; behind the entries read so far it is rewritten.
    private(set) var bytes: [UInt8]
    /// The findings so far, duplicates excluded: those only a table can notice.
    private(set) var warnings: [SourceWarning] = []

    private let file: String
    private let form: SourceForm
    private let folding: KeyFolding
    /// Where the next line begins, and its number.
    private var position = 0
    private var line: UInt32 = 1
    private var hasSeenCR = false

    /// Entries hold places as 32 bits; the largest one is left free for tables to mark what is empty.
    static let sizeLimit = Int(UInt32.max) - 1

    /// Begins to read a source.
    ///
    /// - Parameters:
    ///   - source: the whole of it.
    ///   - file: what messages call it.
    ///   - folding: how keys are folded; those of aliases to lower case where it does not say.
    /// - Throws: if it holds a NUL, which no key or value in a database may hold, or is too large.
    init(
        _ source: consuming [UInt8], file: String, form: SourceForm, folding: KeyFolding
    ) throws(CompileError) {
        bytes = source
        self.file = file
        self.form = form
        // Keys of aliases are never case-sensitive.
        self.folding = form == .aliases && folding == .none ? .lower : folding
        guard bytes.count <= Self.sizeLimit else {
            throw CompileError(file: file, reason: "larger than \(Self.sizeLimit) bytes", remedy: "split the map")
        }
        if let place = firstIndex(of: 0, in: bytes.span, from: 0) {
            let line = bytes[..<place].count { $0 == 0x0A } + 1
            throw CompileError(file: file, line: line, reason: "a NUL byte", remedy: "give a text file")
        }
        if let last = bytes.last, last != 0x0A {
            let line = bytes.count { $0 == 0x0A } + 1
            warnings.append(SourceWarning(file: file, line: line, kind: .noFinalNewline))
        }
    }

    /// Reads one entry.
    ///
    /// - Returns: nil at the end of the source.
    /// - Throws: at the first line that breaks the grammar.
    mutating func next() throws(CompileError) -> SourceEntry? {
        switch form {
        case .plain: nextPlain()
        case .aliases: try nextAlias()
        }
    }

    private mutating func nextPlain() -> SourceEntry? {
        while position < bytes.count {
            let number = line
            let end = takeLine()
            let keyStart = skipBlanks(from: end.start, to: end.end)
            guard keyStart < end.end, bytes[keyStart] != 0x23 else { continue }
            var keyEnd = skipWord(from: keyStart, to: end.end)
            let valueStart = skipBlanks(from: keyEnd, to: end.end)
            if keyEnd - keyStart > 1, bytes[keyEnd - 1] == 0x3A {
                keyEnd -= 1
                warn(.colon(key: Array(bytes[keyStart..<keyEnd])), line: number)
            }
            noticeCR(before: end.end, line: number)
            return entry(key: keyStart..<keyEnd, value: valueStart..<end.end, line: number)
        }
        return nil
    }

    private mutating func nextAlias() throws(CompileError) -> SourceEntry? {
        while position < bytes.count {
            let number = line
            let current = takeLine()
            guard current.start < current.end, bytes[current.start] != 0x23 else { continue }
            let first = skipBlanks(from: current.start, to: current.end)
            guard first < current.end else { continue }
            guard first == current.start else {
                throw error(
                    number,
                    bytes[first] == 0x23 ? "an indented comment" : "a continuation line without an entry before it",
                    "begin the line in the first column, or remove the blank or comment line before it")
            }
            let keyEnd = try endOfAliasKey(from: current.start, to: current.end, line: number)
            let colon = skipBlanks(from: keyEnd, to: current.end)
            guard colon < current.end, bytes[colon] == 0x3A else {
                throw error(number, "no colon after the key", "write 'key: value'")
            }
            let value = skipBlanks(from: colon + 1, to: current.end)
            noticeCR(before: current.end, line: number)
            let joined = try joinContinuations(of: value..<current.end)
            return entry(key: current.start..<keyEnd, value: joined, line: number)
        }
        return nil
    }

    /// Finds the first blank or colon that is neither quoted nor escaped.
    private func endOfAliasKey(from start: Int, to end: Int, line: UInt32) throws(CompileError) -> Int {
        var isQuoted = false
        var index = start
        while index < end {
            switch bytes[index] {
            case 0x22: isQuoted.toggle()
            case 0x5C: index += 1
            case 0x3A where !isQuoted: return index
            case 0x20 where !isQuoted, 0x09 where !isQuoted: return index
            default: break
            }
            index += 1
        }
        throw isQuoted
            ? error(line, "a quote in the key is not closed", "close it, or escape it with a backslash")
            : error(line, "no colon after the key", "write 'key: value'")
    }

    /// Takes the lines that continue a value, and joins them to it in place.
    ///
    /// - Returns: the places of the whole value.
    private mutating func joinContinuations(of value: Range<Int>) throws(CompileError) -> Range<Int> {
        var end = value.upperBound
        while position < bytes.count, ASCII.isBlank(bytes[position]) {
            let number = line
            let saved = position
            let next = takeLine()
            let first = skipBlanks(from: next.start, to: next.end)
            guard first < next.end else {
                // A line of blanks ends the entry; it is read again as what it is.
                position = saved
                line = number
                break
            }
            var trimmed = end
            while trimmed > value.lowerBound, ASCII.isBlank(bytes[trimmed - 1]) { trimmed -= 1 }
            guard trimmed > value.lowerBound, bytes[trimmed - 1] == 0x2C else {
                let reason =
                    bytes[first] == 0x23
                    ? "an indented comment" : "a continuation line, but the line before does not end with a comma"
                throw error(
                    number, reason, "end the line before with a comma, or begin this one in the first column")
            }
            noticeCR(before: next.end, line: number)
            move(first..<next.end, to: trimmed)
            end = trimmed + (next.end - first)
        }
        return value.lowerBound..<end
    }

    /// Takes one line; the newline is not part of it.
    private mutating func takeLine() -> (start: Int, end: Int) {
        let start = position
        let end = firstIndex(of: 0x0A, in: bytes.span, from: start) ?? bytes.count
        position = end + 1
        line += 1
        return (start, end)
    }

    private func skipBlanks(from start: Int, to end: Int) -> Int {
        let text = bytes.span
        var index = start
        while index < end, ASCII.isBlank(text[index]) { index += 1 }
        return index
    }

    private func skipWord(from start: Int, to end: Int) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            // The slice is checked against the buffer, once for all its bytes.
            let line = unsafe UnsafeRawBufferPointer(rebasing: buffer[start..<end])
            for index in line.indices where unsafe ASCII.isBlank(line[index]) { return start + index }
            return end
        }
    }

    /// Folds a key, and puts its value right behind it.
    private mutating func entry(key: Range<Int>, value: Range<Int>, line: UInt32) -> SourceEntry {
        fold(key)
        move(value, to: key.upperBound)
        // In range: no place is beyond sizeLimit.
        return SourceEntry(
            offset: UInt32(truncatingIfNeeded: key.lowerBound), keyLength: UInt32(truncatingIfNeeded: key.count),
            valueLength: UInt32(truncatingIfNeeded: value.count), line: line)
    }

    private mutating func fold(_ key: Range<Int>) {
        let folding = folding
        var text = bytes.mutableSpan
        switch folding {
        case .none: break
        case .lower: for index in key { text[index] = ASCII.lowercase(text[index]) }
        case .upper: for index in key { text[index] = ASCII.uppercase(text[index]) }
        }
    }

    /// Moves bytes towards the beginning; the places may overlap.
    private mutating func move(_ range: Range<Int>, to target: Int) {
        guard target < range.lowerBound else { return }
        unsafe bytes.withUnsafeMutableBytes { buffer in
            // The slices are checked against the buffer; copyMemory allows them to overlap.
            let goal = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[target..<target + range.count])
            unsafe goal.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[range]))
        }
    }

    private mutating func noticeCR(before end: Int, line: UInt32) {
        guard !hasSeenCR, end > 0, bytes[end - 1] == 0x0D else { return }
        hasSeenCR = true
        warn(.carriageReturn, line: line)
    }

    private mutating func warn(_ kind: SourceWarning.Kind, line: UInt32) {
        warnings.append(SourceWarning(file: file, line: Int(line), kind: kind))
    }

    private func error(_ line: UInt32, _ reason: String, _ remedy: String) -> CompileError {
        CompileError(file: file, line: Int(line), reason: reason, remedy: remedy)
    }
}
