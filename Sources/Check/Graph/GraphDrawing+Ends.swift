// The right half of a picture: channels, hosts, and the servers that scheduler.conf has for them; and where findings stand.

import Bytes
import Configuration
import Delivery
import Maps
import Routing

extension GraphDrawing {
    /// So many servers are shown for all hosts that are not shown one by one.
    private static let hiddenServers = 3

    /// The nodes from the channel on: one list for each server that a host leads to.
    mutating func ends(_ end: GraphEnd) -> [[Int]] {
        switch end {
        case .ours:
            return [[]]
        case .addresses:
            let made = SiteGraph.Node(
                identity: .anew, column: .channels, tone: .alias, title: "other addresses",
                lines: ["routed in their turn"])
            return [[node(made)]]
        case .noRoute:
            let made = SiteGraph.Node(
                identity: .noRoute, column: .channels, tone: .fails, title: "no route", lines: ["passed over"])
            return [[node(made)]]
        case .route(let name, let host):
            guard !name.isEmpty else {
                let count = groups.hiddenChannels
                let made = SiteGraph.Node(
                    identity: .channel(nil), column: .channels, tone: .idle,
                    title: count > 0 ? count.of("more channel", "more channels") : "more channels")
                return [[node(made)]]
            }
            let channel = channel(name)
            let place = self.host(host, of: name)
            let servers = servers(host, of: name)
            return servers.isEmpty ? [[channel, place]] : servers.map { [channel, place, $0] }
        }
    }

    mutating func channel(_ name: [UInt8]) -> Int {
        let tone: SiteGraph.Tone =
            switch String(decoding: name, as: UTF8.self) {
            case "error": .refuses
            case "hold": .waits
            default: .delivers
            }
        return node(
            SiteGraph.Node(
                identity: .channel(name), column: .channels, tone: tone,
                title: VisibleText.of(name, limit: Self.longestTitle)))
    }

    private mutating func host(_ host: GraphHost, of channel: [UInt8]) -> Int {
        let tone = graph.nodes[self.channel(channel)].tone
        let identity: SiteGraph.Identity
        let title: String
        switch host {
        case .named(let name):
            identity = .host(channel: channel, name: name)
            title = VisibleText.of(name, limit: Self.longestTitle)
        case .byAddress:
            identity = .host(channel: channel, name: nil)
            title = channel.starts(with: "smtp".utf8) ? "the address's domain" : "as the address says"
        case .others:
            let count = groups.hiddenHosts[channel]?.count ?? 0
            identity = .otherHosts(channel: channel)
            title = (groups.uncounted.contains(channel) ? "over " : "") + count.of("more host", "more hosts")
        }
        return node(SiteGraph.Node(identity: identity, column: .hosts, tone: tone, title: title))
    }

    // MARK: Servers

    private mutating func servers(_ host: GraphHost, of channel: [UInt8]) -> [Int] {
        guard let plan, !channel.elementsEqual("error".utf8), !channel.elementsEqual("hold".utf8) else { return [] }
        switch host {
        case .named(let name):
            return [server(plan.statedNextHop(channel: channel, host: name), of: channel)]
        case .byAddress:
            return [server(plan.statedNextHop(channel: channel, host: Array(Self.anyHost.utf8)), of: channel)]
        case .others:
            var hops: Set<NextHop> = []
            for case .named(let name) in groups.hiddenHosts[channel] ?? [] {
                hops.insert(plan.statedNextHop(channel: channel, host: name))
                guard hops.count <= Self.hiddenServers else { return [manyServers()] }
            }
            return hops.sorted { "\($0)" < "\($1)" }.map { server($0, of: channel) }
        }
    }

    /// A host that no address has, which stands for any.
    private static let anyHost = "host.invalid"

