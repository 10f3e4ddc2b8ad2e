// Which databases live in the environment that is to be recovered: those of dbases.conf, or else the files beside it.

import Configuration
import Files
import Maps

/// An environment and its databases.
struct DbRecoveryPlan {
    let environment: EnvironmentSettings
    let databases: [TableName]
    /// The one named on the command line.
    let named: TableName?

    init(map: String?, _ options: DbOptions, databases configured: DatabasesConf?) throws {
        var names: [TableName] = []
        if let map {
            let target = try DbTarget(map, options, databases: configured)
            guard let settings = target.environment else {
                throw ConfigurationError(
                    file: map,
                    text: target.definition?.compile.isLive ?? false
                        ? "its line in dbases.conf names no environment; name it with -C, or here with --env"
                        : "lives in no environment; compile it with newdb")
            }
            environment = settings
            named = target.name
            names.append(target.name)
        } else {
            environment = EnvironmentSettings(home: absolutePath(options.home ?? "."), create: true)
            named = nil
        }
        let home = try FileLocation(environment.home)
        // A line whose environment cannot be read might name this one: its map would be left out.
        let others = try (configured?.definitions ?? []).filter { definition in
            guard let file = definition.environmentFile else { return false }
            let settings = try EnvironmentSettings(file: file)
            return (try? FileLocation(settings.home)) == home
        }
        names += others.map(\.tableName)
        if others.isEmpty {
            for name in try fileNames(in: environment.home).sorted() where !name.hasPrefix(".") {
                guard name.hasSuffix(".db") || name.hasSuffix(".dbh") else { continue }
                let type = name.hasSuffix(".dbh") ? MapType.bhash : .btree
                names.append(
                    TableName(relation: "-", backEnd: type.rawValue, file: "\(environment.home)/\(name)"))
            }
        }
        // One file may be the map of several relations.
        var seen: Set<FileLocation> = []
        self.databases = names.filter { name in
            // What has not even a directory is there only once.
            (try? FileLocation(name.file)).map { seen.insert($0).inserted } ?? true
        }
    }
}
