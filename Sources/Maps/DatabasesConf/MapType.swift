// The database types of dbases.conf: those there are, and those of ZMailer that there are not.

/// How a map is stored.
public enum MapType: String, Sendable, Hashable, CaseIterable {
    /// A Berkeley DB B-tree, `BASE.db`.
    case btree
    /// A Berkeley DB hash table, `BASE.dbh`.
    case bhash
    /// The source that newdb would compile, read directly.
    case text
    /// A text file of keys and values in any order, compared without regard to case.
    case unordered
    /// A text file sorted by key.
    case ordered
    /// A table in memory, empty at the start.
    case incore
    /// No map at all: the line only makes the relation known.
    case none = "NONE"

    /// What newdb appends to the source's name for the compiled file; nil where nothing is compiled.
    public var compiledExtension: String? {
        switch self {
        case .btree: ".db"
        case .bhash: ".dbh"
        case .text, .unordered, .ordered, .incore, .none: nil
        }
    }

    /// Whether a line of this type names a file.
    public var needsFile: Bool { self != .incore && self != .none }

    /// Types that ZMailer has and that are not read here.
    static let foreign: Set<String> = [
        "ldap", "bind", "yp", "ndbm", "gdbm", "dbm", "sdbm", "header", "hostsfile", "selfmatch",
    ]
}
