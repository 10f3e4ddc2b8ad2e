// A recorded configuration of ZMailer with the answers that its router gave: Fixtures/conformance.

import Configuration
import Foundation
import Maps
import Routing
import Site
import System
import ZRouteTestKit

/// A recorded configuration, set up in a directory of its own.
struct ConformanceCase {
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
    private let watch: CallWatch?
    private let overrides: [(name: String, value: String)]
    /// What answers for maps behind a socket.
    private let server: RunningProgram?

    /// Sets a case up; what its damage.sh breaks is broken.
    init(_ name: String, _ storage: MapStorage) throws {
        files = try TestSite(copying: "conformance/\(name)") { file, bytes in
            file == "dbases.conf" ? storage.lines(bytes) : bytes
        }
        overrides = storage.overrides
        watch = storage.watch
        server = try storage.prepare(files)
        site = try files.open(overrides: overrides)
        try storage.make(site.databases, files.place.file("env"))
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
            texts: TextTableLoader(allowing: .all), watch: watch, surroundings: surroundings)
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
