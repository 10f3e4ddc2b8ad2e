// What is compiled into what, and what came of it.

package import Configuration

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
    }

    /// The text to compile.
    public var source: Source
    /// Its grammar.
    public var form: SourceForm
    /// How keys are folded; those of aliases to lower case where it does not say.
    public var folding: KeyFolding
    /// The kind of database.
    public var kind: DatabaseKind
    /// The database to replace or to make, with its extension.
    public var target: String
    /// Whom it is to belong to; nil for this process's user and mode 0644 less the umask.
    public var permissions: Permissions?
    /// Knows what the entries are for; nil where nobody does.
    package var judge: (any EntryJudge)?
    /// What is no finding.
    package var allowed = AllowedFindings()

    /// Describes what to compile.
    ///
    /// - Parameter base: the path of the database without the kind's extension, as `makedb` takes it.
    public init(
        source: Source, form: SourceForm, folding: KeyFolding, kind: DatabaseKind, base: String,
        permissions: Permissions? = nil
    ) {
        self.source = source
        self.form = form
        self.folding = folding
        self.kind = kind
        self.target = base + kind.fileExtension
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
    package var entriesBefore: Int?
    /// What was found that is probably a mistake.
    package let findings: SourceFindings

    /// What is to be said where a map that had entries gets none.
    package func emptiness(of job: CompileJob) -> Finding? {
        guard let before = entriesBefore, before > 0, !job.allowed.contains(.emptySource) else { return nil }
        return Finding(
            .emptySource, .warning, file: source,
            text: "the source has no entries, and the map \(job.target), which had "
                + "\(counted(before, "entry", "entries")), becomes empty: none of them is found any more; if that is not meant, "
                + "write them anew and compile again")
    }
}
