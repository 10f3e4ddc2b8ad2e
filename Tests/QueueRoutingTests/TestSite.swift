// A site of its own for one test: the configuration of Fixtures/queue read from its text sources, and an empty spool.

import Site
import Configuration
import Glibc
import Maps
import QueueRouting
import Routing
import Spool
import Synchronization
import System
import Testing
import ZRouteTestKit

/// Files under Fixtures/.
enum Fixture {
    static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()) + "/Fixtures"

    static func bytes(_ path: String) throws -> [UInt8] { try readFile("\(root)/\(path)", limit: 1 << 24).bytes }

    static func exists(_ path: String) -> Bool { access("\(root)/\(path)", F_OK) == 0 }

    static func names(in directory: String) -> [String] { (try? Directory.names("\(root)/\(directory)")) ?? [] }
}

/// What Glibc's directory functions come to.
enum Directory {
    static func names(_ path: String) throws -> [String] {
        guard let stream = opendir(path) else { throw FileError(operation: "opendir", path: path, code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

/// A site with its spool, removed with the value.
final class TestSite: Sendable {
    let path: String
    var spool: String { path + "/postoffice" }

    /// In memory where there is room: a killed process loses nothing there that it would keep on a disk.
    init() throws {
        var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/batch-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileError(operation: "mkdtemp", path: "/tmp", code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try PostOffice.create(path: path + "/postoffice")
        mkdir(path + "/db", 0o700)
        for name in ["dbases.conf", "zmailer.conf"] + Fixture.names(in: "queue/config/db").map({ "db/\($0)" }) {
            let text = String(decoding: try Fixture.bytes("queue/config/\(name)"), as: UTF8.self)
            try write(text.replacing("@CASE@", with: path).replacing("DBTYPE=btree", with: "DBTYPE=text"), to: name)
        }
    }

    deinit {
        Self.removeAll(path)
    }

    private static func removeAll(_ path: String) {
        for name in (try? Directory.names(path)) ?? [] { removeAll("\(path)/\(name)") }
        remove(path)
    }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func write(_ bytes: [UInt8], to name: String) throws {
        let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: name, code: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let wrote = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            guard wrote > 0 else { throw FileError(operation: "write", path: name, code: errno) }
            done += wrote
        }
    }

    /// Puts a submission into the spool.
    func submit(_ text: String, as name: String = "message") throws {
        try write(text, to: "postoffice/router/\(name)")
    }

    func names(_ directory: String) throws -> [String] { try Directory.names("\(spool)/\(directory)") }

    func read(_ name: String) throws -> [UInt8] { try readFile("\(spool)/\(name)", limit: 1 << 28).bytes }

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
            file: DatabasesConf.location(named: nil, settings: settings), settings: settings, backEnds: .all)
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

/// The programs of this build, beside the one that runs the tests.
enum Programs {
    static func path(_ name: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer[..<max(length, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The test bundle is loaded by a program of the toolchain: the bundle is named on its command line.
        for file in [own] + CommandLine.arguments.filter({ $0.contains(".xctest") }) {
            let place = file.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + name
            if access(place, X_OK) == 0 { return place }
        }
        throw FileError(operation: "find", path: name, reason: "not built beside the tests")
    }
}
