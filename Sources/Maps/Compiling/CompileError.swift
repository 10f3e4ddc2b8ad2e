// Why a map's source was refused, or its database not written. The old database stays in both cases.

package import Configuration
public import Files

/// A source that breaks its grammar, or a file that could not be read or written.
public struct CompileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file at fault.
    public let file: String
    /// The line at fault, counted from 1; nil where it is not about a line.
    public let line: Int?
    /// What is wrong.
    public let reason: String
    /// What to do about it; may be empty where the reason says it.
    public let remedy: String
    /// All that was found in a source that was refused; nil where a file could not be read or written.
    package private(set) var findings: SourceFindings?

    /// Whether the file is being written, and may be fine in a moment.
    public let isTemporary: Bool

    /// Records what is wrong with a file.
    ///
    /// - Parameter isTemporary: whether the file may be fine in a moment.
    public init(file: String, line: Int? = nil, reason: String, remedy: String, isTemporary: Bool = false) {
        self.file = file
        self.line = line
        self.reason = reason
        self.remedy = remedy
        self.isTemporary = isTemporary
    }

    /// Refuses a source.
    ///
    /// - Parameters:
    ///   - findings: all that was found in it.
    ///   - cause: the finding that tells why.
    package init(refusing findings: SourceFindings, because cause: Finding) {
        self.init(file: cause.file, line: cause.line, reason: cause.text, remedy: "")
        self.findings = findings
    }

    /// Records a failed file operation.
    public init(_ error: FileError, remedy: String = "") {
        self.init(
            file: error.path, reason: "\(error.operation): \(error.reason)", remedy: remedy,
            isTemporary: error.isUnsettled)
    }

    /// The form of messages: `/db/aliases:12: no colon after the key; write 'key: value'`.
    public var description: String {
        file + (line.map { ":\($0)" } ?? "") + ": " + text
    }

    /// The reason and the remedy.
    package var text: String { remedy.isEmpty ? reason : reason + "; " + remedy }
}
