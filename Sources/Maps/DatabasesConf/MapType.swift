// The types of dbases.conf: what a line's second field says, and which files a map of that type has.

/// How a map is stored, as dbases.conf calls it.
public struct MapType: Sendable, Hashable {
    /// What a map of a type is read from.
    public enum Storage: Sendable, Hashable {
        /// No file.
        case none
        /// The source that newdb would compile, or another text file, read directly.
        case source
        /// What newdb compiles the source to, whose name is the source's with an extension.
        case compiled(fileExtension: String)
        /// A database of others: the file says where it is and how it is asked, and its name ends as said.
        case described(suffixes: [String])
        /// A server, whose address stands in the place of a file.
        case server
    }

    /// The word in dbases.conf.
    public let name: String
    /// What it is read from.
    public let storage: Storage
    /// Whether other programs may change its file in place while it is read, in an environment that they share (`-C`).
    public let livesInEnvironments: Bool
    /// Whether commands can change its file in place (`zroute db`).
    public let isChangedInPlace: Bool
    /// Whether a file may hold several databases, each with a name (`-D`).
    public let holdsDatabases: Bool
    /// How many answers are cached where the line's flags do not say (`-s`).
    public let standardCacheSize: Int

    /// Describes a type.
    public init(
        _ name: String, _ storage: Storage, livesInEnvironments: Bool = false,
        isChangedInPlace: Bool = false, holdsDatabases: Bool = false, standardCacheSize: Int = 0
    ) {
        self.name = name
        self.storage = storage
        self.livesInEnvironments = livesInEnvironments
        self.isChangedInPlace = isChangedInPlace || livesInEnvironments
        self.holdsDatabases = holdsDatabases
        self.standardCacheSize = standardCacheSize
    }

    /// No map at all: the line only makes the relation known.
    public static let none = MapType("NONE", .none)

    /// What newdb appends to the source's name for the compiled file; nil where nothing is compiled.
    public var compiledExtension: String? {
        guard case .compiled(let fileExtension) = storage else { return nil }
        return fileExtension
    }

    /// Whether a line of this type names a file, or what stands in its place.
    public var needsFile: Bool { storage != .none }

    /// Whether what a line names is a path.
    var namesFile: Bool { storage != .server }

    /// Whether a line names a file that describes the database.
    public var isDescribed: Bool {
        if case .described = storage { true } else { false }
    }

    /// Whether lines of this type, and not of another one with the same name, name such a file.
    func isMeant(by path: String) -> Bool {
        guard case .described(let suffixes) = storage else { return false }
        return suffixes.contains { path.hasSuffix($0) }
    }

    /// Types that ZMailer has and that are not read here.
    static let foreign: Set<String> = [
        "bind", "yp", "ndbm", "gdbm", "dbm", "sdbm", "header", "hostsfile", "selfmatch",
    ]
}
