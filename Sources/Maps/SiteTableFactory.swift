// Which back end a line of dbases.conf gets.

import Configuration

/// Makes the tables of one worker; those that name the same environment share it.
public final class SiteTableFactory: TableFactory {
    private var environments: [EnvironmentSettings: BerkeleyDBEnvironment] = [:]

    /// A factory for one worker.
    public init() {}

    /// Makes the table of one map.
    public func makeTable(for definition: MapDefinition) -> any Table {
        let name = definition.tableName
        switch definition.type {
        case .btree, .bhash:
            guard let file = definition.environmentFile else { return BerkeleyDBTable(name: name) }
            // The environment's description is read at the first lookup: as long as it cannot be, every lookup fails.
            return LazyTable(name: name) { [self] () throws(ConfigurationError) in
                BerkeleyDBTable(name: name, environment: environment(try EnvironmentSettings(file: file)))
            }
        case .text, .unordered, .ordered, .incore, .none:
            return BerkeleyDBTable(name: name)
        }
    }

    private func environment(_ settings: EnvironmentSettings) -> BerkeleyDBEnvironment {
        if let environment = environments[settings] { return environment }
        let environment = BerkeleyDBEnvironment(settings: settings)
        environments[settings] = environment
        return environment
    }
}
