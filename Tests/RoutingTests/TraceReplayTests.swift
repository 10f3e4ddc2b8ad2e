// Traces of all recorded addresses, read by programs that know nothing of maps: one comes from a trace to the routes, one checks
// each event against the schema, and one falsifies traces, which the first has to notice.

import Foundation
import Testing
import ZRouteTestKit

/// The sites that may have text maps.
private let ofText = ConformanceCase.names.filter { name in
    MapStorage.text.obstacle(to: name) == nil
}

/// What a trace was asked for with, besides its addresses.
private enum Asked: String, CaseIterable {
    case sender = "--as sender"
    case errorMessage = "--errormsg"
    case senderOfAnErrorMessage = "--as sender --errormsg"
    case failingAliases = "--fail-map aliases"
    case failingFullyQualifiedAliases = "--fail-map fqdnaliases"
    case failingFullyQualifiedRoutes = "--fail-map fqdnroutes"
    case failingDomainRoutes = "--fail-map routesdb"
    case failingThisHost = "--fail-map thishost"
    case shallow = "--set expansiondepth=2 --set expansionsize=3"
    case organisation = "--set orgdomains=example.org|shop.org --set orgdomain=example.net"
    case literals = "--set allowchannelliteral=1 --set preservetailcase=1 --set localdoesdomain=1"

    var words: [String] { rawValue.split(separator: " ").map(String.init) }

    /// Some of the sites, others for each.
    var sites: [String] {
        let index = Self.allCases.firstIndex(of: self) ?? 0
        return ofText.indices.filter { $0 % 8 == index % 8 }.map { ofText[$0] }
    }
}

@Suite struct TraceReplayTests {
    private static let scripts = Fixture.root + "/../Tests/TraceReplay/"

    /// Gives traces to a script.
    ///
    /// - Returns: what it says at its end.
    private func run(_ script: String, _ traces: [UInt8], _ about: String, _ words: [String] = []) throws -> String {
        let result = try runCommand("/usr/bin/python3", ["-B", Self.scripts + script] + words, input: traces)
        #expect(result.status == 0, "\(about): \(result.text.suffix(2_000)) \(result.errorText.suffix(2_000))")
        return result.text.split(separator: "\n").last.map(String.init) ?? ""
    }

    /// Replays traces, and checks them against the schema.
    private func check(_ traces: [UInt8], of count: Int, _ about: String) throws {
        let replayed = try run("replay.py", traces, about)
        #expect(replayed == "\(count) traces replayed, 0 wrong", "\(about)")
        let validated = try run("validate.py", traces, about, [Fixture.root + "/../docs/trace.schema.json"])
        #expect(validated.hasPrefix("\(count) traces and "), "\(about)")
        print("\(about): \(replayed); \(validated)")
    }

    @Test(arguments: ConformanceCase.names, [MapStorage.recorded, .text])
    func aTraceLeadsToTheRoutes(name: String, storage: MapStorage) throws {
        if let reason = storage.obstacle(to: name) {
            print("trace \(name) \(storage.name): not run, because \(reason)")
            return
        }
        let site = try ConformanceCase(name, storage)
        try check(try site.traces(), of: site.lines.count, "trace \(name) \(storage.name)")
    }

    @Test(arguments: Asked.allCases)
    fileprivate func aTraceLeadsToTheRoutesHoweverItIsAskedFor(asked: Asked) throws {
        for name in asked.sites {
            let site = try ConformanceCase(name, .text)
            try check(try site.traces(asked.words), of: site.lines.count, "trace \(name) \(asked.rawValue)")
        }
    }

    @Test(arguments: [0, 1, 2, 3])
    func aFalsifiedTraceIsNoticed(part: Int) throws {
        var traces: [UInt8] = []
        for (index, name) in ofText.enumerated() where index % 4 == part {
            let lines = try ConformanceCase(name, .text).traces().split(separator: UInt8(ascii: "\n"))
            for (place, line) in lines.enumerated() where place % 17 == index % 17 { traces += line + Array("\n".utf8) }
        }
        let changes = try run("mutate.py", traces, "falsified traces, part \(part)")
        #expect(changes.hasSuffix(" 0 not noticed"))
        print("falsified traces, part \(part): \(changes)")
    }
}
