// What is compiled into what, and what came of it.

public import Configuration
import Glibc
public import System

/// One source to be compiled into one database.
public struct CompileJob: Sendable {
    /// The text of a source.
    public enum Source: Sendable {
        /// A file.
        case file(String)
        /// Bytes that were read already, such as those of standard input, and what messages call them.
        case bytes([UInt8], name: String)

        /// What messages call it.
        public var name: String {
            switch self {
            case .file(let path): path
            case .bytes(_, let name): name
            }
        }
    }

    /// Whom the database is to belong to.
    public struct Permissions: Sendable, Hashable {
        /// The numbers of the owner and the group; nil leaves the one the file is created with.
        public var owner: UInt32?, group: UInt32?
        /// The permission bits.
        public var mode: UInt32

        /// Describes whom a database is to belong to.
        public init(owner: UInt32? = nil, group: UInt32? = nil, mode: UInt32) {
            self.owner = owner
            self.group = group
            self.mode = mode
        }

        /// Those of a file that is there; only the superuser can give files away.
        public init(keeping identity: FileIdentity) {
            let isSuperuser = geteuid() == 0
            self.init(
                owner: isSuperuser ? identity.owner : nil, group: isSuperuser ? identity.group : nil,
                mode: identity.mode & 0o777)
        }
    }

    /// The text to compile.
    public var source: Source
    /// Its grammar.
    public var form: SourceForm
    /// How keys are folded; those of aliases to lower case where it does not say.
    public var folding: KeyFolding
    /// The format of the file; nil for a source that is read as it is, and only checked.
    public var format: (any MapFormat)?
    /// The database to replace or to make, with its extension.
    public var target: String
    /// Whom it is to belong to; nil for this process's user and mode 0644 less the umask.
    public var permissions: Permissions?
    /// Knows what the entries are for; nil where nobody does.
    public var judge: (any EntryJudge)?
    /// What is no finding.
    public var allowed = AllowedFindings()

    /// Describes what to compile.
    ///
    /// - Parameter base: the path of the database without the format's extension, as `makedb` takes it.
    public init(
        source: Source, form: SourceForm, folding: KeyFolding, format: (any MapFormat)?, base: String,
        permissions: Permissions? = nil
    ) {
        self.source = source
        self.form = form
        self.folding = folding
        self.format = format
        self.target = base + (format?.fileExtension ?? "")
        self.permissions = permissions
    }
}

/// What came of compiling one source.
public struct CompileReport: Sendable {
    /// What messages call the source.
    public let source: String
    /// How many entries of the source are in the database; of those that share a key only the first counts.
    public let entries: Int
    /// How many keys of the source the database had before, when it was added to; their old values stand.
    public let kept: Int
    /// How many entries the old database had, where the source has none; nil where that was not looked for.
    public var entriesBefore: Int?
    /// What was found that is probably a mistake.
    public let findings: SourceFindings

    /// What is to be said where a map that had entries gets none.
    public func emptiness(of job: CompileJob) -> Finding? {
        guard let before = entriesBefore, before > 0, !job.allowed.contains(.emptySource) else { return nil }
        return Finding(
            .emptySource, .warning, file: source,
            text: "the source has no entries, and the map \(job.target), which had "
                + "\(counted(before, "entry", "entries")), becomes empty: none of them is found any more; if that is not meant, "
                + "write them anew and compile again")
    }
}

// Why a map's source was refused, or its database not written. The old database stays in both cases.

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
    public private(set) var findings: SourceFindings?

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
    public init(refusing findings: SourceFindings, because cause: Finding) {
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
    public var text: String { remedy.isEmpty ? reason : reason + "; " + remedy }
}

// The two grammars of map sources (SEMANTICS 9): what `newdb -a` reads, and what it reads without `-a`.

/// How the text of a map's source is laid out.
public enum SourceForm: Sendable, Hashable {
    /// `key: value`, continued on lines that begin with a blank after a line that ends with a comma (`newdb -a`).
    ///
    /// The key ends at the first blank or colon that is neither quoted nor escaped, and is folded to lower case, or to upper.
    case aliases
    /// The first word of a line is the key, the rest of the line the value.
    case plain
}
