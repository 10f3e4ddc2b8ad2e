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
