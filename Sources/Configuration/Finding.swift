// What is wrong, or probably not meant, in a file that an administrator wrote: one form for every reader of such files, so
// that a command can say all of it, choose what it refuses, and name each kind by a word that does not change.

/// Something in a configuration file or a map's source that is wrong or cannot have been meant.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// How much a finding matters.
    public enum Severity: Sendable, Hashable {
        /// What stands there cannot be used: the file is refused.
        case error
        /// What stands there is used, but probably means something else than its owner thinks.
        case warning
    }

    /// The name of a kind of findings, such as `unknown-relation`: scripts and `--allow` call it, so it never changes.
    public struct Name: Sendable, Hashable, CustomStringConvertible {
        /// The name as people write it.
        public let description: String

        /// Names a kind.
        public init(_ name: String) { description = name }
    }

    /// The file; `--set` for what the command line says.
    public let file: String
    /// The line, counted from 1; nil where the trouble is the file as a whole.
    public let line: Int?
    /// Which kind it is.
    public let name: Name
    /// How much it matters.
    public let severity: Severity
    /// The cause and the remedy, in one line.
    public let text: String
    /// Whether the file is being written, and may be fine in a moment.
    public let isTemporary: Bool

    /// Records a finding.
    ///
    /// - Parameter isTemporary: whether the file may be fine in a moment.
    public init(
        _ name: Name, _ severity: Severity, file: String, line: Int? = nil, text: String, isTemporary: Bool = false
    ) {
        self.file = file
        self.line = line
        self.name = name
        self.severity = severity
        self.text = text
        self.isTemporary = isTemporary
    }

    /// The form of messages: `/etc/zmailer/zmailer.conf:12: warning: no NAME=VALUE, and passed over (no-assignment)`.
    public var description: String {
        let place = line.map { ":\($0)" } ?? ""
        return "\(file)\(place): \(severity == .warning ? "warning: " : "")\(text) (\(name))"
    }
}

// The error that ends a command whose configuration cannot be used: where it stands, what is wrong, what to do. Commands
// answer it with EX_CONFIG (78), or with EX_TEMPFAIL (75) where the file is only being written.

/// What in configuration files, or in an override of them, cannot be used: the first of it, and all the rest.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or `--set` for an override given on the command line.
    public let file: String
    /// The line, counted from 1; nil where the trouble is the file as a whole.
    public let line: Int?
    /// The cause and the remedy, in one line.
    public let text: String
    /// Whether the file is being written, and may be fine in a moment.
    public let isTemporary: Bool
    /// The errors that were found besides, in the order of the files and their lines.
    public let others: [Finding]

    /// Records what cannot be used.
    ///
    /// - Parameter isTemporary: whether the file may be fine in a moment.
    public init(file: String, line: Int? = nil, text: String, isTemporary: Bool = false) {
        self.file = file
        self.line = line
        self.text = text
        self.isTemporary = isTemporary
        others = []
    }

    /// The error of one finding, with those that were found besides.
    ///
    /// It is temporary where all of them are: what a person has to see to comes before what mends itself.
    public init(_ first: Finding, others: [Finding] = []) {
        file = first.file
        line = first.line
        text = "\(first.text) (\(first.name))"
        isTemporary = first.isTemporary && others.allSatisfy(\.isTemporary)
        self.others = others
    }

    /// The errors among findings; nil where there are none.
    public init?(_ findings: [Finding]) {
        let errors = findings.filter { $0.severity == .error }
        guard let first = errors.first else { return nil }
        self.init(first, others: Array(errors.dropFirst()))
    }

    /// The form of messages for the first: `/etc/zmailer.conf:12: expansiondepth is not a number: 'many'`.
    public var description: String {
        let place = line.map { ":\($0)" } ?? ""
        return "\(file)\(place): \(text)"
    }
}

// Numbers as people write them: "1 entry", "2 entries".

/// A number with what it counts.
public func counted(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
}
