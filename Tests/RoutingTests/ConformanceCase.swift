// A recorded configuration of ZMailer with the answers that its router gave: Fixtures/conformance.

import BerkeleyDB
import Configuration
import Foundation
import Maps
import Routing
import Site
import System
import ZRouteTestKit

/// A recorded configuration, set up in a directory of its own.
struct ConformanceCase {
    /// How the maps of a case are stored.
    enum Storage: String, CaseIterable {
        /// Compiled to Berkeley DB, the live ones in a CDB environment.
        case compiled
        /// Read as text (DBTYPE=text, also where a line names a kind of database).
        case text
    }

    /// A recorded question and what is to be answered.
    struct Line {
        let address: [UInt8]
        /// The whole answer; where an included file is expanded, words that the recipients hold in this order between
        /// asterisks.
        let answer: [UInt8]
    }

    private static let fixtures = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../Fixtures/conformance").standardized

    /// The present time that answers with a delay are written for.
    static let now: Int64 = 1_000_000

    /// The names of all recorded configurations, with the folder that each is in.
    static let names = folder("routes") + folder("random")

    private static func folder(_ name: String) -> [String] {
        let path = fixtures.appendingPathComponent(name).path
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted().map { name + "/" + $0 }
    }

    let directory: TemporaryDirectory
    let lines: [Line]
    private let settings: Settings
    private let databases: DatabasesConf

    /// Sets a case up; what its damage.sh breaks is broken.
    init(_ name: String, _ storage: Storage) throws {
        directory = try TemporaryDirectory()
        let root = directory.file("case")
        try FileManager.default.copyItem(atPath: Self.fixtures.appendingPathComponent(name).path, toPath: root)
        try Self.substitutePlaceholders(in: root)
        if storage == .text {
            for type in ["btree", "bhash"] { try Self.replace(" \(type) ", with: " text ", in: root + "/dbases.conf") }
        }
        try TemporaryDirectory.dateBack(root)
        settings = try Settings.load(
            file: root + "/zmailer.conf", overrides: storage == .text ? [(name: "DBTYPE", value: "text")] : [])
        databases = try DatabasesConf(file: root + "/dbases.conf", settings: settings, types: MapBackEnds.all.types)
        if storage == .compiled { try Self.compile(databases, environment: root + "/env") }
        let damage = root + "/damage.sh"
        if FileManager.default.fileExists(atPath: damage) {
            try runCommandSuccessfully("/usr/bin/env", ["CASE=\(root)", "bash", damage])
        }
        lines = try Self.readLines(root + "/expected.tsv")
    }

    /// An engine over the case's maps.
    func makeResolver() -> Resolver {
        let accounts: any Table = settings.localUsers.map { PasswdFileTable(path: $0) } ?? SystemAccountsTable()
        let set = MapSet(
            databases,
            tables: WorkerTables(.all, for: MapWorker(texts: TextTableLoader(allowing: .all, report: { _ in }))))
        let maps = RoutingMaps(set, accounts: accounts)
        return Resolver(rules: RoutingRules(settings), maps: maps, clock: { Self.now })
    }

    private static func substitutePlaceholders(in root: String) throws {
        let files = FileManager.default.enumerator(atPath: root)
        while let file = files?.nextObject() as? String {
            let url = URL(fileURLWithPath: root + "/" + file)
            guard (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true else { continue }
            try replace("@CASE@", with: root, in: url.path)
        }
    }

    private static func replace(_ old: String, with new: String, in path: String) throws {
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        guard content.range(of: Data(old.utf8)) != nil else { return }
        try Data(replacing(Array(old.utf8), with: Array(new.utf8), in: Array(content))).write(
            to: URL(fileURLWithPath: path))
    }

    private static func replacing(_ old: [UInt8], with new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let found = rest.firstRange(of: old) {
            result += rest[..<found.lowerBound] + new
            rest = rest[found.upperBound...]
        }
        return result + rest
    }

    /// Local maps by our compiler, live maps by the independent updater.
    private static func compile(_ databases: DatabasesConf, environment: String) throws {
        let compiler = MapCompiler()
        for definition in databases.definitions {
            let kind: DatabaseKind
            switch definition.type {
            case .btree: kind = .btree
            case .bhash: kind = .hash
            default: continue
            }
            guard let path = definition.path, let file = definition.tablePath else { continue }
            if definition.compile.isLive {
                try FileManager.default.createDirectory(atPath: environment, withIntermediateDirectories: true)
                let lines = try readFile(path, limit: 1 << 28).bytes
                let hasNUL = !FileManager.default.fileExists(atPath: path + ".nonul")
                try Updater.shared.get().load(lines: lines, home: environment, file: file, nul: hasNUL)
            } else {
                let form: SourceForm = definition.compile.isAliases ? .aliases : .plain
                var job = CompileJob(
                    source: .file(path), form: form, folding: definition.compile.folding,
                    format: BerkeleyDBFormat(kind), base: path)
                // Their values are odd on purpose.
                job.judge = RelationJudge(definition)
                job.allowed = .all
                _ = try compiler.prepare(job)
            }
        }
        try compiler.commit()
    }

    /// The lines of expected.tsv: address, ZMailer's answer, class, our answer; the class says which answer is due.
    private static func readLines(_ path: String) throws -> [Line] {
        try readFile(path, limit: 1 << 28).bytes.split(separator: UInt8(ascii: "\n")).map { line in
            let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            guard columns.count == 4 else { throw CommandFailure("\(path): a line has \(columns.count) columns") }
            let answer = Array(columns[2].isEmpty ? columns[1] : columns[3])
            return Line(
                address: Array(columns[0]),
                answer: replacing(Array("hold!300!".utf8), with: Array("hold!\(now + 300)!".utf8), in: answer))
        }
    }
}
