// What is accepted in a source but probably not what its author meant.

/// A finding about a map's source that does not keep it from being used.
public struct SourceWarning: Sendable, Hashable, CustomStringConvertible {
    /// What was found.
    public enum Kind: Sendable, Hashable {
        /// The key was given before, on line `first`; that one stands.
        case duplicate(key: [UInt8], first: Int)
        /// The key of the plain form ended in a colon and lost it (DEVIATIONS, colon).
        case colon(key: [UInt8])
        /// The line ends in CR LF, and the CR became part of the value; reported once a file.
        case carriageReturn
        /// The last line has no newline: the file may have been cut short.
        case noFinalNewline
    }

    /// The source.
    public let file: String
    /// The line, counted from 1.
    public let line: Int
    /// What was found there.
    public let kind: Kind

    /// Records a finding.
    public init(file: String, line: Int, kind: Kind) {
        self.file = file
        self.line = line
        self.kind = kind
    }

    /// The form of messages: `/db/aliases:12: duplicate of key 'root'; line 3 stands, remove one`.
    public var description: String {
        let text =
            switch kind {
            case .duplicate(let key, let first):
                "duplicate of key '\(String(decoding: key, as: UTF8.self))'; line \(first) stands, remove one"
            case .colon(let key):
                "key '\(String(decoding: key, as: UTF8.self)):' ends in a colon, which is dropped; remove it"
            case .carriageReturn: "the line ends in CR LF and the CR is part of the value; convert the file to LF"
            case .noFinalNewline: "no newline at the end; check that the file is whole, and add one"
            }
        return "\(file):\(line): \(text)"
    }
}
