// The picture in the language of Graphviz, for whoever wants to lay it out or change it with its programs.

extension SiteGraph {
    /// The graph in DOT.
    package var dot: String {
        var text = """
            digraph zroute {
              graph [rankdir=LR, charset="UTF-8", fontname="sans-serif", ranksep=1.0, nodesep=0.18, tooltip=\(Quoted.dot(name))];
              node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11, margin="0.12,0.06", color="#5b6470"];
              edge [fontname="sans-serif", fontsize=9, color="#7d8794", arrowsize=0.6];

            """
        for column in Column.allCases {
            let members = nodes.indices.filter { nodes[$0].column == column }
            guard !members.isEmpty else { continue }
            text += "  subgraph column\(column.rawValue) {\n    rank=same;\n"
            for index in members { text += "    \(dot(index))\n" }
            text += "  }\n"
        }
        for edge in edges { text += "  \(dot(edge))\n" }
        return text + "}\n"
    }

    private func dot(_ index: Int) -> String {
        let node = nodes[index]
        var lines = [node.title] + node.lines
        if node.errors > 0 { lines.append("✕ \(node.errors.of("error", "errors"))") }
        if node.warnings > 0 { lines.append("△ \(node.warnings.of("warning", "warnings"))") }
        let tip = (node.details + node.findings).joined(separator: "\n")
        var attributes = "label=\(Quoted.dot(lines.joined(separator: "\n"))), fillcolor=\"\(node.tone.fill)\""
        attributes += ", tooltip=\(Quoted.dot(tip.isEmpty ? node.title : tip))"
        if node.tone == .fails || node.errors > 0 { attributes += ", color=\"#b3261e\", penwidth=2" }
        return "n\(index) [\(attributes)];"
    }

    private func dot(_ edge: Edge) -> String {
        var attributes: [String] = []
        if edge.isNextStep {
            attributes = ["style=dotted", "constraint=false"]
        } else if edge.count == 0 {
            attributes = ["style=dashed"]
        }
        let isCounted = edge.count > 0 && nodes[edge.to].column != .servers
        let label = isCounted ? edge.count.grouped : edge.label
        if !label.isEmpty { attributes.append("label=\(Quoted.dot(label))") }
        if edge.count > 0 { attributes.append("penwidth=\(1 + String(edge.count).utf8.count / 2)") }
        return "n\(edge.from) -> n\(edge.to)\(attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]");"
    }
}

extension SiteGraph.Tone {
    /// A light colour that dark text is read on; the palette keeps apart what colour-blind people see.
    fileprivate var fill: String {
        switch self {
        case .domain: "#d9effb"
        case .step: "#eceff2"
        case .alias: "#fbe9c6"
        case .route: "#d3e4f3"
        case .delivers: "#d2efe4"
        case .refuses: "#f8dccb"
        case .waits: "#f3dfeb"
        case .fails: "#fbd5d0"
        case .idle: "#f6f7f8"
        }
    }
}
