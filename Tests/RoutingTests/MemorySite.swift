// A site whose maps stand in the test: relations of keys and values, no files.

import Configuration
import Maps
import Routing
import Site

/// Maps in memory, in the set-up of dbases.conf.sample.
struct MemorySite {
    /// The entries of a relation.
    typealias Entries = [String: [String: String]]

    /// Tables in memory that have entries from the start.
    private struct BackEnd: MapBackEnd {
        let types: [MapType] = [.incore]
        let entries: Entries

        func makeTables(for worker: MapWorker) -> any TableFactory { Factory(entries: entries) }

        func readEntries(of definition: MapDefinition, to reader: EntryConsumer) {
            for (key, value) in entries[definition.relation] ?? [:] {
                _ = reader.take(MapEntry(key: Array(key.utf8), value: Array(value.utf8)))
            }
        }
    }

    private struct Factory: TableFactory {
        let entries: Entries

        func makeTable(for definition: MapDefinition) -> any Table {
            let table = IncoreTable(name: definition.tableName)
            for (key, value) in entries[definition.relation] ?? [:] { table[Array(key.utf8)] = Array(value.utf8) }
            return table
        }
    }

    var entries: Entries
    var settings = ["hostname": "here.example"]
    var failing: Set<String> = []

    init(_ entries: Entries) { self.entries = entries }

    func makeResolver(trace: Trace? = nil) throws -> Resolver {
        let conf = """
            aliases incore - - - -lm
            fqdnaliases incore - - - -lm%
            fqdnroutes incore - - - -lm%:
            routesdb incore - - - -lm%:d pathalias
            thishost incore - - - -lm%d pathalias
            """
        let backEnds = MapBackEnds([BackEnd(entries: entries)])
        let site = Site(
            settings: try Settings.load(
                environmentFile: nil, standardFiles: [], overrides: settings.map { (name: $0, value: $1) }),
            databases: try DatabasesConf(
                Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: backEnds.types),
            failures: failing.map { MapFailure(relation: $0, key: nil) }, backEnds: backEnds)
        var surroundings = Site.Surroundings()
        surroundings.accounts = IncoreTable(name: TableName(relation: "accounts", backEnd: "incore", file: "-"))
        surroundings.clock = { 1_000 }
        return site.makeResolver(texts: TextTableLoader(), watch: nil, trace: trace, surroundings: surroundings)
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
