// Why bytes are no control file, or why a message cannot be written as one.

/// A control file that cannot be read or written.
public enum ControlFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The last line has no line end, or the last header block no blank line: the file was cut.
    case truncated(offset: Int)
    /// An empty line stands where a line of the file should.
    case emptyLine(offset: Int)
    /// A recipient or sender line lacks columns or one of its four fields.
    case malformedAddress(offset: Int)
    /// The format line is missing, or asks for more than process columns, delay columns and MIME structure.
    case unsupportedFormat
    /// The file has no line of a kind it needs, or one without a usable value.
    case missing(ControlLine.Kind)
    /// Something to be written holds a line end or a NUL, which the format has no way to say.
    case unrepresentable(ControlLine.Kind)

    /// The cause, in one line.
    public var description: String {
        switch self {
        case .truncated(let offset): "cut off in the line at byte \(offset)"
        case .emptyLine(let offset): "empty line at byte \(offset)"
        case .malformedAddress(let offset):
            "the line at byte \(offset) has not the four fields channel, host, user, privilege"
        case .unsupportedFormat: "the format is not 0x00000007"
        case .missing(let kind): "no usable '\(kind)' line"
        case .unrepresentable(let kind): "a '\(kind)' line cannot hold a line end or a NUL"
        }
    }
}
