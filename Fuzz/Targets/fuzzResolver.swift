// The engine: the first lines of an input are entries of maps, the rest are addresses.

import Configuration
import MailAddress
import Maps
import Routing

/// Tables in memory, filled from the input.
private struct InputTables: TableFactory {
    let entries: [(relation: String, key: [UInt8], value: [UInt8])]

    func makeTable(for definition: MapDefinition) -> any Table {
        let table = IncoreTable(name: definition.tableName)
        for entry in entries where entry.relation == definition.relation { table[entry.key] = entry.value }
        return table
    }
}

func fuzzResolver(_ bytes: [UInt8]) {
    let conf = """
        aliases incore - - - -lm
        fqdnaliases incore - - - -lm%
        fqdnroutes incore - - - -lm%:
        routesdb incore - - - -lm%:d pathalias
        thishost incore - - - -lm%d pathalias
        """
    guard let databases = try? DatabasesConf(Array(conf.utf8), file: "/dbases.conf", variables: Variables()) else {
        preconditionFailure("the configuration of the target is not valid")
    }
    let names: [UInt8: String] = [
        UInt8(ascii: "a"): "aliases", UInt8(ascii: "f"): "fqdnaliases", UInt8(ascii: "r"): "fqdnroutes",
        UInt8(ascii: "d"): "routesdb", UInt8(ascii: "h"): "thishost",
    ]
    var entries: [(relation: String, key: [UInt8], value: [UInt8])] = []
    var addresses: [[UInt8]] = []
    for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 40) {
        if line.count > 2, let name = names[line[line.startIndex]], line[line.startIndex + 1] == UInt8(ascii: " "),
            let equals = line.firstIndex(of: UInt8(ascii: "="))
        {
            let key = line[(line.startIndex + 2)..<max(equals, line.startIndex + 2)]
            entries.append((name, Array(key), Array(line[(equals + 1)...])))
        } else {
            addresses.append(Array(line))
        }
    }
    var rules = RoutingRules()
    rules.hostname = Array("here.example".utf8)
    rules.atMyDomain = Array("@here.example".utf8)
    rules.expansionDepth = 20
    rules.expansionSize = 200
    let set = MapSet(databases, tables: InputTables(entries: entries))
    let maps = RoutingMaps(
        set, accounts: IncoreTable(name: name("accounts")), includes: IncoreTable(name: name("include")))
    var resolver = Resolver(rules: rules, maps: maps, clock: { 0 })
    for address in addresses {
        let resolution = resolver.resolve(address.span)
        precondition(!resolution.routes.isEmpty, "an address without any answer")
        precondition(resolution.routes.count <= 200)
        for index in resolution.routes.indices { _ = resolution.ancestors(ofRoute: index) }
    }
}

private func name(_ relation: String) -> TableName {
    TableName(relation: relation, backEnd: "incore", file: "-")
}
