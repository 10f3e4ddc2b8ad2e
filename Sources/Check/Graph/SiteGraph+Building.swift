// How a site becomes a picture: its entries are surveyed, its domains grouped, and each way of a group is drawn from its step
// to its server.

import Bytes
import Configuration
package import Delivery
import Maps
import Routing
package import Site

extension SiteGraph {
    /// Reads all maps of a site, and draws what they say together.
    ///
    /// - Parameters:
    ///   - plan: where mail goes; nil for a site without scheduler.conf, whose picture ends at the hosts.
    ///   - report: what is known to be wrong with it.
    package init(_ site: Site, plan: DeliveryPlan?, report: CheckReport) {
        var drawing = GraphDrawing(site, plan, report)
        drawing.draw()
        self = drawing.graph
    }
}

/// A picture while it is made.
struct GraphDrawing {
    var graph: SiteGraph
    let site: Site
    let plan: DeliveryPlan?
    let survey: GraphSurvey
    let groups: GraphGroups
    let report: CheckReport
    private(set) var places: [SiteGraph.Identity: Int] = [:]
    private var edges: [Int: Int] = [:]
    private(set) var maps: [Int] = []

    /// The order in which the chain goes on.
    private static let steps: [(name: StepName, lines: [String])] = [
        (.exactAddress, ["user+tail@domain"]), (.baseAddress, ["user@domain"]), (.wholeDomain, ["@domain"]),
        (.thisHost, ["is the domain ours?"]), (.localPart, ["ours: the name alone"]),
        (.domainRoute, ["not ours: the domain"]), (.defaultRoute, ["by SMTP to the domain"]),
    ]
    /// So many names of domains are kept, for whoever looks for his.
    private static let nameLimit = 20_000
    static let longestTitle = 32

    init(_ site: Site, _ plan: DeliveryPlan?, _ report: CheckReport) {
        self.report = report
        self.site = site
        self.plan = plan
        survey = GraphSurvey(site)
        groups = GraphGroups(survey, hostname: site.settings.hostnameBytes)
        graph = SiteGraph(name: VisibleText.of(site.settings.hostname.utf8), report: report)
    }

    mutating func draw() {
        graph.entryCount = survey.tallies.reduce(0) { $0 + $1.entries }
        graph.domainCount = groups.domainCount
        graph.failures = survey.tallies.compactMap(\.failure)
        graph.samples = GraphSamples(survey, hostname: site.settings.hostnameBytes).addresses
        for index in groups.groups.indices { addGroup(index) }
        addSteps()
        for index in survey.definitions.indices { addMap(index) }
        addWaysOfMaps()
        for (index, group) in groups.groups.enumerated() { addWays(of: group, index) }
        addBuiltInEnds()
        countEnds()
        placeFindings()
    }

    // MARK: Nodes

    mutating func node(_ node: SiteGraph.Node) -> Int {
        if let place = places[node.identity] { return place }
        places[node.identity] = graph.nodes.count
        graph.nodes.append(node)
        return graph.nodes.count - 1
    }

    private mutating func addGroup(_ index: Int) {
        let group = groups.groups[index]
        let names = group.domains.prefix(Self.nameLimit).map { entry in
            guard case .named(let name) = entry.domain else { return "" }
            return VisibleText.of(name)
        }
        var made = SiteGraph.Node(identity: .domains(index), column: .domains, tone: .domain, title: "")
        switch group.kind {
        case .domains, .rest:
            made.title = VisibleText.shortened(names.first ?? "", Self.longestTitle)
            if group.count > 1 { made.lines.append("and \((group.count - 1).of("more domain", "more domains"))") }
            if group.kind == .rest {
                made.title = group.count.of("more domain", "more domains")
                made.lines = ["in \(group.parts.of("other way", "other ways"))"]
            }
            made.details = Self.list(names, of: group.count)
        case .anyOther:
            made.title = SiteGraph.anyOtherDomain
        case .unasked:
            made.title = "keys never asked for"
            made.tone = .fails
        }
        let isKept = group.kind == .domains || group.kind == .rest
        graph.domainNames.append(isKept ? names : [])
        if group.entries > 0 { made.lines.append(group.entries.of("entry", "entries")) }
        _ = node(made)
    }

    private static func list(_ names: [String], of count: Int) -> [String] {
        let shown = names.prefix(12)
        return Array(shown) + (count > shown.count ? ["and \((count - shown.count).grouped) more"] : [])
    }

    private mutating func addSteps() {
        var last: Int?
        for (name, lines) in Self.steps {
            let index = node(
                SiteGraph.Node(identity: .step(name), column: .steps, tone: .step, title: name.rawValue, lines: lines))
            // What is ours never comes to the routes of domains.
            if let last, name != .domainRoute { addNextStep(last, index, name == .localPart ? "ours" : "") }
            if name == .domainRoute, let host = places[.step(.thisHost)] { addNextStep(host, index, "not ours") }
            last = name == .localPart ? nil : index
        }
    }

