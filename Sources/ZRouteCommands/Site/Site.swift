// A site: its settings, its maps, and the engine made of both.

import Bytes
import Configuration
import Maps
import Routing
import System

/// What a command needs to know of the site it works for.
struct Site: Sendable {
    let settings: Settings
    let databases: DatabasesConf
    /// How commands say what they find out about it.
    let logForm: LogForm
    private let failures: [MapFailure]
    private let findings: [Finding]

    /// Reads the configuration.
    ///
    /// - Parameter log: how what is found out about it is said; as for people who wait unless given.
    /// - Throws: `ConfigurationError` with file and line.
    init(options: SiteOptions, log: LogForm? = nil) throws {
        logForm = log ?? options.log.form
        settings = try options.settings()
        databases = try DatabasesConf(
            file: DatabasesConf.location(named: options.dbases, settings: settings), settings: settings)
        findings = settings.findings + databases.findings + RelationName.findings(in: databases)
        if let error = findings.first(where: { $0.severity == .error }) { throw error.configurationError }
        failures = options.failures
        for failure in failures where !databases.relations.contains(failure.relation) {
            throw ConfigurationError(
                file: "--fail-map",
                text: "'\(failure.relation)' is no relation of \(databases.file)"
                    + suggestion(for: failure.relation, among: databases.relations))
        }
    }

    /// Warns of what the configuration probably does not mean, of map files that others may write, since whoever does
    /// decides where mail goes, and of compiled maps that are older than their sources.
    func warn() {
        warnOfConfiguration()
        let log = DiagnosticLog(logForm)
        for finding in databases.checkPrivileges() { log.say("warning: \(finding)", .warning) }
        let findings = databases.checkTextSources() + databases.checkCompiled() + databases.checkEnvironments()
        for finding in findings { log.say(Diagnosis(finding: finding)) }
    }

    /// Warns of what the configuration probably does not mean alone.
    func warnOfConfiguration() {
        for finding in findings { DiagnosticLog(logForm).say(Diagnosis(finding: finding)) }
    }

    /// What reads text maps, once for all workers, and says what is wrong with a source.
    func makeTextLoader() -> TextTableLoader {
        TextTableLoader(
            report: { [logForm] in DiagnosticLog(logForm).say($0) },
            reportUnsettled: { [logForm] in
                let text = "warning: \($0); the entries from before stand"
                DiagnosticLog(logForm).say(Diagnosis(text, .warning, file: $0.path))
            })
    }

    /// Watches the text maps of a service.
    func makeTextWatch(_ texts: TextTableLoader) -> TextMapWatch {
        TextMapWatch(databases, loader: texts) { RelationJudge($0) }
    }

    /// What the workers of this process know of maps that hang.
    func makeHealth() -> ResourceHealth {
        ResourceHealth(deadline: .seconds(settings.lookupTimeout))
    }

    /// An engine for one worker.
    ///
    /// - Parameters:
    ///   - texts: what reads text maps, shared among workers.
    ///   - watch: watches the worker for lookups that hang.
    ///   - trace: where steps and lookups are recorded.
    ///   - counts: where lookups are counted.
    func makeResolver(
        texts: TextTableLoader, watch: CallWatch, trace: Trace? = nil, counts: LookupCounts? = nil
    ) -> Resolver {
        let failures = self.failures
        let tables = SiteTableFactory(texts: texts, watch: watch) { RelationJudge($0) }.wrapping { definition, table in
            var table = table
            for failure in failures where failure.relation == definition.relation {
                table = FailingTable(wrapping: table, key: failure.key)
            }
            if let counts { table = counts.counting(table) }
            guard let trace else { return table }
            return TracingTable(wrapping: table) { trace.record(TraceEvent($0)) }
        }
        let accounts: any Table =
            if let path = settings.localUsers {
                PasswdFileTable(path: path)
            } else {
                WatchedTable(
                    wrapping: SystemAccountsTable(), resource: WatchedResource(.nameService, watch: watch))
            }
        func traced(_ table: any Table) -> any Table {
            guard let trace else { return table }
            return TracingTable(wrapping: table) { trace.record(TraceEvent($0)) }
        }
        let maps = RoutingMaps(
            MapSet(databases, tables: tables), accounts: traced(accounts))
        return Resolver(rules: RoutingRules(settings), maps: maps, trace: trace)
    }
}
