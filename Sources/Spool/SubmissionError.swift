// Why a file in router/ is no message: what goes beside it into postman/ for a person to read.

public import Files

/// A submitted file that cannot be a message, with the number of the line at fault.
public enum SubmissionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The envelope has a line that is none of the known ones; the text is its beginning, made printable.
    case unknownEnvelopeLine(line: Int, text: String)
    /// The envelope has an indented line, which can continue nothing there.
    case continuationInEnvelope(line: Int)
    /// An envelope line lacks the value it is for.
    case missingValue(line: Int, keyword: String)
    /// Neither the envelope nor the header names a sender.
    case noSender
    /// Neither the envelope nor the header names a recipient.
    case noRecipient
    /// Envelope and header are larger than the limit, in bytes.
    case headTooLarge(limit: Int)
    /// The file is empty.
    case empty

    /// The cause and the remedy, in one line.
    public var description: String {
        switch self {
        case .unknownEnvelopeLine(let line, let text):
            "line \(line): unknown envelope line '\(text)'; correct it, or end the envelope with env-end before the header"
        case .continuationInEnvelope(let line):
            "line \(line): indented line in the envelope; envelope lines are not folded"
        case .missingValue(let line, let keyword):
            "line \(line): '\(keyword)' without a value"
        case .noSender:
            "no sender: add 'from <address>', or 'channel error' for the null sender"
        case .noRecipient:
            "no recipient: add 'to <address>', or a To, Cc or Bcc field"
        case .headTooLarge(let limit):
            "envelope and header are larger than \(limit) bytes"
        case .empty:
            "the file is empty"
        }
    }
}

/// Why a submission could not be read: a failure of the system, which passes, or of the file, which does not.
public enum SubmissionReadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file could not be read: try again later.
    case file(FileError)
    /// The file is no message: it goes to postman/.
    case content(SubmissionError)

    /// The reason in one line.
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .content(let error): error.description
        }
    }
}
