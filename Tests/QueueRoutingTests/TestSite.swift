// The site of these tests: the configuration of Fixtures/queue read from its text sources, and an empty spool.

import Maps
import QueueRouting
import Routing
import Site
import Spool
import Synchronization
import ZRouteTestKit

extension TestSite {
    convenience init() throws {
        try self.init(copying: "queue/config", spool: "postoffice", isInMemory: true) { name, bytes in
            name == "zmailer.conf" ? bytes.replacing("DBTYPE=btree".utf8, with: "DBTYPE=text".utf8) : bytes
        }
    }

    /// Puts a file of any bytes where it is to be, dated now.
    func put(_ bytes: [UInt8], at name: String) throws { try place.write(bytes, to: name, isDatedBack: false) }

    func put(_ text: String, at name: String) throws { try put(Array(text.utf8), at: name) }

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
        let makeResolver = try resolverMaker(failing: failing)
        return SpoolRun(try postOffice, site: BatchSite(try open().settings), options: options) {
            ResolverRouter(makeResolver())
        }
    }

    /// Makes engines over the site's maps.
    func resolverMaker(failing: String? = nil) throws -> @Sendable () -> Resolver {
        let failures = failing.map { MapFailure(relation: "fqdnroutes", key: $0 == "*" ? nil : Array($0.utf8)) }
        let site = try open(failures: failures.map { [$0] } ?? [])
        return { site.makeResolver(texts: TextTableLoader(), watch: nil) }
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
        run.route(try postOffice.submissions().names, hooks: reports.hooks)
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
