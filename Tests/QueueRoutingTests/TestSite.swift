// A site of its own for one test: the configuration of Fixtures/queue read from its text sources, and an empty spool.

import Configuration
import Glibc
import Maps
import QueueRouting
import Routing
import Site
import Spool
import Synchronization
import System
import Testing
import ZRouteTestKit

/// A site with its spool, removed with the value.
final class TestSite: Sendable {
    private let place: TemporaryDirectory
    var path: String { place.path }
    var spool: String { place.file("postoffice") }

    init() throws {
        place = try TemporaryDirectory(isInMemory: true)
        try PostOffice.create(path: place.file("postoffice"))
        try place.makeDirectory("db")
        for name in ["dbases.conf", "zmailer.conf"] + Fixture.names(in: "queue/config/db").map({ "db/\($0)" }) {
            let text = String(decoding: try Fixture.bytes("queue/config/\(name)"), as: UTF8.self)
            try write(text.replacing("@CASE@", with: path).replacing("DBTYPE=btree", with: "DBTYPE=text"), to: name)
        }
    }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func write(_ bytes: [UInt8], to name: String) throws { try place.write(bytes, to: name, isDatedBack: false) }

    /// Puts a submission into the spool.
    func submit(_ text: String, as name: String = "message") throws {
        try write(text, to: "postoffice/router/\(name)")
    }

    func names(_ directory: String) throws -> [String] { try place.names("postoffice/\(directory)") }

    func read(_ name: String) throws -> [UInt8] { try place.read("postoffice/\(name)") }

    func contents(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

    /// The control files in the spool.
    func controlFiles() throws -> [ControlFile] {
        try names("transport").filter { !$0.hasPrefix(".") }.map {
            try ControlFile(parsing: try read("transport/\($0)"))
        }
    }

    /// The pending recipients of all control files as `channel!host!user`, sorted.
    func pending() throws -> [String] {
        try controlFiles().flatMap(\.recipients).filter { $0.tag == .pending }.map { text(of: $0.address) }.sorted()
    }

    /// A run over the spool.
    ///
    /// - Parameter failing: a key for which the map fqdnroutes fails; `*` for every key.
    func spoolRun(_ options: SpoolRunOptions = SpoolRunOptions(), failing: String? = nil) throws -> SpoolRun {
        let settings = try settings()
        let makeResolver = try resolverMaker(failing: failing)
        return SpoolRun(try PostOffice(path: spool), site: BatchSite(settings), options: options) {
            ResolverRouter(makeResolver())
        }
    }

    private func settings() throws -> Settings { try Settings.load(file: "\(path)/zmailer.conf", overrides: []) }

    /// Makes engines over the site's maps.
    func resolverMaker(failing: String? = nil) throws -> @Sendable () -> Resolver {
        let settings = try settings()
        let databases = try DatabasesConf(
            file: DatabasesConf.location(named: nil, settings: settings), settings: settings,
            types: MapBackEnds.all.types)
        return {
            let tables = WorkerTables(.all, for: MapWorker(texts: TextTableLoader { _ in })).wrapping {
                definition, table in
                guard let failing, definition.relation == "fqdnroutes" else { return table }
                return FailingTable(wrapping: table, key: failing == "*" ? nil : Array(failing.utf8))
            }
            let maps = RoutingMaps(
                MapSet(databases, tables: tables), accounts: SystemAccountsTable())
            return Resolver(rules: RoutingRules(settings), maps: maps)
        }
    }

    /// Routes what there is, held recipients first, and gives what became of it.
    @discardableResult
    func route(
        jobs: Int = 1, failing: String? = nil, retry: RetryRule = RetryRule(interval: 0)
    ) throws -> [MessageReport] {
        var options = SpoolRunOptions()
        options.jobs = jobs
        options.retry = retry
        let run = try spoolRun(options, failing: failing)
        let reports = Reports()
        try run.retryHeld(hooks: reports.hooks)
        run.route(try PostOffice(path: spool).submissions().names, hooks: reports.hooks)
        return reports.all
    }
}

/// What runs report.
final class Reports: Sendable {
    private let reports = Mutex<[MessageReport]>([])

    var all: [MessageReport] { reports.withLock { $0 } }

    var hooks: SpoolRun.Hooks {
        SpoolRun.Hooks(report: { new in self.reports.withLock { $0 += new } }, shouldStop: { false })
    }
}

extension MessageReport {
    var isRouted: Bool { if case .routed = outcome { true } else { false } }
    var rejection: String? { if case .rejected(let reason) = outcome { reason } else { nil } }
    var postponement: String? { if case .postponed(let reason) = outcome { reason } else { nil } }
    var newName: String? { if case .rerouted(into: let name?) = outcome { name.description } else { nil } }
}

func text(of address: ControlAddress) -> String {
    [address.channel, address.host, address.user].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "!")
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
