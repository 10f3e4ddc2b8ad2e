// The text maps of a service that change under it: what is said of them before anybody looks anything up.

import Configuration
import Maps
import Site
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite struct TextMapWatchTests {
    /// What the loader of a service reports.
    private final class Reports: Sendable {
        let lines = Mutex<[String]>([])

        func add(_ line: String) { lines.withLock { $0.append(line) } }
        func take() -> [String] {
            lines.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
    }

    private static let good = "one@x.example: ann@x.example\ntwo@x.example: bob@x.example\n"

    private let place: TemporaryDirectory
    private let clocks = SettlingFileTests.Clocks()
    private let reports = Reports()
    private let loader: TextTableLoader
    private var path: String { place.file("aliases") }

    init() throws {
        place = try TemporaryDirectory()
        loader = TextTableLoader(
            clock: clocks.clock, report: { [reports] in $0.first.forEach { reports.add("\($0)") } },
            reportUnsettled: { [reports] in reports.add("\($0)") })
    }

    private func makeWatch(_ flags: String = "-lm") throws -> TextMapWatch {
        let text = "aliases text - -la \(path) \(flags)\nroutesdb btree - -l \(place.file("routes")) -lm\n"
        let databases = try DatabasesConf(
            Array(text.utf8), file: place.file("dbases.conf"), variables: Variables([:]), types: MapBackEnds.all.types)
        return TextMapWatch(databases, loader: loader) { _ in nil }
    }

    /// What is said in some looks, as far apart as a changed file has to keep still.
    private func said(by watch: inout TextMapWatch) -> [String] {
        var lines: [String] = []
        for _ in 0..<3 {
            lines += watch.look().map { "\($0)" } + reports.take()
            clocks.pass(1.1)
        }
        return lines
    }

    @Test(arguments: MapFault.all)
    func areSaidToBeSpoiledOnceWithFileAndLine(fault: MapFault) throws {
        print("text maps that are watched: \(MapFault.all.count) faults, this one: \(fault)")
        try place.write(Self.good, to: "aliases")
        var watch = try makeWatch()
        let table = TextTable(
            name: TableName(relation: "aliases", backEnd: "text", file: path), form: .aliases, folding: .lower,
            loader: loader)
        #expect(said(by: &watch) == [])
        for _ in 0..<2 {
            #expect(try find("two@x.example", in: table) == "bob@x.example")
            try fault.apply(to: path, Self.good)
            let lines = said(by: &watch)
            let start = if case .refused(let line) = fault.effect { "\(path):\(line): " } else { "\(path): " }
            #expect(lines.count { $0.hasPrefix(start) } == 1 && lines.allSatisfy { $0.hasPrefix(path) }, "\(lines)")
            _ = table.refresh()
            if fault.effect == .notBelieved {
                #expect(try find("two@x.example", in: table) == "bob@x.example")
            } else {
                let error = try #require(failure(of: "two@x.example", in: table), "an absence")
                #expect(error.text.hasPrefix(start), "\(error)")
            }
            #expect(said(by: &watch) == [], "said again")
            try MapFault.restore(path, Self.good)
            #expect(said(by: &watch) == [])
            _ = table.refresh()
        }
    }

    @Test func areThoseThatNoticeChangesAtAll() throws {
        try place.write(Self.good, to: "aliases")
        #expect(try makeWatch("-l").isEmpty)
        #expect(try !makeWatch("-lm").isEmpty)
    }
}
