// A server's reply, or one made here in its place: RFC 5321 4.2, with the enhanced code of RFC 2034.

import Bytes
public import MailSyntax

/// One reply: its code and every line of its text.
public struct Reply: Sendable, Hashable, CustomStringConvertible {
    /// What the first digit of the code says (RFC 5321 4.2.1).
    public enum Severity: UInt8, Sendable {
        /// 1yz: not used by SMTP or LMTP.
        case preliminary = 1
        /// 2yz: done.
        case success = 2
        /// 3yz: go on.
        case intermediate = 3
        /// 4yz: not now.
        case transientFailure = 4
        /// 5yz: not ever.
        case permanentFailure = 5
    }

    /// What a reply consists of, shared by all that refer to it: a report holds several, and is handed on often.
    private final class Content: Sendable {
        let code: UInt16
        let enhancedCode: EnhancedStatusCode?
        let bytes: [UInt8]
        let isTruncated: Bool
        let isLocal: Bool

        init(code: UInt16, enhancedCode: EnhancedStatusCode?, bytes: [UInt8], isTruncated: Bool, isLocal: Bool) {
            self.code = code
            self.enhancedCode = enhancedCode
            self.bytes = bytes
            self.isTruncated = isTruncated
            self.isLocal = isLocal
        }
    }

    private let content: Content

    /// The three digits, 100–599.
    public var code: UInt16 { content.code }
    /// The enhanced code: of the first line that has one of the reply's own class.
    public var enhancedCode: EnhancedStatusCode? { content.enhancedCode }
    /// The lines as received, code and separator included, line ends as one LF between lines and none at the end.
    public var bytes: [UInt8] { content.bytes }
    /// Whether later lines were read and checked but not kept, because the reply passed the limit.
    public var isTruncated: Bool { content.isTruncated }
    /// Whether no server said this: it was made here, in the form of a reply.
    public var isLocal: Bool { content.isLocal }

    init(code: UInt16, enhancedCode: EnhancedStatusCode?, bytes: [UInt8], isTruncated: Bool) {
        content = Content(
            code: code, enhancedCode: enhancedCode, bytes: bytes, isTruncated: isTruncated, isLocal: false)
    }

    /// Makes a local reply, for an outcome that no server spoke about.
    ///
    /// - Parameter text: one line for a person: the cause and what to do.
    public init(local code: UInt16, _ enhancedCode: EnhancedStatusCode, _ text: String) {
        content = Content(
            code: code, enhancedCode: enhancedCode, bytes: Array("\(code) \(enhancedCode) \(text)".utf8),
            isTruncated: false, isLocal: true)
    }

    /// Stands for a reply that was not read.
    static let unread = Reply(local: 451, EnhancedStatusCode(4, 5, 0), "no reply was read")

    /// What the first digit says.
    public var severity: Severity {
        switch code / 100 {
        case 1: .preliminary
        case 2: .success
        case 3: .intermediate
        case 4: .transientFailure
        default: .permanentFailure
        }
    }

    /// Whether both say the same.
    public static func == (one: Reply, other: Reply) -> Bool {
        one.content === other.content
            || (one.code == other.code && one.enhancedCode == other.enhancedCode && one.bytes == other.bytes
                && one.isTruncated == other.isTruncated && one.isLocal == other.isLocal)
    }

    /// Hashes what it says; the code and its enhanced form follow from that.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes)
        hasher.combine(isTruncated)
        hasher.combine(isLocal)
    }

    /// Whether a server that says both may mean the same: equal codes, and where it has no enhanced ones equal words.
    func resembles(_ other: Reply) -> Bool {
        guard code == other.code else { return false }
        if let enhancedCode, let otherCode = other.enhancedCode { return enhancedCode == otherCode }
        return bytes == other.bytes
    }

    /// Whether it refuses a recipient because there were too many before it, in words that mean nothing else.
    ///
    /// X.5.3 of RFC 3463. RFC 5321 4.5.3.1.10 has clients take that as temporary even where it says 5yz.
    var saysTooManyRecipients: Bool {
        (severity == .transientFailure || severity == .permanentFailure) && enhancedCode?.subject == 5
            && enhancedCode?.detail == 3
    }

    /// Whether it may mean that after another recipient was accepted.
    ///
    /// RFC 5321 4.5.3.1.10 gives 452, and tells of servers that say 552. Both have other meanings too, which an enhanced
    /// code would tell.
    var mayMeanTooManyRecipients: Bool { (code == 452 || code == 552) && enhancedCode == nil }

    /// The lines, each with its code.
    public var lines: [ArraySlice<UInt8>] {
        bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false)
    }

    /// The lines without code and separator; the enhanced code stays.
    public var textLines: [ArraySlice<UInt8>] {
        lines.map { $0.dropFirst(4) }
    }

    /// The reply on one line for messages: control characters shown as `?`, line ends as ` / `.
    public var description: String {
        lines.map { printable($0) }.joined(separator: " / ")
    }
}

/// Bytes from outside as text that is safe in a log: control characters become `?`.
func printable(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { ASCII.isControl($0) ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
}

// Why bytes from a server are no reply.

/// Bytes that cannot be read as a reply, so that no outcome may be drawn from them.
public struct ReplySyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: String, Sendable {
        /// The line does not start with three digits, the first of them 1–5.
        case noCode = "no reply code"
        /// The code is followed neither by a blank, nor a hyphen, nor the line's end.
        case badSeparator = "neither blank nor hyphen after the reply code"
        /// A later line has another code than the first.
        case codeChanged = "another code than the reply's first line"
        /// A CR stands within the line: some would see two replies where others see one.
        case bareCarriageReturn = "CR without LF"
        /// The line passes the limit.
        case lineTooLong = "line too long"
        /// The reply has more lines than the limit.
        case tooManyLines = "too many lines"
    }

    /// What is wrong.
    public let reason: Reason
    /// The start of the offending line, for messages.
    public let excerpt: [UInt8]

    init(_ reason: Reason, line: ArraySlice<UInt8>) {
        self.reason = reason
        self.excerpt = Array(line.prefix(80))
    }

    /// The form of messages: `no reply code in 'HTTP/1.1 400'`.
    public var description: String {
        "\(reason.rawValue) in '\(printable(excerpt))'"
    }
}

// Cuts a byte stream into replies (RFC 5321 4.2.1), whatever pieces it comes in.
//
// Tolerant where no outcome depends on it: LF alone ends a line; a code may stand alone on its line; text is any bytes.
// An error where an outcome could be misread: no code, another separator, a code that changes between lines, a CR within
// a line, a line or a reply without end.

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
