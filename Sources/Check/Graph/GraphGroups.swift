// Domains that go the same ways are one group: ten thousand of them make a picture of a few. Hosts beyond the largest are one
// as well.

import Bytes
import Routing

/// Domains that go the same ways.
struct DomainGroup {
    /// What the group is of.
    enum Kind: Int { case domains, rest, anyOther, unasked }

    var kind = Kind.domains
    /// The domains with their entries, those with most entries first.
    var domains: [(domain: GraphDomain, entries: Int)] = []
    /// How many domains there are.
    var count = 0
    var entries = 0
    /// Their ways, with how many entries go each.
    var ways: [GraphWay: Int] = [:]
    /// How many groups it is made of.
    var parts = 1
}

/// The domains of a site in groups.
struct GraphGroups {
    private(set) var groups: [DomainGroup] = []
    private(set) var domainCount = 0
    /// The hosts that are not shown one by one, by their channels.
    private(set) var hiddenHosts: [[UInt8]: Set<GraphHost>] = [:]
    private(set) var hiddenChannels = 0
    /// The channels with more hosts than are told apart.
    private(set) var uncounted: Set<[UInt8]> = []

    /// So many groups, hosts and channels are shown one by one.
    private static let groupLimit = 12, hostLimit = 16, channelLimit = 10

    /// - Parameter hostname: this host's name, which is ours whatever the maps say.
    init(_ survey: GraphSurvey, hostname: [UInt8]) {
        let survey = CompletedSurvey(survey, hostname: hostname).survey
        let flows = survey.flows
        let ways = shownWays(survey, flows)
        group(survey, flows, ways)
    }

    // MARK: Hosts and channels

    private mutating func shownWays(_ survey: GraphSurvey, _ flows: [GraphSurvey.Flow]) -> [GraphWay] {
        var totals: [GraphEnd: Int] = [:]
        var channels: [[UInt8]: Int] = [:]
        for flow in flows {
            guard case .route(let channel, _) = survey.ways[flow.way].end else { continue }
            totals[survey.ways[flow.way].end, default: 0] += flow.count
            channels[channel, default: 0] += flow.count
        }
        let shownChannels = Self.largest(channels, Self.channelLimit) { $0.lexicographicallyPrecedes($1) }
        hiddenChannels = channels.count - shownChannels.count
        let named = totals.filter { if case .route(_, .named) = $0.key { true } else { false } }
        var shownEnds = Self.largest(named, Self.hostLimit) { Self.precedes($0, $1) }
        let hidden = Dictionary(grouping: named.keys.filter { !shownEnds.contains($0) }, by: Self.channel)
        // One box for one or two would save nothing.
        for ends in hidden.values where ends.count <= 2 { shownEnds.formUnion(ends) }
        return survey.ways.map { way in
            guard case .route(let channel, let host) = way.end else {
                return GraphWay(step: way.step, map: way.map, end: way.end)
            }
            var end = way.end
            if host == .others { uncounted.insert(channel) }
            if !shownChannels.contains(channel) {
                end = .route(channel: [], host: .others)
            } else if case .named = host, !shownEnds.contains(way.end) {
                hiddenHosts[channel, default: []].insert(host)
                end = .route(channel: channel, host: .others)
            }
            return GraphWay(step: way.step, map: way.map, end: end)
        }
    }

    /// The keys with the largest numbers; all where leaving out a single one would save nothing.
    private static func largest<Key: Hashable>(
        _ counts: [Key: Int], _ limit: Int, _ precedes: (Key, Key) -> Bool
    ) -> Set<Key> {
        guard counts.count > limit + 1 else { return Set(counts.keys) }
        let sorted = counts.sorted { $0.value == $1.value ? precedes($0.key, $1.key) : $0.value > $1.value }
        return Set(sorted.prefix(limit).map(\.key))
    }

    private static func channel(_ end: GraphEnd) -> [UInt8] {
        if case .route(let channel, _) = end { channel } else { [] }
    }

    private static func precedes(_ one: GraphEnd, _ other: GraphEnd) -> Bool {
        guard case .route(let channel, .named(let host)) = one, case .route(let second, .named(let name)) = other
        else { return false }
        return channel == second
            ? host.lexicographicallyPrecedes(name) : channel.lexicographicallyPrecedes(second)
    }

    // MARK: Domains

