// The picture as SVG 1.1: text, boxes and curves alone, so that it is shown everywhere and nothing in it runs.

import Bytes

extension SiteGraph {
    /// The picture by itself, with its colours for light and dark screens.
    package var svg: String { GraphSVG(self, isAlone: true).text }
}

/// Writes a picture.
struct GraphSVG {
    private let graph: SiteGraph
    private let layout: GraphLayout
    private let isAlone: Bool

    /// - Parameter isAlone: whether it brings its style along; a page has one for both.
    init(_ graph: SiteGraph, isAlone: Bool) {
        (self.graph, self.isAlone) = (graph, isAlone)
        layout = GraphLayout(graph)
    }

    var text: String {
        let (width, height) = (Self.number(layout.width), Self.number(layout.height))
        var text = isAlone ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" : ""
        text += "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\""
        text +=
            " height=\"\(height)\" role=\"\(isAlone ? "img" : "group")\" aria-labelledby=\"picture-title\" id=\"picture\">\n"
        text += "<title id=\"picture-title\">Where mail for \(Quoted.xml(graph.name)) goes</title>\n"
        if isAlone { text += "<style>\n\(GraphStyle.picture)</style>\n" }
        text +=
            "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\""
        text += " orient=\"auto\"><path d=\"M0 0L8 4L0 8Z\" class=\"head\"/></marker></defs>\n"
        text += "<rect class=\"ground\" width=\"\(width)\" height=\"\(height)\"/>\n"
        for (column, x, _) in layout.columns {
            text += "<text class=\"heading\" x=\"\(Self.number(x))\" y=\"26\">\(column.heading)</text>\n"
        }
        text += "<g class=\"edges\">\n"
        for index in graph.edges.indices { text += edge(index) }
        text += "</g>\n<g class=\"nodes\">\n"
        for index in graph.nodes.indices { text += node(index) }
        text += "</g>\n<g class=\"labels\">\n"
        for index in graph.edges.indices { text += label(index) }
        return text + "</g>\n</svg>\n"
    }

    // MARK: Edges

    private func edge(_ index: Int) -> String {
        let edge = graph.edges[index]
        var classes = "edge tone-\(graph.nodes[edge.to].tone.rawValue)"
        if edge.isNextStep { classes += " next" } else if edge.count == 0 { classes += " possible" }
        let path = edge.isNextStep ? nextStep(edge) : curve(layout.lines[index].points)
        let width = edge.count > 0 ? Self.number(1.2 + 0.9 * Double(String(edge.count).utf8.count)) : "1.2"
        let marker = edge.isNextStep ? " marker-end=\"url(#arrow)\"" : ""
        let count = edge.count > 0 ? ": \(edge.count.of("entry", "entries"))" : ""
        let title = Quoted.xml("\(graph.nodes[edge.from].title) → \(graph.nodes[edge.to].title)\(count)")
        return
            "<path class=\"\(classes)\" id=\"e\(edge.from)-\(edge.to)\" d=\"\(path)\" stroke-width=\"\(width)\"\(marker)>"
            + "<title>\(title)</title></path>\n"
    }

    private func curve(_ points: [(x: Double, y: Double)]) -> String {
        guard let first = points.first else { return "" }
        var path = "M\(Self.number(first.x)) \(Self.number(first.y))"
        for (from, to) in zip(points, points.dropFirst()) {
            let bend = (to.x - from.x) / 2
            path +=
                "C\(Self.number(from.x + bend)) \(Self.number(from.y)) \(Self.number(to.x - bend)) \(Self.number(to.y))"
            path += " \(Self.number(to.x)) \(Self.number(to.y))"
        }
        return path
    }

    /// Down from a step to the next one, past those in between.
    private func nextStep(_ edge: SiteGraph.Edge) -> String {
        let (from, to) = (layout.boxes[edge.from], layout.boxes[edge.to])
        guard edge.to - edge.from > 1 else {
            let x = Self.number(from.x + 26)
            return "M\(x) \(Self.number(from.y + from.height))L\(x) \(Self.number(to.y))"
        }
        let side = from.x + from.width
        let (start, end) = (from.y + from.height - 10, to.y + 10)
        return "M\(Self.number(side)) \(Self.number(start))C\(Self.number(side + 24)) \(Self.number(start))"
            + " \(Self.number(side + 24)) \(Self.number(end)) \(Self.number(side)) \(Self.number(end))"
    }

