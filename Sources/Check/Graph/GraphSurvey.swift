// Reads all entries of a site's maps once, and counts what leads where: by domain, step of the chain, map, and where the value
// leads. What is kept grows with the domains and hosts of a site, and not with its users.

import Bytes
import Maps
import Routing
import Site

/// Which domain an entry is about.
enum GraphDomain: Hashable, Sendable {
    /// This one, as its key has it; with a dot before it where those below it are meant.
    case named([UInt8])
    /// Whatever domain has no entry of its own.
    case anyOther
    /// Every domain that is this host: names without a domain belong to them all.
    case ours
    /// None: no address ever asks for the key.
    case none
}

/// Which host a route has.
enum GraphHost: Hashable, Sendable {
    /// This one.
    case named([UInt8])
    /// One that the address decides.
    case byAddress
    /// One of those that are not shown one by one.
    case others
}

/// Where the value of an entry leads.
enum GraphEnd: Hashable, Sendable {
    /// To a route.
    case route(channel: [UInt8], host: GraphHost)
    /// To addresses, which are routed in their turn.
    case addresses
    /// To this host: the domain is ours.
    case ours
    /// Nowhere: the value is no route.
    case noRoute
}

/// One way through the site: which step asks which map, and where its entries lead.
struct GraphWay: Hashable, Sendable {
    /// The step of the chain.
    let step: StepName
    /// The index of the map among those of dbases.conf; nil where no map has to be asked.
    let map: Int?
    /// Where it leads.
    let end: GraphEnd
}

/// The smallest of many byte strings: which ones it keeps does not depend on the order in which a map is read.
struct SmallestTexts: Sendable {
    private(set) var all: [(key: [UInt8], value: [UInt8])] = []
    let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func add(_ key: [UInt8], _ value: [UInt8]) {
        if all.count == limit, let last = all.last, !key.lexicographicallyPrecedes(last.key) { return }
        let place = all.firstIndex { key.lexicographicallyPrecedes($0.key) } ?? all.count
        all.insert((key, value), at: place)
        if all.count > limit { all.removeLast() }
    }
}

/// What the entries of one map come to.
struct MapTally: Sendable {
    /// How many it has; those that were read before it failed.
    var entries = 0
    /// How many of them are for `@domain`.
    var wholeDomains = 0
    /// Why it could not be read to its end.
    var failure: MapError?
    /// Some entries by each step that asks for them.
    var examples: [StepName: SmallestTexts] = [:]
}

/// What all entries of a site come to.
struct GraphSurvey: Sendable {
    /// A count of the entries of one domain that go one way.
    struct Flow: Sendable {
        let domain: Int, way: Int
        var count: Int
    }

    /// The maps, in the order of dbases.conf.
    let definitions: [MapDefinition]
    /// What each of them has.
    private(set) var tallies: [MapTally]
    /// The domains, in the order in which they turned up.
    private(set) var domains: [GraphDomain] = []
    /// The ways, in the order in which they turned up.
    private(set) var ways: [GraphWay] = []
    private var domainIndex: [GraphDomain: Int] = [:]
    private var wayIndex: [GraphWay: Int] = [:]
    private var counts: [UInt64: Int] = [:]
    private var hosts: [[UInt8]: Set<GraphHost>] = [:]

    /// So many hosts of one channel are told apart; a site whose every domain has a host of its own has more.
    private static let hostLimit = 4096
    /// So many channels are told apart.
    private static let channelLimit = 256
    private static let exampleLimit = 3

    /// Reads all maps of a site; one that cannot be read is noted as failing.
    init(_ site: Site) {
        definitions = site.databases.definitions.filter { $0.type != .none }
        tallies = definitions.map { _ in MapTally() }
        for index in definitions.indices { read(index, of: site) }
    }

    private mutating func read(_ index: Int, of site: Site) {
        let definition = definitions[index]
        let relation = RelationName(rawValue: definition.relation)
        guard site.listsEntries(of: definition) else { return }
        do throws(MapError) {
            try site.readEntries(of: definition) { batch in
                tallies[index].entries += batch.count
                if let relation {
                    for entry in batch { add(entry, relation, definition, index) }
                }
                return true
            }
        } catch {
            tallies[index].failure = error
        }
    }

