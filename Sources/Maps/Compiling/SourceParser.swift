// Reads the source of a map, entry by entry (SEMANTICS 9). It works in the file's bytes themselves: keys are folded and
// continued values joined in place, so that a source of any size costs its own bytes and nothing more. It never stops at a
// fault: what is wrong is collected, and the next line is read.

import Bytes
import Configuration
import System

/// One entry of a source, as offsets into the parser's bytes; the value directly follows the key.
struct SourceEntry {
    /// Where the key begins.
    let offset: UInt32
    /// The lengths in bytes.
    let keyLength: UInt32, valueLength: UInt32
    /// The line of the key, counted from 1.
    let line: UInt32

    /// The range of the key's bytes.
    var key: Range<Int> { Int(offset)..<Int(offset) + Int(keyLength) }
    /// The range of the value's bytes.
    var value: Range<Int> { key.upperBound..<key.upperBound + Int(valueLength) }
}

/// Yields the entries of a source in their order, duplicates included.
struct SourceParser {
    /// The source; behind the entries read so far it is rewritten.
    private(set) var bytes: [UInt8]
    /// The findings so far, duplicates excluded: those only a table can notice.
    var findings: SourceFindings
    /// The first finding that makes doubtful which keys the source has.
    var doubt: Finding?
    /// The lines of entries whose keys may have been given before.
    var linesOfAllowedDuplicates: Set<UInt32> = []

    private let form: SourceForm
    private let folding: KeyFolding
    let judge: (any EntryJudge)?
    let allowed: AllowedFindings
    /// What a comment allows the next entry.
    var allowedNext = AllowedFindings()
    var isNextAllowed = false
    /// Whether the source has other bytes than printable ASCII.
    private let isUnusual: Bool
    /// Where the next line begins, and its number.
    private var position = 0
    private var line: UInt32 = 1
    /// Whether something is wrong already with the entry that is being read.
    var isFaulty = false
    /// Whether lines that continue an entry belong to one that was passed over.
    private var passesOverContinuations = false

    /// Entries hold offsets as 32 bits; the largest one is left free for tables to mark what is empty.
    static let sizeLimit = Int(UInt32.max) - 1

    /// Begins to read a source.
    ///
    /// - Parameters:
    ///   - source: the whole of it.
    ///   - file: what messages call it.
    ///   - folding: how keys are folded; those of aliases to lower case where it does not say.
    ///   - judge: knows what the entries are for; nil where nobody does.
    ///   - allowed: what is no finding.
    init(
        _ source: consuming [UInt8], file: String, form: SourceForm, folding: KeyFolding,
        judge: (any EntryJudge)? = nil, allowing allowed: AllowedFindings = AllowedFindings()
    ) {
        isUnusual = SourceCharacters.areUnusual(in: source.span)
        bytes = source
        self.form = form
        // Keys of aliases are never case-sensitive.
        self.folding = (form, folding) == (.aliases, .none) ? .lower : folding
        self.judge = judge
        self.allowed = allowed
        findings = SourceFindings(source: file)
        if bytes.count > Self.sizeLimit {
            position = bytes.count
            report(.unreadableLine, "larger than \(Self.sizeLimit) bytes; split the map", line: 1)
        } else if isUnusual, SourceCharacters.isUTF16(bytes.span) {
            position = bytes.count
            report(.nulByte, "the file is UTF-16; convert it to UTF-8 without a byte order mark", line: 1)
        } else if let last = bytes.last, last != 0x0A {
            let line = UInt32(truncatingIfNeeded: bytes.count { $0 == 0x0A } + 1)
            report(
                .noFinalNewline, "no newline at the end; check that the file is whole, and add one", line: line,
                severity: .warning)
        }
    }

    /// Reads one entry; lines that are none are passed over, with a finding.
    ///
    /// - Returns: nil at the end of the source.
    mutating func next() -> SourceEntry? {
        switch form {
        case .plain: nextPlain()
        case .aliases: nextAlias()
        }
    }

    private mutating func nextPlain() -> SourceEntry? {
        while position < bytes.count {
            isFaulty = false
            let number = line
            let current = takeLine()
            let keyStart = skipBlanks(from: current.start, to: current.end)
            let isComment = keyStart < current.end && bytes[keyStart] == 0x23
            if isComment { readComment(keyStart..<current.end, line: number) }
            guard !isUnusual || examine(current, isComment: isComment, line: number) else { continue }
            guard keyStart < current.end, !isComment else { continue }
            if keyStart > current.start {
                fault(
                    .indentedLine,
                    "the line begins with a blank: it does not continue the line before; "
                        + "write the whole entry on one line, or begin the line in the first column", line: number)
            }
            var keyEnd = skipWord(from: keyStart, to: current.end)
            let valueStart = skipBlanks(from: keyEnd, to: current.end)
            if keyEnd - keyStart > 1, bytes[keyEnd - 1] == 0x3A {
                keyEnd -= 1
                report(
                    .colonAfterKey, "key '\(text(keyStart..<keyEnd)):' ends in a colon, which is dropped; remove it",
                    line: number, severity: .warning)
            }
            if bytes[keyStart] == 0x22, isQuoteOpen(in: keyStart..<keyEnd) {
                fault(
                    .unclosedQuote,
                    "a quote in the key '\(text(keyStart..<keyEnd))' is not closed: keys of the plain form end at the first "
                        + "blank; read the map in the aliases form (-la), or write the key without blanks", line: number
                )
            }
            return entry(key: keyStart..<keyEnd, value: valueStart..<current.end, line: number)
        }
        return nil
    }