    private func label(_ index: Int) -> String {
        let edge = graph.edges[index]
        if edge.isNextStep {
            guard !edge.label.isEmpty else { return "" }
            let (from, to) = (layout.boxes[edge.from], layout.boxes[edge.to])
            let isNear = edge.to - edge.from == 1
            let x = isNear ? from.x + 32 : from.x + from.width + 21
            let y = isNear ? from.y + from.height + 14 : (from.y + from.height + to.y) / 2 + 3
            return
                "<text class=\"count\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\">\(Quoted.xml(edge.label))</text>\n"
        }
        let column = graph.nodes[edge.to].column
        let isCounted = edge.count > 0 && column.rawValue <= SiteGraph.Column.channels.rawValue
        guard let end = layout.lines[index].points.last, isCounted || !edge.label.isEmpty else { return "" }
        let text = isCounted ? edge.count.grouped : edge.label
        return
            "<text class=\"count\" text-anchor=\"end\" x=\"\(Self.number(end.x - 5))\" y=\"\(Self.number(end.y + 3))\">"
            + "\(Quoted.xml(text))</text>\n"
    }

    // MARK: Nodes

    private func node(_ index: Int) -> String {
        let node = graph.nodes[index]
        let box = layout.boxes[index]
        let hasFault = node.tone == .fails || node.errors > 0
        let classes = "node \(node.column) tone-\(node.tone.rawValue)\(hasFault ? " faulty" : "")"
        // In a page each box can be reached by the keyboard, and says what it is.
        let role = isAlone ? "" : " tabindex=\"0\" role=\"button\" aria-label=\"\(Quoted.xml(spoken(node)))\""
        var text = "<g class=\"\(classes)\" id=\"n\(index)\"\(role)>"
        text +=
            "<title>\(Quoted.xml(([node.title] + node.lines + node.details + node.findings).joined(separator: "\n")))</title>"
        text += "<rect x=\"\(Self.number(box.x))\" y=\"\(Self.number(box.y))\" width=\"\(Self.number(box.width))\""
        text += " height=\"\(Self.number(box.height))\" rx=\"6\"/>"
        text +=
            "<path class=\"bar\" d=\"M\(Self.number(box.x + 3)) \(Self.number(box.y + 6))v\(Self.number(box.height - 12))\"/>"
        let height = GraphLayout.titleHeight + Double(node.lines.count) * GraphLayout.lineHeight
        let top = box.middle - height / 2
        let x = Self.number(box.x + GraphLayout.padding + 5)
        text += "<text class=\"title\" x=\"\(x)\" y=\"\(Self.number(top + 12))\">\(Quoted.xml(node.title))</text>"
        for (line, words) in node.lines.enumerated() {
            let y = top + GraphLayout.titleHeight + Double(line) * GraphLayout.lineHeight + 10
            text += "<text class=\"line\" x=\"\(x)\" y=\"\(Self.number(y))\">\(Quoted.xml(words))</text>"
        }
        return text + badge(node, box) + "</g>\n"
    }

    private func spoken(_ node: SiteGraph.Node) -> String {
        let faults = node.errors + node.warnings > 0 ? ["\(node.errors) errors, \(node.warnings) warnings"] : []
        return "\(node.column.heading): \(([node.title] + node.lines + faults).joined(separator: ", "))"
    }

    /// How many findings there are: by its sign as well as by its colour.
    private func badge(_ node: SiteGraph.Node, _ box: GraphLayout.Box) -> String {
        guard node.errors + node.warnings > 0 else { return "" }
        let isError = node.errors > 0
        let text = isError ? "✕ \(node.errors.grouped)" : "△ \(node.warnings.grouped)"
        let width = 16 + 6.5 * Double(text.unicodeScalars.count)
        let x = box.x + box.width - width + 6
        return
            "<g class=\"badge \(isError ? "error" : "warning")\"><rect x=\"\(Self.number(x))\" y=\"\(Self.number(box.y - 7))\""
            + " width=\"\(Self.number(width))\" height=\"17\" rx=\"8.5\"/><text text-anchor=\"middle\""
            + " x=\"\(Self.number(x + width / 2))\" y=\"\(Self.number(box.y + 5.5))\">\(text)</text></g>"
    }

    /// A number with at most one digit behind its point.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
        return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
    }
}
