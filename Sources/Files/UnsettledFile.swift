// Why a file is not believed yet, for messages.

/// A file that is being written, or looks as if it were.
public struct UnsettledFile: Error, Sendable, Hashable, CustomStringConvertible {
    /// The ways in which a file is not settled.
    public enum Reason: Sendable, Hashable {
        /// It was written to a moment ago.
        case beingWritten
        /// It became smaller.
        case shrunk
        /// It does not end with a newline.
        case cutShort
        /// It is empty, and was not.
        case emptied
    }

    /// The file.
    public let path: String
    /// In which way.
    public let reason: Reason
    /// Whether it has not kept still for so long that what was believed before is no longer good.
    public let isEndless: Bool

    /// What is wrong, and what to do.
    public var text: String {
        let what =
            switch reason {
            case .beingWritten: "is being written"
            case .shrunk: "became smaller a moment ago"
            case .cutShort: "does not end with a newline and was written a moment ago; it may be cut short"
            case .emptied: "is empty and was not; it may be cut short"
            }
        return what + ": not believed before it has kept still;"
            + " finish it (with a newline at the end), or replace it by rename"
    }

    /// The form of messages: the path, then the text.
    public var description: String { "\(path): \(text)" }
}

extension FileError {
    /// Records that a file is not believed yet.
    public init(_ file: UnsettledFile) {
        self.init(operation: "read", path: file.path, reason: file.text, isUnsettled: true)
    }
}
