// Which file the argument MAP stands for, and what it lives in.

import Configuration
import Maps
import Routing
import Site
import System

/// A map that a command is to work with.
struct DbTarget {
    let name: TableName
    /// What it lives in.
    let place: any LiveMapPlace
    /// How lookups fold keys.
    let folding: KeyFolding
    /// Knows what the entries are for; nil where nobody does.
    let judge: RelationJudge?
    /// The mode of a file that is made.
    let mode: UInt32
    /// The line of dbases.conf that names it.
    let definition: MapDefinition?

    /// Finds out what MAP stands for.
    ///
    /// - Parameters:
    ///   - map: a relation's name, or a path, which has a slash in it.
    ///   - databases: nil where the site has no configuration, which only a path can do without.
    /// - Throws: `ConfigurationError`, or `UsageError` for options with which the map must not be opened.
    init(_ map: String, _ options: DbOptions, databases: DatabasesConf?) throws {
        let definition = try Self.definition(map, databases)
        self.definition = definition
        let path = definition?.tablePath ?? absolutePath(map)
        let type = definition?.type ?? Self.type(ofFileAt: path)
        name = definition?.tableName ?? TableName(relation: "-", backEnd: type.name, file: path)
        folding = definition?.flags.folding ?? .none
        judge = definition.flatMap { RelationJudge($0) }
        mode = definition?.privilege.map { $0.mode & 0o777 } ?? 0o644
        let request = LiveMapRequest(
            name: name, type: type, definition: definition, home: options.home, isAlone: options.hasNoEnvironment,
            mode: mode)
        do throws(LiveMapRefusal) {
            guard let place = try MapBackEnds.all.livePlace(of: request) else {
                throw .usage("\(path): a map of type \(type.name) is only ever replaced; run zroute newdb")
            }
            self.place = place
        } catch {
            switch error {
            case .usage(let text): throw UsageError(text)
            case .configuration(let error): throw error
            }
        }
    }

    /// The type of a file that no line of dbases.conf names: what its name says, or else a Berkeley DB btree.
    static func type(ofFileAt path: String) -> MapType {
        let types = changedTypes
        let named = types.first { $0.compiledExtension.map(path.hasSuffix) ?? false }
        // Of the types without a name in the path the first is the oldest.
        return named ?? types.first ?? .none
    }

    /// The types whose files are changed in place.
    private static var changedTypes: [MapType] { MapBackEnds.all.types.filter(\.isChangedInPlace) }

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
            guard definition.type.isChangedInPlace else { return false }
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
        let compiled = databases.definitions(of: map).filter { $0.type.isChangedInPlace }
        let live = compiled.filter(\.compile.isLive)
        let candidates = live.isEmpty ? compiled : live
        guard let first = candidates.first else {
            let reason =
                databases.relations.contains(map)
                ? "has no map of a type that is changed in place (\(changedTypes.map(\.name).joined(separator: ", ")))"
                : "is no relation of \(databases.file)"
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
