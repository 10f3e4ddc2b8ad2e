// The kinds of database that sources are compiled into, and how ZMailer names their files.

/// A kind of Berkeley DB file.
public enum DatabaseKind: String, Sendable, Hashable, CaseIterable {
    /// A B-tree, `BASE.db`.
    case btree
    /// A hash table, `BASE.dbh`.
    case hash = "bhash"

    /// What follows the base name of a file of this kind.
    public var fileExtension: String {
        switch self {
        case .btree: ".db"
        case .hash: ".dbh"
        }
    }
}
