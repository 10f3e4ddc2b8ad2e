// What stands behind the fuzzed front: addresses whose routes are known beforehand, and the plan that serves them.

import Bytes
import Configuration
import Delivery
import Maps
import Routing
import Site

/// Who gets the mail of an address, as the front is to find out.
enum FuzzedRecipient: Int, CaseIterable {
    case firstOfA, secondOfA, firstOfB, onlyOfS, list, unknown, discarded, firstOfAAgain

    private var name: String {
        switch self {
        case .firstOfA: "a1"
        case .secondOfA: "a2"
        case .firstOfB: "b1"
        case .onlyOfS: "s1"
        case .list: "list"
        case .unknown: "none"
        case .discarded: "nothing"
        case .firstOfAAgain: "also-a1"
        }
    }

    var address: String { "\(name)@x.example" }

    /// How its store knows it; nil where no store is asked.
    var storeAddress: [UInt8]? {
        switch self {
        case .firstOfA, .firstOfAAgain: Array("a1@store".utf8)
        case .secondOfA: Array("a2@store".utf8)
        case .firstOfB: Array("b1@store".utf8)
        case .onlyOfS: Array("s1@store".utf8)
        case .list, .unknown, .discarded: nil
        }
    }
}

/// Routes in memory, asked once.
struct FuzzedFrontSite: Sendable {
    private struct Factory: TableFactory {
        func makeTable(for definition: MapDefinition) -> any Table {
            let table = IncoreTable(name: definition.tableName)
            for (key, value) in FuzzedFrontSite.entries[definition.relation] ?? [:] {
                table[Array(key.utf8)] = Array(value.utf8)
            }
            return table
        }
    }

    private static let entries = [
        "fqdnroutes": [
            "a1@x.example": "smtp-lmtp!a!a1@store", "also-a1@x.example": "smtp-lmtp!a!a1@store",
            "a2@x.example": "smtp-lmtp!a!a2@store", "b1@x.example": "smtp-lmtp!b!b1@store",
            "s1@x.example": "smtp!s!s1@store", "none@x.example": "error!nosuchuser!none",
            "nothing@x.example": "bitbucket!-", "@x.example": "hold!later",
        ],
        "fqdnaliases": ["list@x.example": "a1@x.example, b1@x.example"],
    ]

    let plan: DeliveryPlan
    private let known: [[UInt8]: Resolution]
    private let other: Resolution

    init() throws {
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
        var resolver = Resolver(
            rules: RoutingRules(), maps: RoutingMaps(MapSet(databases, tables: Factory()), accounts: accounts),
            clock: { 1_000 })
        var request = Resolver.Request()
        request.isSubmitted = true
        func resolve(_ address: String) -> Resolution {
            let bytes = Array(address.utf8)
            return resolver.resolve(bytes.span, request)
        }
        var known: [[UInt8]: Resolution] = [:]
        for recipient in FuzzedRecipient.allCases {
            known[Array(recipient.address.utf8)] = resolve(recipient.address)
        }
        self.known = known
        other = resolve("other@x.example")
        let clauses = [("smtp-lmtp/a", "-M "), ("smtp-lmtp/b", "-M "), ("smtp/s", "")].map { name, dialect in
            "\(name)\n maxthr=4\n command=\"smtp \(dialect)-x -F UNIX:/stores/\(name)\"\n"
        }.joined()
        plan = DeliveryPlan(
            .scheduler(try SchedulerConf(bytes: Array(clauses.utf8), file: "scheduler.conf")),
            settings: try Settings.load(standardFiles: [], overrides: [("hostname", "here.example")]))
    }

    /// Where an address leads.
    func resolve(_ address: [UInt8]) -> Resolution { known[address] ?? other }
}
