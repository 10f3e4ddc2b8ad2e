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

    /// The present time that answers with a delay are written for.
    static let now: Int64 = 1_000_000

    /// The names of all recorded configurations, with the folder that each is in.
    static let names = folder("routes") + folder("random")

    private static func folder(_ name: String) -> [String] {
        Fixture.names(in: "conformance/\(name)").map { name + "/" + $0 }
    }

    let lines: [Line]
    private let files: TestSite
    private let site: Site
    private let overrides: [(name: String, value: String)]

    /// Sets a case up; what its damage.sh breaks is broken.
    init(_ name: String, _ storage: Storage) throws {
        files = try TestSite(copying: "conformance/\(name)") { file, bytes in
            guard storage == .text, file == "dbases.conf" else { return bytes }
            return bytes.replacing(" btree ".utf8, with: " text ".utf8).replacing(" bhash ".utf8, with: " text ".utf8)
        }
        overrides = storage == .text ? [(name: "DBTYPE", value: "text")] : []
        site = try files.open(overrides: overrides)
        if storage == .compiled { try Self.compile(site.databases, environment: files.place.file("env")) }
        let damage = files.place.file("damage.sh")
        if FileManager.default.fileExists(atPath: damage) {
            try runCommandSuccessfully("/usr/bin/env", ["CASE=\(files.path)", "bash", damage])
        }
        lines = try Self.readLines(files.place.file("expected.tsv"))
    }

    /// An engine over the case's maps.
    func makeResolver() -> Resolver {
        var surroundings = Site.Surroundings()
        surroundings.clock = { Self.now }
        return site.makeResolver(
            texts: TextTableLoader(allowing: .all), watch: nil, surroundings: surroundings)
    }

    /// What the program says of all addresses as JSON with traces.
    ///
    /// - Parameter options: further options of route-test.
    func traces(_ options: [String] = []) throws -> [UInt8] {
        let words =
            ["route-test", "--format", "json", "--trace"] + overrides.flatMap { ["--set", "\($0.name)=\($0.value)"] }
        let result = try files.run(
            words + options + ["-"], input: Array(lines.map(\.address).joined(separator: "\n".utf8)))
        // Addresses without a route, or that have to wait, are answers like others.
        guard [0, 67, 75].contains(result.status) else { throw CommandFailure(result.errorText) }
        return result.output
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
                answer: answer.replacing("hold!300!".utf8, with: "hold!\(now + 300)!".utf8))
        }
    }
}