    private mutating func add(
        _ entry: MapEntry, _ relation: RelationName, _ definition: MapDefinition, _ map: Int
    ) {
        let step: StepName
        let domain: GraphDomain
        switch relation {
        case .fqdnaliases, .fqdnroutes:
            let at = entry.key.lastIndex(of: UInt8(ascii: "@"))
            step = at == 0 ? .wholeDomain : .exactAddress
            if at == 0 { tallies[map].wholeDomains += 1 }
            domain = at.map { .named(Array(entry.key[($0 + 1)...])) } ?? .none
        case .routesdb, .thishost:
            step = relation == .routesdb ? .domainRoute : .thisHost
            let isDefault = entry.key == Array(".".utf8) || entry.key.starts(with: ".:".utf8)
            domain = isDefault ? .anyOther : .named(entry.key)
        case .aliases:
            step = .localPart
            domain = .ours
        case .accounts, .include:
            return
        }
        tallies[map].examples[step, default: SmallestTexts(limit: Self.exampleLimit)].add(entry.key, entry.value)
        let end = bounded(Self.end(of: entry.value, relation, substitutes: definition.flags.substitutes))
        add(domain, GraphWay(step: step, map: map, end: end), 1)
    }

    /// Adds to the count of a domain's entries that go one way; a count of 0 says that they may.
    mutating func add(_ domain: GraphDomain, _ way: GraphWay, _ count: Int) {
        let number: Int
        if let known = wayIndex[way] {
            number = known
        } else {
            number = ways.count
            ways.append(way)
            wayIndex[way] = number
        }
        let key = UInt64(index(of: domain)) << 32 | UInt64(number)
        counts[key, default: 0] += count
    }

    private mutating func index(of domain: GraphDomain) -> Int {
        if let known = domainIndex[domain] { return known }
        domainIndex[domain] = domains.count
        domains.append(domain)
        return domains.count - 1
    }

    /// The index of a domain that has entries.
    func known(_ domain: GraphDomain) -> Int? { domainIndex[domain] }

    /// All flows, those of one domain together.
    var flows: [Flow] {
        counts.keys.sorted().map { key in
            Flow(domain: Int(key >> 32), way: Int(key & 0xFFFF_FFFF), count: counts[key] ?? 0)
        }
    }

    /// The same end, or one that stands for many where there are too many.
    private mutating func bounded(_ end: GraphEnd) -> GraphEnd {
        guard case .route(let channel, let host) = end else { return end }
        if hosts[channel]?.contains(host) == true { return end }
        guard hosts[channel] != nil || hosts.count < Self.channelLimit else {
            return .route(channel: [], host: .others)
        }
        guard hosts[channel, default: []].count < Self.hostLimit else { return .route(channel: channel, host: .others) }
        hosts[channel, default: []].insert(host)
        return end
    }

    /// Where a value leads.
    private static func end(of value: [UInt8], _ relation: RelationName, substitutes: Bool) -> GraphEnd {
        switch relation {
        case .thishost: return .ours
        case .aliases, .fqdnaliases:
            let first = value.first == UInt8(ascii: "\"") ? value.dropFirst().first : value.first
            let isLocalForm = first == UInt8(ascii: "|") || first == UInt8(ascii: "/")
            return isLocalForm ? .route(channel: Array("local".utf8), host: .byAddress) : .addresses
        default:
            break
        }
        guard let hop = RouteHop(value: value.span, relation: relation, substitutes: substitutes) else {
            let isAnew = relation == .routesdb && value.firstRange(of: "!!".utf8)?.lowerBound ?? 0 > 0
            return isAnew ? .addresses : .noRoute
        }
        if hop.channel.elementsEqual("error".utf8) {
            let code = value.dropFirst(6).prefix { $0 != UInt8(ascii: "!") }
            return .route(channel: hop.channel, host: .named(Array(code)))
        }
        return .route(channel: hop.channel, host: hop.host.map { .named($0) } ?? .byAddress)
    }
}
