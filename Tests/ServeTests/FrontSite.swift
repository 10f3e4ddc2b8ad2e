// A site for tests of the LMTP front: addresses in memory, and stores by the host of their routes.

import Configuration
import Delivery
import Maps
import Routing
import Site

/// Routes in memory, and the plan that serves them.
struct FrontSite {
    private struct Factory: TableFactory {
        let entries: [String: [String: String]]
        let failing: Set<String>

        func makeTable(for definition: MapDefinition) -> any Table {
            let memory = IncoreTable(name: definition.tableName)
            for (key, value) in entries[definition.relation] ?? [:] { memory[Array(key.utf8)] = Array(value.utf8) }
            return failing.contains(definition.relation) ? FailingTable(wrapping: memory) : memory
        }
    }

    /// `a1`, `a2` and so on are of store a, `b1` of store b; the others are what their names say.
    static let usual: [String: [String: String]] = [
        "fqdnroutes": [
            "a1@x.example": "smtp-lmtp!a!a1@store", "a2@x.example": "smtp-lmtp!a!a2@store",
            "a3@x.example": "smtp-lmtp!a!a3@store", "also-a1@x.example": "smtp-lmtp!a!a1@store",
            "b1@x.example": "smtp-lmtp!b!b1@store", "b2@x.example": "smtp-lmtp!b!b2@store",
            "capital@x.example": "smtp-lmtp!a!Capital@STORE", "utf8@x.example": "smtp-lmtp!a!jos\u{E9}@store",
            "s1@x.example": "smtp!s!s1@store",
            "none@x.example": "error!nosuchuser!no such user here", "later@x.example": "hold!later",
            "nothing@x.example": "bitbucket!-", "elsewhere@x.example": "smtp!elsewhere",
        ],
        "fqdnaliases": ["list@x.example": "a1@x.example, b1@x.example"],
    ]

    var entries = FrontSite.usual
    var failing: Set<String> = []
    /// Where the stores are, by host.
    var stores: [String: String] = ["a": "/stores/a", "b": "/stores/b", "s": "/stores/s"]
    /// Options of the smtp command for all of them.
    var options = ""

    func resolve(_ address: [UInt8], _ request: Resolver.Request) throws -> Resolution {
        let conf = """
            aliases incore - - - -lm
            fqdnaliases incore - - - -lm%
            fqdnroutes incore - - - -lm%:
            routesdb incore - - - -lm%:d pathalias
            thishost incore - - - -lm%d pathalias
            """
        let databases = try DatabasesConf(
            Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
        let set = MapSet(databases, tables: Factory(entries: entries, failing: failing))
        let accounts = IncoreTable(name: TableName(relation: "accounts", backEnd: "incore", file: "-"))
        var rules = RoutingRules()
        rules.hostname = Array("here.example".utf8)
        rules.atMyDomain = Array("@here.example".utf8)
        var resolver = Resolver(rules: rules, maps: RoutingMaps(set, accounts: accounts), clock: { 1_000 })
        return resolver.resolve(address.span, request)
    }

    /// The stores of channel smtp-lmtp speak LMTP, that of channel smtp SMTP.
    func plan() throws -> DeliveryPlan {
        var clauses = ""
        for (host, path) in stores.sorted(by: { $0.key < $1.key }) {
            let (channel, dialect) = host == "s" ? ("smtp", "") : ("smtp-lmtp", "-M ")
            clauses += "\(channel)/\(host)\n maxthr=4\n command=\"smtp \(dialect)-x -F UNIX:\(path) \(options)\"\n"
        }
        let settings = try Settings.load(standardFiles: [], overrides: [("hostname", "here.example")])
        return DeliveryPlan(
            .scheduler(try SchedulerConf(bytes: Array(clauses.utf8), file: "scheduler.conf")), settings: settings)
    }
}
