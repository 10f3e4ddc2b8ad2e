// Which file and which environment the argument MAP stands for.

import BerkeleyDB
import Configuration
import Maps
import Routing
import System

/// A map that a command is to work with.
struct DbTarget {
    let name: TableName
    /// nil for a file outside of any environment.
    let environment: EnvironmentSettings?
    /// The kind of file to make where there is none.
    let kind: DatabaseKind
    /// How lookups fold keys.
    let folding: KeyFolding
    /// Knows what the entries are for; nil where nobody does.
    let judge: RelationJudge?
    /// The mode of a file that is made.
    let mode: UInt32
    /// Why the file may not be changed in place, and what to do; nil if it may.
    let refusal: String?
    /// The line of dbases.conf that names it.
    let definition: MapDefinition?

    /// Finds out what MAP stands for.
    ///
    /// - Parameters:
    ///   - map: a relation's name, or a path, which has a slash in it.
    ///   - databases: nil where the site has no configuration, which only a path can do without.
    /// - Throws: `ConfigurationError`, or `UsageError` for options that would let the map be opened beside its environment.
    init(_ map: String, _ options: DbOptions, databases: DatabasesConf?) throws {
        let definition = try Self.definition(map, databases)
        self.definition = definition
        let path = definition?.tablePath ?? absolutePath(map)
        let type = definition?.type ?? (path.hasSuffix(".dbh") ? MapType.bhash : .btree)
        name = definition?.tableName ?? TableName(relation: "-", backEnd: type.name, file: path)
        kind = type == .bhash ? .hash : .btree
        folding = definition?.flags.folding ?? .none
        judge = definition.flatMap { RelationJudge($0) }
        mode = definition?.privilege.map { $0.mode & 0o777 } ?? 0o644
        if let definition, let file = definition.environmentFile {
            let settings = try EnvironmentSettings(file: file)
            try Self.refuse(options, for: definition, settings)
            environment = settings
        } else if let home = options.home {
            environment = EnvironmentSettings(home: absolutePath(home), mode: mode, create: true)
        } else if options.hasNoEnvironment || definition != nil {
            environment = nil
        } else {
            throw ConfigurationError(
                file: map,
                text: "is in no line of dbases.conf; name its environment's directory with --env, or say --no-env")
        }
        refusal =
            if environment != nil || options.hasNoEnvironment {
                nil
            } else if definition?.compile.isLive ?? false {
                "is live (-r), but its line in dbases.conf names no environment, so its readers would miss keys while it "
                    + "is changed; name one with -C, or say --no-env if nobody reads it now"
            } else {
                "lives in no environment, so its readers would miss keys while it is changed; compile it with newdb, or "
                    + "say --no-env if nobody reads it now"
            }
    }

    /// Refuses options that lead past the environment that a map lives in: what is written there is lost.
    private static func refuse(
        _ options: DbOptions, for definition: MapDefinition, _ settings: EnvironmentSettings
    ) throws(UsageError) {
        let line = "\(definition.file):\(definition.line)"
        let map = definition.tablePath ?? definition.relation
        guard !options.hasNoEnvironment else {
            throw UsageError(
                "\(map): lives in the environment \(settings.home) (\(line)): an entry stored without it is lost; leave out "
                    + "--no-env")
        }
        guard let home = options.home else { return }
        let other = try? FileLocation(home)
        guard other != nil, other == (try? FileLocation(settings.home)) else {
            throw UsageError(
                "\(map): lives in the environment \(settings.home) (\(line)), not in \(home); leave out --env")
        }
    }

    /// The line that names a file, however either is spelled; a path may lack the extension of the database.
    private static func definition(
        at path: String, _ databases: DatabasesConf?
    ) throws(ConfigurationError) -> MapDefinition? {
        guard let databases else { return nil }
        let location: FileLocation
        do {
            location = try FileLocation(path)
        } catch  where error.isMissing {
            // There is not even its directory: what its line says of it, if any, can only be the same words.
            return databases.definitions.first { $0.tablePath == absolutePath(path) && $0.environmentFile != nil }
        } catch {
            throw ConfigurationError(file: path, text: "\(error.operation): \(error.reason); correct the path")
        }
        let named = databases.definitions.filter { definition in
            guard definition.type.livesInEnvironments else { return false }
            // What cannot be examined is in a directory that the path does not lead through.
            return [definition.tablePath, definition.path].contains { path in
                path.map { (try? FileLocation($0)) == location } ?? false
            }
        }
        return named.first { $0.environmentFile != nil } ?? named.first
    }

    private static func definition(
        _ map: String, _ databases: DatabasesConf?
    ) throws(ConfigurationError) -> MapDefinition? {
        guard !map.contains("/") else { return try definition(at: map, databases) }
        guard let databases else { return nil }
        let compiled = databases.definitions(of: map).filter { $0.type.livesInEnvironments }
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

/// A command line that asks for what must not be done.
struct UsageError: Error, CustomStringConvertible {
    /// The cause and the remedy.
    let description: String

    init(_ description: String) { self.description = description }
}
