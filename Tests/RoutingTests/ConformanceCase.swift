// A recorded configuration of ZMailer with the answers that its router gave: Fixtures/conformance/routes.

import Configuration
import Files
import Foundation
import Maps
import Routing
import ZRouteTestKit

/// A recorded configuration, set up in a directory of its own.
struct ConformanceCase {
    /// How the maps of a case are stored.
    enum Storage: String, CaseIterable {
        /// Compiled to Berkeley DB, the live ones in a CDB environment.
        case compiled
        /// Read as text (DBTYPE=text).
        case text

    }

    /// A recorded question and what is to be answered.
    struct Line {
        let address: [UInt8]
        let answer: [UInt8]
    }

    private static let fixtures = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../Fixtures/conformance/routes").standardized

    /// The names of all recorded configurations.
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: fixtures.path)) ?? []).sorted()

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
        settings = try Settings.load(
            file: root + "/zmailer.conf", overrides: storage == .text ? [(name: "DBTYPE", value: "text")] : [])
        databases = try DatabasesConf(file: root + "/dbases.conf", settings: settings)
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
        let set = MapSet(databases, tables: SiteTableFactory(texts: TextTableLoader(allowing: .all) { _ in }))
        let maps = RoutingMaps(set, accounts: accounts, includes: IncludedFileTable())
        return Resolver(rules: RoutingRules(settings), maps: maps)
    }

    private static func substitutePlaceholders(in root: String) throws {
        let files = FileManager.default.enumerator(atPath: root)
        while let file = files?.nextObject() as? String {
            let url = URL(fileURLWithPath: root + "/" + file)
            guard (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true else { continue }
            let content = try Data(contentsOf: url)
            guard content.range(of: Data("@CASE@".utf8)) != nil else { continue }
            try Data(replacing(Array("@CASE@".utf8), with: Array(root.utf8), in: Array(content))).write(to: url)
        }
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
            guard definition.type == .btree, let path = definition.path, let file = definition.tablePath else {
                continue
            }
            if definition.compile.isLive {
                try FileManager.default.createDirectory(atPath: environment, withIntermediateDirectories: true)
                let lines = try readFile(path, limit: 1 << 28).bytes
                let hasNUL = !FileManager.default.fileExists(atPath: path + ".nonul")
                try Updater.shared.get().load(lines: lines, home: environment, file: file, nul: hasNUL)
            } else {
                let form: SourceForm = definition.compile.isAliases ? .aliases : .plain
                var job = CompileJob(
                    source: .file(path), form: form, folding: definition.compile.folding, kind: .btree, base: path)
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
            return Line(address: Array(columns[0]), answer: Array(columns[2].isEmpty ? columns[1] : columns[3]))
        }
    }
}
