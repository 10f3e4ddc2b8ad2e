// The two kinds of Berkeley DB file that maps have, and the types of dbases.conf that name them.

package import Maps

extension MapType {
    /// A Berkeley DB B-tree, `BASE.db`.
    package static let btree = MapType("btree", .compiled(fileExtension: ".db"), livesInEnvironments: true)
    /// A Berkeley DB hash table, `BASE.dbh`.
    package static let bhash = MapType("bhash", .compiled(fileExtension: ".dbh"), livesInEnvironments: true)
}

/// The kinds of Berkeley DB file that sources are compiled into.
package enum DatabaseKind: String, Sendable, Hashable, CaseIterable {
    /// A B-tree, `BASE.db`.
    case btree
    /// A hash table, `BASE.dbh`.
    case hash = "bhash"

    /// The kind that messages and dbases.conf call by a name; a B-tree for any other.
    package init(type name: String) {
        self = DatabaseKind(rawValue: name) ?? .btree
    }

    /// The type of dbases.conf that it is.
    package var type: MapType { self == .hash ? .bhash : .btree }

    /// What db5.3_dump calls it.
    package var dumpType: String { self == .hash ? "hash" : "btree" }
}
