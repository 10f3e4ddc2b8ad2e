// What does the LMTP front cost? Everything goes to one store, and where an address leads is known at once.
//
// lmtp-front ENDPOINT STORE [THREADS]: listens at the endpoint until standard input ends.

import Configuration
import Delivery
import Glibc
import Maps
import Routing
import Serve
import Service
import Site

/// A site with one address in memory.
struct OneAddress: TableFactory {
    let address: String

    func makeTable(for definition: MapDefinition) -> any Table {
        let table = IncoreTable(name: definition.tableName)
        if definition.relation == "fqdnroutes" { table[Array(address.utf8)] = Array("smtp-lmtp!store!\(address)".utf8) }
        return table
    }

    func resolution() throws -> Resolution {
        let databases = try DatabasesConf(
            Array("fqdnroutes incore - - - -lm\n".utf8), file: "dbases.conf", variables: Variables(),
            types: MapBackEnds.all.types)
        let accounts = IncoreTable(name: TableName(relation: "accounts", backEnd: "incore", file: "-"))
        var resolver = Resolver(
            rules: RoutingRules(), maps: RoutingMaps(MapSet(databases, tables: self), accounts: accounts))
        return resolver.resolve(Array(address.utf8).span)
    }
}

/// The front between a load and a sink.
@main
struct LMTPFront {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let endpoint = ListeningEndpoint(arguments[1]) else {
            print("usage: lmtp-front ENDPOINT STORE [THREADS]")
            exit(64)
        }
        var parameters = SchedulerParameters()
        parameters.maximumPerEndpoint = 100
        let plan = DeliveryPlan(
            .single(.unix(path: arguments[2]), options: "", parameters: parameters),
            settings: try Settings.load(standardFiles: [], overrides: [("hostname", "front.example.org")]))
        let resolution = try OneAddress(address: "recipient@example.net").resolution()
        let server = try FrontServer(
            sockets: ListeningSocket.listen(at: [endpoint]), plan: plan,
            settings: FrontSettings(host: "front.example.org"), spool: nil,
            threads: arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1,
            resolve: { _, _, completion in completion(resolution) }, report: { print($0) })
        while readLine() != nil {}
        server.finish(within: 10)
    }
}
