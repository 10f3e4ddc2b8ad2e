// What Postfix's own postmap is answered: the same as route-test says, for every recorded address; and the same over tcp_table.

import Foundation
import Synchronization
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostmapTests {
    /// A recorded site, read as text, and served.
    private struct RecordedSite {
        let site: TestSite
        let addresses: [[UInt8]]
        let server: RunningProgram
        let socket: String
        private static let asText = ["--set", "DBTYPE=text"]

        init(_ name: String) throws {
            site = try TestSite(copying: "conformance/\(name)", isInMemory: true) { file, bytes in
                guard file == "dbases.conf" else { return bytes }
                return ["btree", "bhash"].reduce(bytes) { $0.replacing(" \($1) ".utf8, with: " text ".utf8) }
            }
            // A key of postmap is a line with something in it.
            addresses = try site.place.bytes(of: "expected.tsv").split(separator: UInt8(ascii: "\n"))
                .compactMap { $0.split(separator: 9, omittingEmptySubsequences: false).first.map(Array.init) }
                .filter { $0.contains { $0 > 0x20 } }
            socket = site.place.file("socketmap")
            server = try site.start(
                ["serve", "--listen", "socketmap=unix:\(socket)", "--workers", "1"] + Self.asText)
        }

        func waitUntilListening() throws {
            let listens = try holds { !server.isRunning || server.output.hasPrefix("listening on ") }
            guard listens, server.isRunning else { throw CommandFailure("\(site.path): \(server.errors)") }
        }

        /// What route-test says of each address.
        func routes() throws -> [[UInt8]] {
            let result = try site.run(
                ["route-test", "--format", "tsv"] + Self.asText + ["-"],
                input: Array(addresses.joined(separator: [0x0A])) + [0x0A])
            return result.output.split(separator: 0x0A).map { line in
                Array(line.split(separator: 9, maxSplits: 1, omittingEmptySubsequences: false).last ?? [])
            }
        }
    }

    private static let names = ["routes", "random"].flatMap { folder in
        Fixture.names(in: "conformance/\(folder)").map { "\(folder)/\($0)" }
    }

    @Test func saysWhatRouteTestSays() throws {
        guard PostfixPeer.canRun("PostmapTests") else { return }
        // Keys that are not UTF-8 are otherwise not asked for.
        let postfix = try PostfixPeer("smtputf8_enable = no\n")
        defer { postfix.stop() }
        let postmap = postfix.postmap
        let names = counted("recorded sites that postmap asks", Self.names)
        let outcomes = Mutex<[Result<Comparison, any Error>]>([])
        // Each has processes of its own, which wait for each other: several at a time leave no processor without work.
        DispatchQueue.concurrentPerform(iterations: names.count) { index in
            let outcome = Result { try Self.compare(names[index], postmap) }
            outcomes.withLock { $0.append(outcome) }
        }
        let all = try outcomes.withLock { try $0.map { try $0.get() } }
        let differences = all.flatMap(\.differences)
        #expect(differences.isEmpty, "\(differences.prefix(10).joined(separator: "\n"))")
        let (compared, deferred) = all.reduce((0, 0)) { ($0.0 + $1.compared, $0.1 + $1.deferred) }
        print("PostmapTests: \(compared) answers compared, \(deferred) deferred and failed")
        #expect(compared > 10_000 && all.count == names.count)
    }

    /// What came of one site.
    private struct Comparison: Sendable {
        var compared = 0, deferred = 0
        var differences: [String] = []
    }

    private static func compare(_ name: String, _ postmap: Postmap) throws -> Comparison {
        var comparison = Comparison()
        let site = try RecordedSite(name)
        let routes = try site.routes()
        try site.waitUntilListening()
        guard routes.count == site.addresses.count else { throw CommandFailure("\(name): \(routes.count) routes") }
        let map = "socketmap:unix:\(site.socket):route"
        // It ends at the first answer that is none, and what it was to print is lost then: those are asked one by one.
        let answered = zip(site.addresses, routes).filter { !isDeferred($0.1) }
        let input: [UInt8] = answered.flatMap { address, _ in address + [0x0A] }
        let result = try postmap.ask("-", map, input: input)
        let lines = result.output.split(separator: 0x0A).map(Array.init)
        if lines.count != answered.count {
            comparison.differences.append("\(name): \(lines.count) of \(answered.count) lines: \(result.errorText)")
        }
        for (line, (address, route)) in zip(lines, answered) {
            let expected = address + [9] + route
            // Whose file a key names is not told what is in it.
            let isFile =
                [":include:/", "\":include:/"].contains { address.starts(with: $0.utf8) }
                && !address.contains(UInt8(ascii: "@"))
            let isSame = line == (isFile ? address + [9] + Array("error!syntax!".utf8) + address : expected)
            if !isSame { comparison.differences.append("\(name): \(text(line)), not \(text(expected))") }
            comparison.compared += 1
        }
        for (address, route) in zip(site.addresses, routes) where isDeferred(route) {
            let result = try postmap.ask(text(address), map)
            if result.status != 1 || !result.output.isEmpty || result.errors.isEmpty {
                comparison.differences.append(
                    "\(name): \(text(address)) is answered: \(result.text) \(result.errorText)")
            }
            comparison.deferred += 1
        }
        return comparison
    }

    @Test func tellsTheSameOverTCPTable() throws {
        guard PostfixPeer.canRun("PostmapTests") else { return }
        let page = try DocumentedConfiguration("postfix.md", section: PostfixTests.lookupMaps)
        let postfix = try PostfixPeer("")
        defer { postfix.stop() }
        let site = try PeerSite(page, replacing: postfix.replacements)
        let command = try DocumentedConfiguration("postfix.md", section: "tcp_table").command("zroute serve ")
        try site.serve(
            command.replacing("127.0.0.1:10027", with: "127.0.0.1:0")
                + " --listen socketmap=unix:\(site.place.file("socketmap"))")
        let port = try #require(site.server?.output.split(separator: "\n").first?.split(separator: " ").last)
        let keys =
            PostfixTests.ways.map(\.address) + PostfixTests.refusals.map(\.address)
            + [
                "100%@catch.example", "\"tab\there\"@catch.example", "gr\u{fc}\u{df}e@catch.example",
                "elsewhere@far.example",
            ]
        for key in counted("keys of tcp_table", keys) {
            let tcp = try postfix.postmap(key, "tcp:[127.0.0.1]:\(port)")
            let socketmap = try postfix.postmap(key, "socketmap:unix:\(site.place.file("socketmap")):transport")
            #expect(
                tcp.output == socketmap.output && tcp.status == socketmap.status && tcp.errors == socketmap.errors,
                "\(key): \(tcp.text)\(tcp.errorText), not \(socketmap.text)\(socketmap.errorText)")
        }
    }

    /// Whether one of the routes of an address is to wait.
    private static func isDeferred(_ routes: [UInt8]) -> Bool {
        routes.starts(with: Array("hold!".utf8)) || routes.firstRange(of: Array(";hold!".utf8)) != nil
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
