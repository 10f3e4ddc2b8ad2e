// What mends a map that cannot be asked. It depends on the kind of map: a compiled one is compiled again, and a live one
// has no source that newdb knows.

import Maps

/// What to do about a map.
enum MapRemedy: Sendable {
    /// Nothing, or the cause says it.
    case none
    /// It does not exist.
    case make
    /// It is damaged, or no map at all.
    case replace
    /// It is in a format that the library does not read any more.
    case upgrade

    /// As a clause of a message, with its semicolon; empty where there is nothing to say.
    ///
    /// - Parameter home: the environment that the map lives in; nil for a compiled map.
    func text(for table: TableName, inEnvironment home: String?) -> String {
        guard let home else { return compiled }
        // A map that no line of dbases.conf names is called by its path.
        let map = table.relation == "-" ? "--env \(home) \(table.file)" : table.relation
        return switch self {
        case .none: ""
        case .make: "; make the map with `zroute db load \(map) < /dev/null`, or correct its path"
        case .replace:
            "; stop the users of the environment \(home) and run `zroute db recover \(map)`, with --source FILE if there "
                + "is a dump"
        case .upgrade: "; stop the users of the environment \(home) and convert the file with db5.3_upgrade"
        }
    }

    /// What to do about a compiled map.
    var compiled: String {
        switch self {
        case .none: ""
        case .make: "; compile the map, or correct its path"
        case .replace: "; compile the map again"
        case .upgrade: "; convert it with db5.3_upgrade, or compile the map again"
        }
    }
}

extension MapError {
    /// A failure of Berkeley DB, with the remedy that is right for the map.
    ///
    /// - Parameter home: the environment that the map lives in; nil for a compiled map.
    init(_ failure: BerkeleyDBFailure, table: TableName, key: [UInt8]? = nil, inEnvironment home: String?) {
        self.init(table: table, key: key, code: failure.code, text: failure.text(for: table, inEnvironment: home))
    }
}
