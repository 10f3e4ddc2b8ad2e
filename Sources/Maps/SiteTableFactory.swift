// Which back end a line of dbases.conf gets.

import Configuration

/// Makes the tables of one worker; those that name the same environment share it.
public final class SiteTableFactory: TableFactory {
    private var environments: [EnvironmentSettings: BerkeleyDBEnvironment] = [:]

    private let watch: CallWatch?

    /// A factory for one worker.
    ///
    /// - Parameter watch: watches the worker for calls that hang; nil where nobody does.
    public init(watch: CallWatch? = nil) {
        self.watch = watch
    }

    /// Makes the table of one map.
    public func makeTable(for definition: MapDefinition) -> any Table {
        let name = definition.tableName
        switch definition.type {
        case .btree, .bhash:
            guard let file = definition.environmentFile else { return BerkeleyDBTable(name: name, watch: watch) }
            // The environment's description is read at the first lookup: as long as it cannot be, every lookup fails.
            return LazyTable(name: name) { [self] () throws(ConfigurationError) in
                BerkeleyDBTable(name: name, environment: environment(try EnvironmentSettings(file: file)))
            }
        case .text, .unordered, .ordered, .incore, .none:
            return BerkeleyDBTable(name: name, watch: watch)
        }
    }

    private func environment(_ settings: EnvironmentSettings) -> BerkeleyDBEnvironment {
        if let environment = environments[settings] { return environment }
        let environment = BerkeleyDBEnvironment(settings: settings, watch: watch)
        environments[settings] = environment
        return environment
    }
}
