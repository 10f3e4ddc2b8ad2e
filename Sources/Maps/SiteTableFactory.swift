// Which back end a line of dbases.conf gets.

import Configuration

/// Makes the tables of one worker; those that name the same environment share it.
package final class SiteTableFactory: TableFactory {
    /// One for each home, of which sites have one or two.
    private var environments: [BerkeleyDBEnvironment] = []
    private let texts: TextTableLoader
    private let judge: (MapDefinition) -> (any EntryJudge)?
    private let watch: CallWatch?

    /// A factory for one worker.
    ///
    /// - Parameters:
    ///   - texts: reads text maps, once for all workers that share it.
    ///   - watch: watches the worker for calls that hang; nil where nobody does.
    package convenience init(texts: TextTableLoader, watch: CallWatch? = nil) {
        self.init(texts: texts, watch: watch) { _ in nil }
    }

    /// A factory for one worker, for maps whose use somebody knows.
    ///
    /// - Parameter judge: gives what knows what the entries of a map are for.
    package init(
        texts: TextTableLoader, watch: CallWatch?, judge: @escaping (MapDefinition) -> (any EntryJudge)?
    ) {
        self.texts = texts
        self.judge = judge
        self.watch = watch
    }

    /// Makes the table of one map.
    package func makeTable(for definition: MapDefinition) -> any Table {
        let name = definition.tableName
        switch definition.type {
        case .btree, .bhash:
            guard let file = definition.environmentFile else { return BerkeleyDBTable(name: name, watch: watch) }
            // The environment's description is read at the first lookup: as long as it cannot be, every lookup fails.
            return LazyTable(name: name) { [self] in
                Result { () throws(ConfigurationError) in
                    BerkeleyDBTable(name: name, environment: environment(try EnvironmentSettings(file: file)))
                }
            }
        case .text:
            let form: SourceForm = definition.compile.isAliases ? .aliases : .plain
            return TextTable(
                name: name, form: form, folding: definition.compile.folding, judge: judge(definition), loader: texts)
        case .unordered:
            return TextTable.unordered(name: name, judge: judge(definition), loader: texts)
        case .ordered:
            return TextTable.ordered(
                name: name, folding: definition.flags.folding, judge: judge(definition), loader: texts)
        case .incore, .none:
            return IncoreTable(name: name)
        }
    }

    private func environment(_ settings: EnvironmentSettings) -> BerkeleyDBEnvironment {
        if let known = environments.first(where: { $0.settings == settings }) { return known }
        let environment = BerkeleyDBEnvironment(settings: settings, watch: watch)
        environments.append(environment)
        return environment
    }
}
