// A site whose maps stand in the test: relations of keys and values, no files.

import Configuration
import Maps
import Routing
import Site

/// Maps in memory, in the set-up of dbases.conf.sample.
struct MemorySite {
    /// The entries of a relation.
    typealias Entries = [String: [String: String]]

    private struct Factory: TableFactory {
        let entries: Entries
        let trace: Trace?
        let failing: Set<String>

        func makeTable(for definition: MapDefinition) -> any Table {
            let memory = IncoreTable(name: definition.tableName)
            for (key, value) in entries[definition.relation] ?? [:] { memory[Array(key.utf8)] = Array(value.utf8) }
            var table: any Table = memory
            if failing.contains(definition.relation) { table = FailingTable(wrapping: table) }
            guard let trace else { return table }
            return TracingTable(wrapping: table) { trace.record(TraceEvent($0)) }
        }
    }

    var entries: Entries
    var rules = RoutingRules()
    var failing: Set<String> = []

    init(_ entries: Entries) {
        self.entries = entries
        rules.hostname = Array("here.example".utf8)
        rules.atMyDomain = Array("@here.example".utf8)
    }

    func makeResolver(trace: Trace? = nil) throws -> Resolver {
        let conf = """
            aliases incore - - - -lm
            fqdnaliases incore - - - -lm%
            fqdnroutes incore - - - -lm%:
            routesdb incore - - - -lm%:d pathalias
            thishost incore - - - -lm%d pathalias
            """
        let databases = try DatabasesConf(
            Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
        let set = MapSet(databases, tables: Factory(entries: entries, trace: trace, failing: failing))
        func table(_ relation: String) -> IncoreTable {
            IncoreTable(name: TableName(relation: relation, backEnd: "incore", file: "-"))
        }
        let maps = RoutingMaps(set, accounts: table("accounts"))
        return Resolver(rules: rules, maps: maps, trace: trace, clock: { 1_000 })
    }

    /// The routes of an address, as `channel!host!user`.
    func routes(_ address: String, _ request: Resolver.Request = Resolver.Request()) throws -> [String] {
        var resolver = try makeResolver()
        return resolver.resolve(Array(address.utf8).span, request).routes.map(\.text)
    }
}

extension Route {
    var text: String {
        [channel, host, user].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "!")
    }
}
