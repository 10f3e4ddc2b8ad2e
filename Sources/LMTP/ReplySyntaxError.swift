// Why bytes from a server are no reply.

/// Bytes that cannot be read as a reply, so that no outcome may be drawn from them.
public struct ReplySyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The line does not start with three digits, the first of them 1–5.
        case noCode
        /// The code is followed neither by a blank, nor a hyphen, nor the line's end.
        case badSeparator
        /// A later line has another code than the first.
        case codeChanged
        /// A CR stands within the line: some would see two replies where others see one.
        case bareCarriageReturn
        /// The line passes the limit.
        case lineTooLong
        /// The reply has more lines than the limit.
        case tooManyLines
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
        let text =
            switch reason {
            case .noCode: "no reply code"
            case .badSeparator: "neither blank nor hyphen after the reply code"
            case .codeChanged: "another code than the reply's first line"
            case .bareCarriageReturn: "CR without LF"
            case .lineTooLong: "line too long"
            case .tooManyLines: "too many lines"
            }
        return "\(text) in '\(printable(excerpt))'"
    }
}