    private mutating func server(_ hop: NextHop, of channel: [UInt8]) -> Int {
        var made: SiteGraph.Node
        switch hop {
        case .lmtp(let endpoint), .smtp(let endpoint):
            var title = "\(endpoint)"
            if case .tcp(Self.anyHost, let port) = endpoint { title = "that host, port \(port)" }
            made = SiteGraph.Node(
                identity: .server(title), column: .servers, tone: .delivers,
                title: VisibleText.of(title.utf8, limit: Self.longestTitle))
            if case .lmtp = hop { made.lines = ["LMTP"] } else { made.lines = ["SMTP"] }
            made.details = [VisibleText.of(title.utf8)]
        case .exchanger:
            made = SiteGraph.Node(
                identity: .server("MX"), column: .servers, tone: .waits, title: "by MX records",
                lines: ["another mailer's to do"])
        case .none(let reason):
            made = SiteGraph.Node(
                identity: .server(reason), column: .servers, tone: .fails, title: "no server",
                lines: [VisibleText.of(reason.utf8, limit: 44)])
            made.details = ["channel \(VisibleText.of(channel)): \(VisibleText.of(reason.utf8))"]
            made.findings = ["mail stays queued: \(VisibleText.of(reason.utf8))"]
            made.errors = 1
        }
        return node(made)
    }

    private mutating func manyServers() -> Int {
        node(SiteGraph.Node(identity: .server("many"), column: .servers, tone: .delivers, title: "several servers"))
    }

    // MARK: Findings

    /// So many findings stand at one node.
    private static let findingLimit = 8

    /// Adds what was found to the maps that it is about; the rest stands with the site alone.
    mutating func placeFindings() {
        for finding in report.findings {
            for place in maps(in: finding.file, line: finding.line) {
                add(1, finding.severity, to: place)
                guard graph.nodes[place].findings.count < Self.findingLimit else { continue }
                graph.nodes[place].findings.append(VisibleText.of(finding.description.utf8))
            }
        }
        for rest in report.remainders {
            for place in maps(in: rest.file, line: nil) { add(rest.count, rest.severity, to: place) }
        }
    }

    /// The nodes of the maps that a file belongs to, or that a line of dbases.conf defines.
    private func maps(in file: String, line: Int?) -> [Int] {
        survey.definitions.indices.filter { index in
            let definition = survey.definitions[index]
            let files = [definition.path, definition.tablePath, definition.source?.path].compactMap { $0 }
            return files.contains(file) || line != nil && file == definition.file && line == definition.line
        }.map { maps[$0] }
    }

    private mutating func add(_ count: Int, _ severity: Finding.Severity, to place: Int) {
        if severity == .error { graph.nodes[place].errors += count } else { graph.nodes[place].warnings += count }
    }
}

/// Addresses that show each kind of key that a site has.
struct GraphSamples {
    private(set) var addresses: [[UInt8]] = []
    /// So many addresses at most: each map of a large site has some.
    private static let limit = 24

    init(_ survey: GraphSurvey, hostname: [UInt8]) {
        let anybody = Array("anybody".utf8)
        for (definition, tally) in zip(survey.definitions, survey.tallies) {
            let isRoute = definition.relation == RelationName.fqdnroutes.rawValue
            for (key, _) in tally.examples[.exactAddress]?.all.prefix(2) ?? [] { add(key) }
            if isRoute, let key = tally.examples[.exactAddress]?.all.first?.key { addTailed(key) }
            if let key = tally.examples[.wholeDomain]?.all.first?.key { add(anybody + key) }
            if let key = tally.examples[.localPart]?.all.first?.key { add(key + [UInt8(ascii: "@")] + hostname) }
            for step in [StepName.thisHost, .domainRoute] {
                for (key, _) in tally.examples[step]?.all ?? [] { add(anybody + Self.domain(key)) }
            }
        }
        add(Array("anybody@elsewhere.example".utf8))
    }

    private static func domain(_ key: [UInt8]) -> [UInt8] {
        guard key.first == UInt8(ascii: ".") else { return [UInt8(ascii: "@")] + key }
        let isDefault = key.count == 1 || key[1] == UInt8(ascii: ":")
        return isDefault ? Array("@elsewhere.example".utf8) : Array("@any".utf8) + key
    }

    private mutating func addTailed(_ key: [UInt8]) {
        guard let at = key.lastIndex(of: UInt8(ascii: "@")), !key[..<at].contains(UInt8(ascii: "+")) else { return }
        add(Array(key[..<at]) + Array("+tail".utf8) + Array(key[at...]))
    }

    private mutating func add(_ address: [UInt8]) {
        guard addresses.count < Self.limit, !addresses.contains(address) else { return }
        addresses.append(address)
    }
}
