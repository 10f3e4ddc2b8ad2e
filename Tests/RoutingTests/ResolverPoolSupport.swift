// Work for a pool of engines, and a map that never answers.

import BerkeleyDB
import Configuration
import Dispatch
import Maps
import Routing
import Site
import Testing
import ZRouteTestKit

/// A table that never answers for one key.
final class StuckTable: Table {
    let name: TableName
    let privilege: UInt32 = 0
    private let table: any Table
    private let key: [UInt8]

    init(wrapping table: any Table, key: String) {
        name = table.name
        self.table = table
        self.key = Array(key.utf8)
    }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if key.count == self.key.count, self.key.indices.allSatisfy({ key[$0] == self.key[$0] }) {
            // Of its own, and never signalled: the thread is lost for good, as one inside the library is.
            DispatchSemaphore(value: 0).wait()
        }
        return try table.lookUp(key, into: &value)
    }

    func refresh() -> Bool { table.refresh() }
}

/// Berkeley DB, with a relation that never answers for one key.
private struct StuckBackEnd: MapBackEnd {
    let relation: String
    let key: String
    /// The environment that it is taken for.
    let home: String
    private let base = BerkeleyDBBackEnd()

    init(relation: String, key: String, home: String) {
        (self.relation, self.key, self.home) = (relation, key, home)
    }

    var types: [MapType] { base.types }

    func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        try base.readEntries(of: definition, to: reader)
    }

    func makeTables(for worker: MapWorker) -> any TableFactory {
        base.makeTables(for: worker).wrapping { definition, table in
            guard definition.relation == relation, let watch = worker.watch else { return table }
            return WatchedTable(
                wrapping: StuckTable(wrapping: table, key: key),
                resource: WatchedResource(.environment(home: home), watch: watch))
        }
    }
}

/// What the tests let a pool make of a batch: a line an address.
typealias Lines = [String]

/// Work over the maps of a dbases.conf.
///
/// - Parameter stuck: a relation, and the key at which it never answers.
func work(
    _ databases: DatabasesConf, stuck: (relation: String, key: String)? = nil, home: String = "/nowhere"
) -> ResolverPool<Lines>.Work {
    ResolverPool.Work(
        makeResolver: resolver(databases, stuck: stuck, home: home),
        emptyProduct: { _ in [] },
        report: { address, resolution, _, lines in
            let routes = resolution.routes.map { route in
                [route.channel, route.host, route.user].map { String(decoding: $0, as: UTF8.self) }
                    .joined(separator: "!")
            }
            let reason = resolution.failure.map { " \($0)" } ?? ""
            lines.append("\(text(address)) \(routes.joined(separator: ";"))\(reason)")
        })
}

/// What makes the engines of a pool over the maps of a dbases.conf.
func resolver(
    _ databases: DatabasesConf, stuck: (relation: String, key: String)? = nil, home: String = "/nowhere"
) -> @Sendable (CallWatch) -> Resolver {
    let backEnds = stuck.map { MapBackEnds([StuckBackEnd(relation: $0.relation, key: $0.key, home: home)]) } ?? .all
    let site = Site(
        settings: Settings.read(
            environmentFile: nil, standardFiles: [], overrides: [(name: "hostname", value: "here.example")]),
        databases: databases, backEnds: backEnds)
    return { watch in site.makeResolver(texts: TextTableLoader(), watch: watch) }
}

/// The results of the oldest batch in flight.
func takeNext<Product>(_ pool: inout ResolverPool<Product>) throws -> Product {
    let product = pool.next()
    return try #require(product)
}

/// The bytes of a span as text.
func text(_ bytes: Span<UInt8>) -> String {
    String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
}

/// Addresses as a batch.
func batch(_ addresses: some Sequence<String>) -> AddressBatch {
    AddressBatch(addresses.map { Array($0.utf8) })
}
