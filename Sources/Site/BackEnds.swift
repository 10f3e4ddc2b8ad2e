// The back ends that this program has, a row each: a new one is its folder and its row.

import BerkeleyDB
import CDB
import LDAP
import LMDB
package import Maps
import PostgreSQL
import SQLite
import Socketmap

extension MapBackEnds {
    /// All of them, in the order in which messages name their types.
    package static let all = MapBackEnds([
        BerkeleyDBBackEnd(),
        CDBBackEnd(),
        LMDBBackEnd(),
        PostgreSQLBackEnd(),
        SQLiteBackEnd(),
        SocketmapBackEnd(),
        LDAPBackEnd(),
        TextMapBackEnd(),
        EmptyMapBackEnd(),
    ])
}
