// The one error of every configuration file: where it stands, what is wrong, what to do. Commands answer it with
// EX_CONFIG (78), or with EX_TEMPFAIL (75) where the file is only being written.

/// Something in a configuration file, or in an override of it, that cannot be used.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or `--set` for an override given on the command line.
    public let file: String
    /// The line, counted from 1; nil where the trouble is the file as a whole.
    public let line: Int?
    /// The cause and the remedy, in one line.
    public let text: String
    /// Whether the file is being written, and may be fine in a moment.
    public let isTemporary: Bool

    /// Records what cannot be used.
    ///
    /// - Parameter isTemporary: whether the file may be fine in a moment.
    public init(file: String, line: Int? = nil, text: String, isTemporary: Bool = false) {
        self.file = file
        self.line = line
        self.text = text
        self.isTemporary = isTemporary
    }

    /// The form of messages: `/etc/zmailer.conf:12: expansiondepth is not a number: 'many'`.
    public var description: String {
        let place = line.map { ":\($0)" } ?? ""
        return "\(file)\(place): \(text)"
    }
}
