// Cuts a byte stream into replies (RFC 5321 4.2.1), whatever pieces it comes in.
//
// Tolerant where no outcome depends on it: LF alone ends a line; a code may stand alone on its line; text is any bytes.
// An error where an outcome could be misread: no code, another separator, a code that changes between lines, a CR within
// a line, a line or a reply without end.

import Bytes
import MailSyntax

/// An incremental parser of replies.
///
/// After an error the stream has no known position any more: the connection is to be closed.
public struct ReplyParser: Sendable {
    /// How much a server may say.
    public struct Limits: Sendable {
        /// Bytes a line, its LF not counted.
        public var lineLength = 65_536
        /// Lines a reply.
        public var lineCount = 4_096
        /// Bytes of one reply that are kept; lines beyond are checked and dropped.
        public var keptLength = 65_536

        /// The limits in use everywhere: 64 KiB a line, 4,096 lines, 64 KiB kept.
        public init() {}
    }

    private let limits: Limits
    /// The reply so far: whole lines with LF between, then the line being read.
    private var text: [UInt8] = []
    private var lineStart = 0
    private var lineCount = 0
    private var code: UInt16 = 0
    private var enhancedCode: EnhancedStatusCode?
    private var isTruncated = false

    /// Makes a parser that stands between two replies.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Whether part of a reply has been read.
    public var isWithinReply: Bool { lineCount > 0 || !text.isEmpty }

    /// Reads on until a reply is complete or the bytes are used up.
    ///
    /// - Parameters:
    ///   - bytes: what was received.
    ///   - position: where to read on in them; moved behind what was read.
    /// - Returns: the reply, or nil when all bytes were read and it is not complete.
    /// - Throws: `ReplySyntaxError` for bytes that are no reply.
    public mutating func next(
        in bytes: borrowing Span<UInt8>, from position: inout Int
    ) throws(ReplySyntaxError) -> Reply? {
        while position < bytes.count {
            let end = bytes.index(of: ASCII.lineFeed, from: position)
            let isComplete = end < bytes.count
            let room = limits.lineLength - (text.count - lineStart)
            text.append(bytes.extracting(position..<min(end, position + max(room, 0))))
            guard end - position <= room else { throw ReplySyntaxError(.lineTooLong, line: text[lineStart...]) }
            guard isComplete else {
                position = end
                return nil
            }
            position = end + 1
            if let reply = try endLine() { return reply }
        }
        return nil
    }

    /// Passes over the next reply if it is, byte for byte, one that was read before, untruncated.
    ///
    /// - Returns: whether it was; nothing has been read otherwise.
    func skip(_ known: Reply, in bytes: borrowing Span<UInt8>, from position: inout Int) -> Bool {
        // A line that has begun ends differently than it seems.
        guard lineCount == 0, text.isEmpty else { return false }
        let end = position + known.bytes.count
        guard end + 1 < bytes.count, bytes[end] == ASCII.carriageReturn, bytes[end + 1] == ASCII.lineFeed,
            bytes.holds(known.bytes.span, at: position)
        else { return false }
        position = end + 2
        return true
    }

    /// Judges the line that has just ended, and gives the reply when it was the last one.
    private mutating func endLine() throws(ReplySyntaxError) -> Reply? {
        if text.count > lineStart, text[text.count - 1] == ASCII.carriageReturn { text.removeLast() }
        let line = text[lineStart...]
        guard !line.contains(ASCII.carriageReturn) else { throw ReplySyntaxError(.bareCarriageReturn, line: line) }
        guard let lineCode = Self.code(of: line) else { throw ReplySyntaxError(.noCode, line: line) }
        var isLast = true
        if line.count > 3 {
            switch line[lineStart + 3] {
            case ASCII.space: break
            case UInt8(ascii: "-"): isLast = false
            default: throw ReplySyntaxError(.badSeparator, line: line)
            }
        }
        guard lineCount == 0 || lineCode == code else { throw ReplySyntaxError(.codeChanged, line: line) }
        lineCount += 1
        guard isLast || lineCount < limits.lineCount else { throw ReplySyntaxError(.tooManyLines, line: line) }
        code = lineCode
        if enhancedCode == nil, let found = EnhancedStatusCode(leading: line.dropFirst(4)),
            UInt16(found.statusClass) == lineCode / 100
        {
            enhancedCode = found
        }
        dropBeyondLimit()
        guard isLast else {
            if !isTruncated { text.append(ASCII.lineFeed) }
            lineStart = text.count
            return nil
        }
        let reply = Reply(code: code, enhancedCode: enhancedCode, bytes: text, isTruncated: isTruncated)
        self = ReplyParser(limits: limits)
        return reply
    }

    /// Takes back a line, and the LF before it, that passes what is kept of one reply.
    private mutating func dropBeyondLimit() {
        guard lineCount > 1, isTruncated || text.count > limits.keptLength else { return }
        text.removeSubrange((isTruncated ? lineStart : lineStart - 1)...)
        isTruncated = true
    }

    private static func code(of line: ArraySlice<UInt8>) -> UInt16? {
        guard line.count >= 3 else { return nil }
        let start = line.startIndex
        let first = line[start] &- 0x30
        let second = line[start + 1] &- 0x30
        let third = line[start + 2] &- 0x30
        guard (1...5).contains(first), second < 10, third < 10 else { return nil }
        return UInt16(first) * 100 + UInt16(second) * 10 + UInt16(third)
    }
}
