// A site: its settings, its maps, and the engine made of both. Everything that asks a site is made here: commands, servers,
// checks and tests differ only in what they do with the answers.

package import Configuration
package import Maps
package import Routing

/// What has to be known of a site, to route for it.
package struct Site: Sendable {
    /// What zmailer.conf and the files beside it say.
    package let settings: Settings
    /// The lines of dbases.conf.
    package let databases: DatabasesConf
    /// What of both cannot be used, or was probably not meant, in the order of the files and their lines; errors among
    /// them are thrown when the site is opened.
    package let findings: [Finding]
    private let failures: [MapFailure]
    /// Where entries that are found are counted; nil where nobody asked for it.
    package var entryUses: EntryUseCounts?
    private let backEnds: MapBackEnds

    /// Reads dbases.conf.
    ///
    /// - Parameters:
    ///   - settings: what zmailer.conf says.
    ///   - dbases: a dbases.conf in the place of the one that the settings lead to.
    ///   - failures: maps that are to fail.
    ///   - backEnds: which types of maps there are.
    /// - Throws: `ConfigurationError` with every error of the settings and of the lines.
    package init(
        settings: Settings, dbases: String? = nil, failures: [MapFailure] = [], backEnds: MapBackEnds = .all
    ) throws(ConfigurationError) {
        self.init(
            settings: settings,
            databases: DatabasesConf(
                reading: try DatabasesConf.location(named: dbases, settings: settings), settings: settings,
                types: backEnds.types),
            failures: failures, backEnds: backEnds)
        if let error = ConfigurationError(findings) { throw error }
        for failure in failures where !databases.relations.contains(failure.relation) {
            throw ConfigurationError(
                file: "--fail-map",
                text: "'\(failure.relation)' is no relation of \(databases.file)"
                    + suggestion(for: failure.relation, among: databases.relations))
        }
    }

    /// A site of settings and lines that were read already, whatever was found out about them.
    package init(
        settings: Settings, databases: DatabasesConf, failures: [MapFailure] = [], backEnds: MapBackEnds = .all
    ) {
        self.settings = settings
        self.databases = databases
        self.failures = failures
        self.backEnds = backEnds
        findings =
            settings.findings + (databases.findings + RelationName.findings(in: databases)).inOrderOfLines
    }

    /// The same site with other lines of dbases.conf, each as a function makes it.
    package func changing(_ change: (MapDefinition) -> MapDefinition) -> Site {
        Site(settings: settings, databases: databases.mapped(change), failures: failures, backEnds: backEnds)
    }

    /// All that is wrong with the settings, with dbases.conf, and with the files that its lines name.
    ///
    /// Files are looked at each time.
    package var allFindings: [Finding] { findings + fileFindings }

    /// What is wrong with the files that lines of dbases.conf name beside the maps, such as descriptions of environments.
    package var backEndFindings: [Finding] { backEnds.findings(about: databases.definitions) }

    /// What is wrong with the files that lines of dbases.conf name: their owners and modes, compiled maps that are older than
    /// their sources, and what back ends need beside them.
    package var fileFindings: [Finding] {
        databases.checkPrivileges() + databases.checkTextSources() + databases.checkCompiled() + backEndFindings
    }

    /// The types that maps can have.
    package var mapTypes: [MapType] { backEnds.types }

    /// What a map lives in that a command looks into or changes in place; nil for types that are only replaced.
    package func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)? {
        try backEnds.livePlace(of: request)
    }

    /// How newdb compiles a map; nil for a map that is read as it is.
    package func format(of definition: MapDefinition) -> (any MapFormat)? { backEnds.format(of: definition.type) }

    /// What is wrong at this moment with what a map shares with other programs; nil where that hangs.
    package func conditionFindings(of definition: MapDefinition) -> [Finding]? {
        backEnds.conditionFindings(of: definition, within: .seconds(settings.lookupTimeout))
    }

    /// Whether the entries of a map can be listed at all.
    package func listsEntries(of definition: MapDefinition) -> Bool { backEnds.listsEntries(of: definition) }

    /// Hands on every entry of a map as its file has it, each key once, some at a time; ``MapBackEnds/readEntries(of:within:_:)``.
    ///
    /// - Parameter body: answers whether it wants more.
    /// - Throws: where some entry may not have been handed on.
    package func readEntries(of definition: MapDefinition, _ body: ([MapEntry]) -> Bool) throws(MapError) {
        for failure in failures where failure.relation == definition.relation {
            throw MapError(table: definition.tableName, key: failure.key, text: FailingTable.reason)
        }
        // A file that nobody locks is read and sorted as a whole before its first entry: a large one takes its time.
        let isFile = definition.environmentFile == nil && (definition.source != nil || definition.textForm != nil)
        let deadline = isFile ? max(settings.lookupTimeout, Self.longestReading) : settings.lookupTimeout
        try backEnds.readEntries(of: definition, within: .seconds(deadline), body)
    }

    /// So many seconds may pass before a file of millions of entries gives its next one.
    private static let longestReading = 600

    /// Watches the text maps of a service.
    package func makeTextWatch(_ texts: TextTableLoader) -> TextMapWatch {
        TextMapWatch(databases, loader: texts) { RelationJudge($0) }
    }

    /// What the workers of this process know of maps that hang.
    package func makeHealth() -> ResourceHealth {
        ResourceHealth(deadline: .seconds(settings.lookupTimeout))
    }

    /// An engine for one worker.
    ///
    /// - Parameters:
    ///   - texts: what reads text maps, shared among workers.
    ///   - watch: watches the worker for lookups that hang; nil where nobody does.
    ///   - trace: where steps and lookups are recorded.
    ///   - counts: where lookups are counted.
    ///   - surroundings: what it asks besides maps.
    package func makeResolver(
        texts: TextTableLoader, watch: CallWatch?, trace: Trace? = nil, counts: LookupCounts? = nil,
        surroundings: Surroundings = Surroundings()
    ) -> Resolver {
        func traced(_ table: any Table) -> any Table {
            guard let trace else { return table }
            return TracingTable(wrapping: table) { trace.record(TraceEvent($0)) }
        }
        let failures = self.failures
        let entryUses = self.entryUses
        let worker = MapWorker(texts: texts, watch: watch) { RelationJudge($0) }
        let tables = WorkerTables(backEnds, for: worker).wrapping { definition, table in
            var table = table
            for failure in failures where failure.relation == definition.relation {
                table = FailingTable(wrapping: table, key: failure.key)
            }
            if let counts { table = counts.counting(table) }
            if let entryUses { table = entryUses.counting(table) }
            return traced(table)
        }
        let maps = RoutingMaps(
            // What a kept answer says, a trace could not show.
            MapSet(databases, tables: tables, keepsAnswers: trace == nil),
            accounts: traced(surroundings.accounts ?? accounts(watch)),
            includes: surroundings.includes)
        return Resolver(rules: RoutingRules(settings), maps: maps, trace: trace, clock: surroundings.clock)
    }

    /// An engine for a thread that must not wait: it answers from text maps that are loaded, and fails where more is needed.
    ///
    /// - Parameter texts: what the site's workers have loaded.
    /// - Returns: nil where other maps would have to be asked for every address, or what is found is counted.
    package func makeMemoryResolver(texts: TextTableLoader) -> Resolver? {
        let isText = databases.definitions.allSatisfy { $0.textForm != nil || $0.type == .none }
        guard entryUses == nil, isText else { return nil }
        let surroundings = Surroundings(accounts: UnaskedTable(), includes: UnaskedLists())
        return makeResolver(
            texts: TextTableLoader(givingWhatIsLoadedBy: texts), watch: nil, surroundings: surroundings)
    }

    /// What an engine asks besides maps: the system, where nothing else is put in its place.
    package struct Surroundings {
        /// The local users; nil for those that the settings name, or the system's.
        package var accounts: (any Table)?
        /// What reads the files that `:include:` names.
        package var includes: any IncludedLists = IncludedFiles()
        /// The present time in seconds since 1970; nil for the system's clock.
        package var clock: (@Sendable () -> Int64)?

        /// The system, where nothing else is given.
        package init(accounts: (any Table)? = nil, includes: any IncludedLists = IncludedFiles()) {
            self.accounts = accounts
            self.includes = includes
        }
    }

    private func accounts(_ watch: CallWatch?) -> any Table {
        if let path = settings.localUsers { return PasswdFileTable(path: path) }
        guard let watch else { return SystemAccountsTable() }
        return WatchedTable(wrapping: SystemAccountsTable(), resource: WatchedResource(.nameService, watch: watch))
    }
}

// What an engine finds in the place of files and of the system that it must not wait for.

/// Accounts that are not asked.
private final class UnaskedTable: Table {
    let name = TableName(relation: "accounts", backEnd: "system", file: "-")
    let privilege: UInt32 = 65534

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        throw MapError(table: name, text: "they are not asked here")
    }

    func refresh() -> Bool { false }
}

/// Lists that are not read.
private final class UnaskedLists: IncludedLists {
    func content(of path: [UInt8], onBehalfOf authority: UInt32) throws(MapError) -> [UInt8] {
        throw MapError(table: TableName(includedList: path), text: "it is not read here")
    }
}

/// A map that is to fail, to show what becomes of addresses when it does.
package struct MapFailure: Sendable {
    /// Its relation.
    package let relation: String
    /// The key that is to fail; nil for all.
    package let key: [UInt8]?

    /// Names a map, and a key of it.
    package init(relation: String, key: [UInt8]?) {
        self.relation = relation
        self.key = key
    }
}
