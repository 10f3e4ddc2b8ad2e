// Maps that answer, and slowly: a request whose lookups all end in time is answered in a time of its own all the same.

import Configuration
import Glibc
import LookupProtocols
import Maps
import Routing
import Serve
import Service
import Site
import Synchronization
import System
import Testing
import ZRouteTestKit

/// A table that takes its time, and counts.
private final class SlowTable: Table {
    private let table: any Table
    private let lookups: LookupTally

    init(wrapping table: any Table, _ lookups: LookupTally) { (self.table, self.lookups) = (table, lookups) }

    var name: TableName { table.name }
    var privilege: UInt32 { 0 }
    func refresh() -> Bool { false }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        lookups.count.add(1, ordering: .relaxed)
        usleep(2_000)
        return try table.lookUp(key, into: &value)
    }
}

private final class LookupTally: Sendable {
    let count = Atomic(0)
}

/// The chain over slow maps, with a list of a thousand addresses.
private final class SlowEngine: LookupAnswering {
    private struct Factory: TableFactory {
        let watch: CallWatch
        let lookups: LookupTally

        func makeTable(for definition: MapDefinition) -> any Table {
            let table = IncoreTable(name: definition.tableName)
            if definition.relation == "fqdnaliases" {
                let members = (0..<1_000).map { "member\($0)@d.example" }.joined(separator: ", ")
                table[Array("list@d.example".utf8)] = Array(members.utf8)
            }
            return WatchedTable(
                wrapping: SlowTable(wrapping: table, lookups),
                resource: WatchedResource(.file(definition.relation), watch: watch))
        }
    }

    private var resolver: Resolver

    init(_ watch: CallWatch, _ lookups: LookupTally) throws {
        let conf = """
            aliases incore - - - -lm
            fqdnaliases incore - - - -lm%
            fqdnroutes incore - - - -lm%:
            routesdb incore - - - -lm%:d pathalias
            thishost incore - - - -lm%d pathalias
            """
        let databases = try DatabasesConf(
            Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
        let accounts = IncoreTable(name: TableName(relation: "accounts", backEnd: "incore", file: "-"))
        let maps = MapSet(databases, tables: Factory(watch: watch, lookups: lookups))
        resolver = Resolver(rules: RoutingRules(), maps: RoutingMaps(maps, accounts: accounts), clock: { 1_000 })
    }

    func resolve(_ address: Span<UInt8>, _ request: Resolver.Request) -> Resolution {
        resolver.resolve(address, request)
    }

    func answer(_ map: ServedMap, _ key: Span<UInt8>, into reply: inout LookupReply) {
        let resolution = resolve(key, Resolver.Request())
        guard resolution.status == .deferred else { return reply.set(.found, "\(resolution.routes.count)") }
        reply.set(.failed, resolution.failure?.description ?? "no reason")
    }
}

@Suite struct SlowMapTests {
    /// A server of one worker, in which the lookups of a request have 300 ms together.
    private static func start(_ lookups: LookupTally) throws -> (server: LookupServer, place: TemporaryDirectory) {
        let place = try TemporaryDirectory()
        var limits = LookupServerLimits(workers: 1)
        limits.request = .milliseconds(300)
        let served = try #require(ServedProtocol.all.first { $0.name == "lines" })
        let server = try LookupServer(
            [
                LookupListener(
                    ListeningSocket.listen(at: [.unix(place.file("socket"))])[0], protocolName: "lines"
                ) { served.makeDialogue([]) }
            ],
            service: LookupService(
                maps: ServedMaps(relations: []), health: ResourceHealth(deadline: .seconds(20))
            ) { watch in
                guard let engine = try? SlowEngine(watch, lookups) else { preconditionFailure("no engine") }
                return engine
            }, limits: limits)
        return (server, place)
    }

    @Test func aRequestOfManyLookupsFailsInItsTimeAndHoldsUpNobody() throws {
        let lookups = LookupTally()
        let (server, place) = try Self.start(lookups)
        defer { server.finish(within: 0) }
        let asking = try (0..<3).map { _ in try LocalStream(path: place.file("socket")) }
        for client in asking { try client.write("route list@d.example\n") }
        // Whoever asks for one address meanwhile is answered, though there is one worker.
        let other = try LocalStream(path: place.file("socket"))
        try other.write("route one@d.example\n")
        #expect(try other.readLine() == "OK 1")
        for client in asking {
            let said = try client.readLine()
            #expect(said.hasPrefix("TEMP ") && said.contains("took all the time"), "\(said)")
        }
        // Without an end it would have been some thousand for each.
        let count = lookups.count.load(ordering: .relaxed)
        print("SlowMapTests: \(count) slow lookups before three requests were given up")
        #expect(count < 3_000)
        // What was slow is not taken for broken.
        try other.write("route two@d.example\n")
        #expect(try other.readLine() == "OK 1")
    }

    @Test func anAddressOfTheFrontIsDeferredInItsTime() throws {
        let (server, place) = try Self.start(LookupTally())
        defer { withExtendedLifetime(place) { server.finish(within: 0) } }
        let answers = Monitor<[Resolution]>([])
        for address in ["list@d.example", "one@d.example"] {
            server.resolve(Array(address.utf8), Resolver.Request()) { answer in answers.change { $0.append(answer) } }
        }
        let both = try #require(answers.wait(atMost: .seconds(60)) { $0.count == 2 ? $0 : nil })
        #expect(Set(both.map(\.status)) == [.deferred, .routed])
    }
}
