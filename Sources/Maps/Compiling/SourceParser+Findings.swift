// What a reader of sources says of the lines it reads: findings, and the comments that allow them.

import Bytes
import Configuration
import Glibc
public import System

extension SourceParser {
    /// Notes a fault of the entry that is being read, of which nothing more is said.
    mutating func fault(_ name: Finding.Name, _ text: String, line: UInt32) {
        if report(name, text, line: line) { isFaulty = true }
    }

    /// Notes a finding, unless it is allowed.
    ///
    /// - Returns: whether it is a finding.
    @discardableResult
    mutating func report(
        _ name: Finding.Name, _ text: String, line: UInt32, severity: Finding.Severity = .error
    ) -> Bool {
        let isAllowable = name != .unreadableLine && name != .nulByte
        if isAllowable, allowed.contains(name) || (isNextAllowed && allowedNext.contains(name)) { return false }
        let finding = Finding(name, severity, file: findings.source, line: Int(line), text: text)
        findings.add(finding)
        if name.makesSourceDoubtful, doubt == nil { doubt = finding }
        return true
    }

    /// Notes a key that was given before.
    mutating func reportDuplicate(_ entry: SourceEntry, of first: Int) {
        guard !linesOfAllowedDuplicates.contains(entry.line) else { return }
        report(
            .duplicateKey, "duplicate of key '\(text(entry.key))'; line \(first) stands, remove one",
            line: entry.line, severity: .warning)
    }

    /// Looks at what a line is made of.
    ///
    /// - Returns: false where it cannot be said which keys the line has: it is passed over.
    mutating func examine(_ part: (start: Int, end: Int), isComment: Bool, line: UInt32) -> Bool {
        let intruders = SourceCharacters.intruders(
            in: bytes.span.extracting(part.start..<part.end), isComment: isComment, isFirst: part.start == 0)
        var isReadable = true
        for intruder in intruders {
            guard report(intruder.name, intruder.text, line: line) else { continue }
            isFaulty = true
            if intruder.name.makesSourceDoubtful { isReadable = false }
        }
        return isReadable
    }

    /// Looks for characters that nobody sees in a key and at the ends of a value.
    mutating func examine(key: Range<Int>, value: Range<Int>, line: UInt32) {
        guard !isFaulty else { return }
        if let character = InvisibleCharacter.first(in: bytes.span.extracting(key)) {
            fault(
                .invisibleCharacter,
                "\(character) is part of the key '\(text(key))'; write a space or a TAB after the key, or remove it",
                line: line)
        } else if let character = invisibleEnd(of: value) {
            fault(
                .invisibleCharacter,
                "\(character) is part of the value; only spaces and TABs stand between key and value: remove it",
                line: line)
        }
    }

    private func invisibleEnd(of value: Range<Int>) -> InvisibleCharacter? {
        guard !value.isEmpty else { return nil }
        let text = bytes.span.extracting(value)
        if text[0] >= 0x80, let found = InvisibleCharacter(at: 0, in: text), !found.hasNameOfItsOwn { return found }
        for length in 2...3 where text.count > length {
            let start = text.count - length
            guard text[start] >= 0xC0, let found = InvisibleCharacter(at: start, in: text) else { continue }
            if !found.hasNameOfItsOwn { return found }
        }
        return nil
    }

    /// Takes what `# zroute: allow NAME` allows the next entry.
    mutating func readComment(_ comment: Range<Int>, line: UInt32) {
        let known = Finding.Name.allowableInSources + (judge?.names ?? [])
        switch AllowanceComment(bytes[comment].dropFirst(), known: known) {
        case .none: return
        case .unclear(let reason): report(.unknownAllowance, reason, line: line, severity: .warning)
        case .allow(let names):
            for name in names {
                if allowedNext.allow(name, of: known) {
                    isNextAllowed = true
                } else {
                    let reason = Finding.Name.reasonAgainstAllowing(name, of: known)
                    report(.unknownAllowance, "\(reason); correct or remove it", line: line, severity: .warning)
                }
            }
        }
    }
}

// What to do about a file of entries that cannot be read.

extension FileError {
    /// What to do about a source or a dump that cannot be read, as the end of a message.
    public var sourceRemedy: String {
        switch code {
        case ENOENT: "create it, or correct its path"
        case EACCES, EPERM: "run this as a user who may read it, or let this one (chmod, and its directories)"
        case ENOTDIR: "correct its path, of which a part is no directory"
        case ELOOP: "correct the symbolic links on its path, which lead in a circle"
        case EISDIR: "name a file, not a directory"
        case 0 where reason.hasPrefix("larger"): "split it"
        case 0: isUnsettled ? "" : "name a file of text, not a directory or a device"
        default: "see to the disk or file server that it is on"
        }
    }
}
