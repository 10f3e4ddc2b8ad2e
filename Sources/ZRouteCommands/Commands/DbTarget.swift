// Which file and which environment the argument MAP stands for.

import Configuration
import Files
import Glibc
import Maps

/// A map that a command is to work with.
struct DbTarget {
    let name: TableName
    /// nil for a file outside of any environment.
    let environment: EnvironmentSettings?
    /// The kind of file to make where there is none.
    let kind: DatabaseKind
    /// How lookups fold keys.
    let folding: KeyFolding
    /// The mode of a file that is made.
    let mode: UInt32
    /// Whether the file may be changed in place: readers outside of an environment would miss keys meanwhile.
    let mayChange: Bool

    /// Finds out what MAP stands for.
    ///
    /// - Parameters:
    ///   - map: a relation's name, or a path, which has a slash in it.
    ///   - databases: nil where the site has no configuration, which only a path can do without.
    /// - Throws: `ConfigurationError`.
    init(_ map: String, _ options: DbOptions, databases: DatabasesConf?) throws(ConfigurationError) {
        let definition = try Self.definition(map, databases)
        let path = definition?.tablePath ?? absolutePath(map)
        let type = definition?.type ?? (path.hasSuffix(".dbh") ? .bhash : .btree)
        name = definition?.tableName ?? TableName(relation: "-", backEnd: type.rawValue, file: path)
        kind = type == .bhash ? .hash : .btree
        folding = definition?.flags.folding ?? .none
        mode = definition?.privilege.map { $0.mode & 0o777 } ?? 0o644
        if let home = options.home {
            environment = EnvironmentSettings(home: absolutePath(home), mode: mode, create: true)
        } else if options.hasNoEnvironment {
            environment = nil
        } else if let file = definition?.environmentFile {
            environment = try EnvironmentSettings(file: file)
        } else if definition != nil {
            environment = nil
        } else {
            throw ConfigurationError(
                file: map,
                text: "is in no line of dbases.conf; name its environment's directory with --env, or say --no-env")
        }
        mayChange = environment != nil || options.hasNoEnvironment
    }

    private static func definition(
        _ map: String, _ databases: DatabasesConf?
    ) throws(ConfigurationError) -> MapDefinition? {
        guard !map.contains("/") else {
            return databases?.definitions.first { $0.tablePath == map && $0.type.compiledExtension != nil }
        }
        guard let databases else { return nil }
        let compiled = databases.definitions(of: map).filter { $0.type.compiledExtension != nil }
        let live = compiled.filter(\.compile.isLive)
        let candidates = live.isEmpty ? compiled : live
        guard let first = candidates.first else {
            let reason =
                databases.relations.contains(map) ? "has no Berkeley DB map" : "is no relation of \(databases.file)"
            throw ConfigurationError(file: map, text: "\(reason); name one, or a path with a slash in it")
        }
        guard candidates.count == 1 else {
            let paths = candidates.compactMap(\.tablePath).joined(separator: ", ")
            throw ConfigurationError(file: map, text: "has several maps; name one by its path: \(paths)")
        }
        return first
    }
}

/// The path from the root: inside an environment the library takes relative ones from the environment's directory.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/"), let current = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(current) }
    return unsafe String(cString: current) + "/" + path
}