    private mutating func addNextStep(_ from: Int, _ to: Int, _ label: String) {
        let place = edge(from, to, 0)
        graph.edges[place].isNextStep = true
        graph.edges[place].label = label
    }

    private mutating func addMap(_ index: Int) {
        let definition = survey.definitions[index]
        let tally = survey.tallies[index]
        let file = definition.tablePath ?? "-"
        let isAlias = definition.relation == "aliases" || definition.relation == "fqdnaliases"
        let isAsked = RelationName(rawValue: definition.relation) != nil
        let base = file.split(separator: "/").last.map(String.init) ?? file
        var made = SiteGraph.Node(
            identity: .map(definition.tableName), column: .maps, tone: isAlias ? .alias : .route,
            title: VisibleText.of(definition.relation.utf8, limit: Self.longestTitle),
            lines: ["\(VisibleText.of(base.utf8, limit: 26)) (\(definition.type.name))"])
        if definition.relation == "thishost" { made.tone = .step }
        if !isAsked {
            made.tone = .idle
            made.lines.append("not asked by the chain")
        }
        made.details = [
            VisibleText.of(file.utf8), "\(VisibleText.of(definition.file.utf8)):\(definition.line)",
        ]
        for (step, _) in Self.steps {
            for (key, value) in tally.examples[step]?.all ?? [] {
                made.details.append("\(VisibleText.of(key, limit: 80)) → \(VisibleText.of(value, limit: 120))")
            }
        }
        if let failure = tally.failure {
            made.tone = .fails
            made.lines.append("cannot be read")
            made.findings.append(VisibleText.of(failure.description.utf8))
            made.errors += 1
        } else {
            made.lines.append(tally.entries.of("entry", "entries"))
        }
        maps.append(node(made))
    }

    /// The edges from steps to the maps that they ask, whether these have entries or not.
    private mutating func addWaysOfMaps() {
        for (index, definition) in survey.definitions.enumerated() {
            let steps: [StepName] =
                switch RelationName(rawValue: definition.relation) {
                case .fqdnaliases, .fqdnroutes: [.exactAddress, .baseAddress, .wholeDomain]
                case .thishost: [.thisHost]
                case .aliases: [.localPart]
                case .routesdb: [.domainRoute]
                default: []
                }
            for step in steps {
                if let from = places[.step(step)] { _ = edge(from, maps[index], 0) }
            }
            guard survey.tallies[index].failure != nil, !steps.isEmpty else { continue }
            let place = edge(maps[index], channel(Array("hold".utf8)), 0)
            graph.edges[place].label = "all mail"
        }
    }

    /// What may come of any address, whatever the maps say.
    private mutating func addBuiltInEnds() {
        for (name, line) in [("error", "refused"), ("hold", "waits where a map fails")] {
            graph.nodes[channel(Array(name.utf8))].lines = [line]
        }
    }

    /// How many entries lead to each channel and host; where none does, it is no fault that no server is there.
    private mutating func countEnds() {
        var counts: [Int: Int] = [:]
        for edge in graph.edges { counts[edge.to, default: 0] += edge.count }
        for index in graph.nodes.indices
        where graph.nodes[index].column == .servers && graph.nodes[index].tone == .fails && counts[index] == 0 {
            graph.nodes[index].tone = .idle
            graph.nodes[index].errors = 0
            graph.nodes[index].details += graph.nodes[index].findings
            graph.nodes[index].findings = []
        }
        for index in graph.nodes.indices
        where graph.nodes[index].column == .channels || graph.nodes[index].column == .hosts {
            if let count = counts[index], count > 0 { graph.nodes[index].lines.append(count.of("entry", "entries")) }
        }
    }

    // MARK: Ways

    private mutating func addWays(of group: DomainGroup, _ index: Int) {
        guard let start = places[.domains(index)] else { return }
        let order = group.ways.keys.sorted { one, other in
            if one.step != other.step { return rank(one.step) < rank(other.step) }
            if one.map != other.map { return (one.map ?? -1) < (other.map ?? -1) }
            return "\(one.end)" < "\(other.end)"
        }
        for way in order {
            guard let step = places[.step(way.step)] else { continue }
            let paths = ends(way.end).map { [start, step] + (way.map.map { [maps[$0]] } ?? []) + $0 }
            graph.paths += paths
            // Several servers of one host share what leads to it.
            var drawn: Set<[Int]> = []
            for path in paths {
                for (from, to) in zip(path, path.dropFirst()) where drawn.insert([from, to]).inserted {
                    _ = edge(from, to, group.ways[way] ?? 0)
                }
            }
        }
    }

    private func rank(_ step: StepName) -> Int { Self.steps.firstIndex { $0.name == step } ?? 0 }

    private mutating func edge(_ from: Int, _ to: Int, _ count: Int) -> Int {
        let key = from << 24 | to
        if let place = edges[key] {
            graph.edges[place].count += count
            return place
        }
        edges[key] = graph.edges.count
        graph.edges.append(SiteGraph.Edge(from: from, to: to, count: count))
        return graph.edges.count - 1
    }
}
