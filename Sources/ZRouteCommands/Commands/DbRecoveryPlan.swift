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
                throw ConfigurationError(file: map, text: "lives in no environment; compile it with newdb")
            }
            environment = settings
            named = target.name
            names.append(target.name)
        } else {
            environment = EnvironmentSettings(home: absolutePath(options.home ?? "."), create: true)
            named = nil
        }
        let home = try FileIdentity(path: environment.home)
        let others = (configured?.definitions ?? []).filter { definition in
            guard let file = definition.environmentFile, let settings = try? EnvironmentSettings(file: file),
                let other = try? FileIdentity(path: settings.home)
            else { return false }
            return other.device == home.device && other.inode == home.inode
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
        var seen: Set<String> = []
        self.databases = names.filter { seen.insert($0.file).inserted }
    }
}
