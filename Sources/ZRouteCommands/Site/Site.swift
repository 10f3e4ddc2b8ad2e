// A site: its settings, its maps, and the engine made of both.

import Configuration
import MailAddress
import Maps
import Routing

/// What a command needs to know of the site it works for.
struct Site {
    let settings: Settings
    let databases: DatabasesConf
    private let failures: [MapFailure]
    private let factory: SiteTableFactory

    /// Reads the configuration.
    ///
    /// - Throws: `ConfigurationError` with file and line.
    init(options: SiteOptions) throws {
        settings = try Settings.load(
            explicitFile: options.config, overrides: options.overrides.map { ($0.name, $0.value) })
        databases = try DatabasesConf(
            file: DatabasesConf.location(named: options.dbases, settings: settings), settings: settings)
        failures = options.failures
        factory = SiteTableFactory()
        for failure in failures where !databases.relations.contains(failure.relation) {
            throw ConfigurationError(
                file: "--fail-map", text: "'\(failure.relation)' is no relation of \(databases.file)")
        }
    }

    /// An engine for one worker.
    func makeResolver(trace: Trace? = nil) -> Resolver {
        let failures = self.failures
        // The trace belongs to one worker, as the tables do that report to it.
        nonisolated(unsafe) let trace = trace
        let tables = factory.wrapping { definition, table in
            var table = table
            for failure in failures where failure.relation == definition.relation {
                table = FailingTable(wrapping: table, key: failure.key)
            }
            guard let trace = unsafe trace else { return table }
            return TracingTable(wrapping: table) { key, answer in
                trace.record(.lookup(table.name, key: key, answer: TraceEvent.Answer(answer)))
            }
        }
        let accounts: any Table = settings.localUsers.map { PasswdFileTable(path: $0) } ?? SystemAccountsTable()
        let maps = RoutingMaps(MapSet(databases, tables: tables), accounts: accounts, includes: IncludedFileTable())
        return Resolver(rules: RoutingRules(settings), maps: maps, trace: trace)
    }
}