    private mutating func nextAlias() -> SourceEntry? {
        while position < bytes.count {
            isFaulty = false
            let number = line
            let current = takeLine()
            let isComment = current.start < current.end && bytes[current.start] == 0x23
            let isContinuation = current.start < current.end && ASCII.isBlank(bytes[current.start])
            if isComment { readComment(current.start..<current.end, line: number) }
            guard !isUnusual || examine(current, isComment: isComment, line: number) else {
                passesOverContinuations = true
                continue
            }
            if isContinuation, passesOverContinuations { continue }
            passesOverContinuations = false
            guard current.start < current.end, !isComment else { continue }
            let first = skipBlanks(from: current.start, to: current.end)
            guard first < current.end else { continue }
            guard first == current.start else {
                passOver(
                    bytes[first] == 0x23 ? "an indented comment" : "a continuation line without an entry before it",
                    "begin the line in the first column, or remove the blank or comment line before it", line: number)
                continue
            }
            guard let keyEnd = endOfAliasKey(from: current.start, to: current.end) else {
                let isOpen = isQuoteOpen(in: current.start..<current.end)
                passOver(
                    isOpen ? "a quote in the key is not closed" : Self.noColon,
                    isOpen ? "close it, or escape it with a backslash" : Self.writeColon, line: number)
                continue
            }
            let colon = skipBlanks(from: keyEnd, to: current.end)
            guard colon < current.end, bytes[colon] == 0x3A else {
                passOver(Self.noColon, Self.writeColon, line: number)
                continue
            }
            let value = skipBlanks(from: colon + 1, to: current.end)
            let joined = joinContinuations(of: value..<current.end)
            return entry(key: current.start..<keyEnd, value: joined, line: number)
        }
        return nil
    }

    private static let noColon = "no colon after the key"
    private static let writeColon =
        "write 'key: value', or read a file of 'key value' lines in the plain form (-l in dbases.conf, not -la)"

    /// Notes a line that is no entry, and passes over it and the lines that continue it.
    private mutating func passOver(_ reason: String, _ remedy: String, line: UInt32) {
        fault(.unreadableLine, "\(reason); \(remedy)", line: line)
        passesOverContinuations = true
    }

    /// Finds the first blank or colon that is neither quoted nor escaped; nil where there is none.
    private func endOfAliasKey(from start: Int, to end: Int) -> Int? {
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
        return nil
    }

    /// Whether a quote that begins in a text does not end there.
    private func isQuoteOpen(in text: Range<Int>) -> Bool {
        var isQuoted = false
        var index = text.lowerBound
        while index < text.upperBound {
            if bytes[index] == 0x22 { isQuoted.toggle() }
            index += bytes[index] == 0x5C ? 2 : 1
        }
        return isQuoted
    }

    /// Takes the lines that continue a value, and joins them to it in place.
    ///
    /// - Returns: the range of the whole value.
    private mutating func joinContinuations(of value: Range<Int>) -> Range<Int> {
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
                passOver(
                    bytes[first] == 0x23
                        ? "an indented comment" : "a continuation line, but the line before does not end with a comma",
                    "end the line before with a comma, or begin this one in the first column", line: number)
                break
            }
            if isUnusual, !examine(next, isComment: false, line: number) { continue }
            move(first..<next.end, to: trimmed)
            end = trimmed + (next.end - first)
        }
        return value.lowerBound..<end
    }

    /// Takes one line; the newline is not part of it.
    private mutating func takeLine() -> (start: Int, end: Int) {
        let start = position
        let end = bytes.span.firstIndex(of: 0x0A, from: start) ?? bytes.count
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

    /// Folds a key, puts its value right behind it, and has both judged.
    private mutating func entry(key: Range<Int>, value: Range<Int>, line: UInt32) -> SourceEntry {
        fold(key)
        move(value, to: key.upperBound)
        let moved = key.upperBound..<key.upperBound + value.count
        if isUnusual { examine(key: key, value: moved, line: line) }
        if let judge, !isFaulty {
            let faults = judge.faults(
                ofKey: bytes.span.extracting(key), value: bytes.span.extracting(moved))
            for fault in faults { report(fault.name, fault.text, line: line, severity: fault.severity) }
        }
        if isNextAllowed {
            if allowedNext.contains(.duplicateKey) { linesOfAllowedDuplicates.insert(line) }
            isNextAllowed = false
            allowedNext = AllowedFindings()
        }
        // In range: no offset is beyond sizeLimit.
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

    /// Moves bytes towards the beginning; the ranges may overlap.
    private mutating func move(_ range: Range<Int>, to target: Int) {
        guard target < range.lowerBound else { return }
        unsafe bytes.withUnsafeMutableBytes { buffer in
            // The slices are checked against the buffer; copyMemory allows them to overlap.
            let goal = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[target..<target + range.count])
            unsafe goal.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[range]))
        }
    }

    /// Text for messages.
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
