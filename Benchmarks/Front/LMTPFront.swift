// What does the LMTP front cost? Everything goes to one store, and where the usual address leads is known at once.
//
// lmtp-front ENDPOINT STORE [THREADS]: listens at the endpoint until standard input ends; the store is a path, or HOST:PORT.

import Configuration
import Delivery
import Glibc
import Maps
import Routing
import Serve
import Service
import Site
import Synchronization

/// A site in memory with one address, and mailboxes for all others of their domain.
struct OneAddress: TableFactory {
    let address: String

    func makeTable(for definition: MapDefinition) -> any Table {
        let table = IncoreTable(name: definition.tableName)
        if definition.relation == "fqdnroutes" {
            table[Array(address.utf8)] = Array("smtp-lmtp!store!\(address)".utf8)
            table[Array("@example.net".utf8)] = Array("smtp-lmtp!store!%1@example.net".utf8)
        }
        return table
    }

    func makeResolver() throws -> Resolver {
        let databases = try DatabasesConf(
            Array("fqdnroutes incore - - - -lm\n".utf8), file: "dbases.conf", variables: Variables(),
            types: MapBackEnds.all.types)
        let accounts = IncoreTable(name: TableName(relation: "accounts", backEnd: "incore", file: "-"))
        return Resolver(
            rules: RoutingRules(), maps: RoutingMaps(MapSet(databases, tables: self), accounts: accounts))
    }
}

/// The front between a load and a sink.
@main
struct LMTPFront {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let endpoint = ListeningEndpoint(arguments[1]),
            let store = Endpoint(arguments[2])
        else {
            print("usage: lmtp-front ENDPOINT STORE [THREADS]")
            exit(64)
        }
        var parameters = SchedulerParameters()
        parameters.maximumPerEndpoint = 100
        let plan = DeliveryPlan(
            .single(store, options: "", parameters: parameters),
            settings: try Settings.load(standardFiles: [], overrides: [("hostname", "front.example.org")]))
        let usual = Array("recipient@example.net".utf8)
        var first = try OneAddress(address: "recipient@example.net").makeResolver()
        let resolution = first.resolve(usual.span)
        let resolver = Mutex(try OneAddress(address: "recipient@example.net").makeResolver())
        let server = try FrontServer(
            sockets: ListeningSocket.listen(at: [endpoint]), plan: plan,
            settings: FrontSettings(host: "front.example.org"), spool: nil,
            threads: arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1,
            resolve: { address, _, completion in
                guard address != usual else { return completion(resolution) }
                completion(resolver.withLock { $0.resolve(address.span) })
            }, report: { print($0) })
        while readLine() != nil {}
        server.finish(within: 10)
    }
}