    private mutating func group(_ survey: GraphSurvey, _ flows: [GraphSurvey.Flow], _ ways: [GraphWay]) {
        var numbers: [GraphWay: Int] = [:]
        var shown: [GraphWay] = []
        let numberOfWay = ways.map { way in
            if let number = numbers[way] { return number }
            numbers[way] = shown.count
            shown.append(way)
            return shown.count - 1
        }
        var found: [[Int]: DomainGroup] = [:]
        var anyOther = DomainGroup(kind: .anyOther)
        var unasked = DomainGroup(kind: .unasked)
        var start = 0
        while start < flows.count {
            let domain = survey.domains[flows[start].domain]
            var counts: [Int: Int] = [:]
            var end = start
            while end < flows.count, flows[end].domain == flows[start].domain {
                counts[numberOfWay[flows[end].way], default: 0] += flows[end].count
                end += 1
            }
            start = end
            let entries = counts.values.reduce(0, +)
            func add(to group: inout DomainGroup) {
                group.domains.append((domain, entries))
                group.count += 1
                group.entries += entries
                for (way, count) in counts { group.ways[shown[way], default: 0] += count }
            }
            switch domain {
            case .named: add(to: &found[counts.keys.sorted(), default: DomainGroup()])
            case .anyOther: add(to: &anyOther)
            case .none: add(to: &unasked)
            case .ours: break
            }
        }
        domainCount = found.values.reduce(0) { $0 + $1.count }
        var groups = found.values.map(Self.sorted)
        groups.sort { Self.precedes($0, $1) }
        if groups.count > Self.groupLimit + 1 {
            let rest = groups[Self.groupLimit...].reduce(into: DomainGroup(kind: .rest, parts: 0)) { $0.add($1) }
            groups = Array(groups[..<Self.groupLimit]) + [Self.sorted(rest)]
        }
        self.groups = groups + [anyOther] + (unasked.count > 0 ? [unasked] : [])
    }

    private static func sorted(_ group: DomainGroup) -> DomainGroup {
        var group = group
        group.domains.sort { $0.entries == $1.entries ? precedes($0.domain, $1.domain) : $0.entries > $1.entries }
        return group
    }

    private static func precedes(_ one: DomainGroup, _ other: DomainGroup) -> Bool {
        if one.entries != other.entries { return one.entries > other.entries }
        if one.count != other.count { return one.count > other.count }
        guard let first = one.domains.first, let second = other.domains.first else { return false }
        return precedes(first.domain, second.domain)
    }

    private static func precedes(_ one: GraphDomain, _ other: GraphDomain) -> Bool {
        guard case .named(let first) = one, case .named(let second) = other else { return false }
        return first.lexicographicallyPrecedes(second)
    }
}

extension DomainGroup {
    fileprivate mutating func add(_ other: DomainGroup) {
        domains += other.domains
        count += other.count
        entries += other.entries
        ways.merge(other.ways, uniquingKeysWith: +)
        parts += 1
    }
}

/// A survey with the ways that a domain's addresses go where no entry is for them alone: what becomes of users whom no map has.
private struct CompletedSurvey {
    var survey: GraphSurvey

    init(_ survey: GraphSurvey, hostname: [UInt8]) {
        self.survey = survey
        complete(hostname)
    }

    private mutating func complete(_ hostname: [UInt8]) {
        var (ours, routes, whole): (Set<Int>, [Int: [GraphWay]], Set<Int>) = ([], [:], [])
        var localNames: [(way: GraphWay, count: Int)] = []
        for flow in survey.flows {
            let way = survey.ways[flow.way]
            switch way.step {
            case .thisHost: ours.insert(flow.domain)
            case .domainRoute: routes[flow.domain, default: []].append(way)
            case .wholeDomain: whole.insert(flow.domain)
            case .localPart: localNames.append((way, flow.count))
            default: break
            }
        }
        let known = survey.domains
        let own = GraphDomain.named(hostname)
        survey.add(own, GraphWay(step: .thisHost, map: nil, end: .ours), 0)
        let user = GraphWay(step: .localPart, map: nil, end: .route(channel: Array("local".utf8), host: .byAddress))
        let otherwise = GraphWay(
            step: .defaultRoute, map: nil, end: .route(channel: Array("smtp".utf8), host: .byAddress))
        // Names without a domain belong to all domains of ours; they are counted once.
        for (way, count) in localNames + [(user, 0)] { survey.add(own, way, count) }
        let routed = Set(routes.keys)
        for (index, domain) in known.enumerated() where domain != own && !whole.contains(index) {
            guard case .named(let name) = domain else { continue }
            if let place = nearest(name, index, ours) {
                // What the domain's own entry says is counted already.
                if place != index { survey.add(domain, GraphWay(step: .thisHost, map: nil, end: .ours), 0) }
                for (way, _) in localNames + [(user, 0)] { survey.add(domain, way, 0) }
            } else {
                let place = nearest(name, index, routed)
                let ways = place.flatMap { routes[$0] } ?? [otherwise]
                for way in ways where place != index { survey.add(domain, way, 0) }
            }
        }
        let defaults = survey.known(.anyOther).flatMap { routes[$0] } ?? []
        if defaults.isEmpty { survey.add(.anyOther, otherwise, 0) }
    }

    /// The entry that a domain is found by, as the driver `pathalias` searches: itself, then what it ends in, then the default.
    private func nearest(_ name: [UInt8], _ index: Int, _ entries: Set<Int>) -> Int? {
        if entries.isEmpty { return nil }
        if entries.contains(index) { return index }
        var rest = name[...]
        if rest.first != UInt8(ascii: ".") {
            if let found = survey.known(.named([UInt8(ascii: ".")] + rest)), entries.contains(found) { return found }
        }
        while let dot = rest.dropFirst().firstIndex(of: UInt8(ascii: ".")) {
            rest = rest[dot...]
            if let found = survey.known(.named(Array(rest))), entries.contains(found) { return found }
        }
        return survey.known(.anyOther).flatMap { entries.contains($0) ? $0 : nil }
    }
}
