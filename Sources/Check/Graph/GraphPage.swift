// The picture as one page of HTML, which needs nothing else: no network, no other file. What it shows is anybody's text, so its
// policy names the one style and the one script that it has, by their digests, and forbids everything else.

import Bytes
import Configuration
import Maps
import Routing

/// The page of a site's picture.
package struct GraphPage: Sendable {
    private let graph: SiteGraph
    private let answers: [[UInt8]]
    private let drawn: String?

    /// - Parameters:
    ///   - answers: what route-test answers to some addresses with `--format json --trace`, an object each.
    ///   - drawn: when the picture was drawn, for a page that asks the server that it comes from; nil for a page by itself.
    package init(_ graph: SiteGraph, answers: [[UInt8]], drawn: String? = nil) {
        (self.graph, self.answers, self.drawn) = (graph, answers, drawn)
    }

    /// The policy that a server sends with the page; the page itself has it as well.
    package static var policy: String { policy(connect: "'self'") + "; frame-ancestors 'none'" }

    private static func policy(connect: String) -> String {
        "default-src 'none'; style-src '\(digest(of: style))'; script-src '\(digest(of: GraphScript.text))';"
            + " connect-src \(connect); base-uri 'none'; form-action 'none'"
    }

    private static let style = GraphStyle.picture + GraphStyle.page

    /// A source of a policy (CSP level 3, 2.3.1).
    private static func digest(of text: String) -> String {
        let digest = SHA256.digest(of: Array(text.utf8).span)
        return "sha256-\(String(decoding: Base64.encode(digest), as: UTF8.self))"
    }

    /// The whole page.
    package var html: [UInt8] {
        let name = Quoted.xml(graph.name)
        var page = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(Self.policy(connect: drawn == nil ? "'none'" : "'self'"))">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="referrer" content="no-referrer">
            <title>Where mail for \(name) goes</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <header>
            <h1>Where mail for <bdi>\(name)</bdi> goes</h1>
            <p class="sum">\(summary)</p>
            <form id="ask">
            <label for="address">Where does an address go?</label>
            <span class="field"><input id="address" list="known" placeholder="user@example.org" autocomplete="off"
            autocapitalize="none" spellcheck="false"><button>Show its way</button></span>
            <datalist id="known"></datalist>
            </form>
            <p id="examples" hidden>For example: </p>
            <p id="answer" role="status"></p>
            </header>
            <main>
            <div id="view">

            """
        page += GraphSVG(graph, isAlone: false).text
        page += "</div>\n\(Self.legend)<div class=\"below\">\n"
        page += "<section id=\"way\" hidden><h2>Step by step</h2><ol id=\"steps\"></ol></section>\n"
        page += "<section id=\"about\" aria-live=\"polite\" hidden></section>\n"
        page += findings
        page +=
            "</div>\n<noscript><p>Without scripts the picture is all that this page shows.</p></noscript>\n</main>\n"
        var bytes = Array(page.utf8)
        bytes += "<script type=\"application/json\" id=\"data\">".utf8
        bytes += Quoted.script(data)
        bytes += "</script>\n<script type=\"application/json\" id=\"answers\">[".utf8
        for (index, answer) in answers.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += Quoted.script(answer)
        }
        bytes += "]</script>\n<script>\(GraphScript.text)</script>\n</body>\n</html>\n".utf8
        return bytes
    }

    private var summary: String {
        let maps = graph.nodes.count { $0.column == .maps }
        let (errors, warnings) = (graph.errors, graph.warnings)
        var text = "\(graph.entryCount.of("entry", "entries")) in \(maps.of("map", "maps")),"
        text += " \(graph.domainCount.of("domain", "domains"))"
        if !graph.failures.isEmpty {
            text += ", <strong>\(graph.failures.count.of("map", "maps")) cannot be read</strong>"
        }
        if errors > 0 { text += ", <strong>✕ \(errors.of("error", "errors"))</strong>" }
        if warnings > 0 { text += ", △ \(warnings.of("warning", "warnings"))" }
        if let drawn { text += ". As of \(Quoted.xml(drawn)); addresses are asked for now" }
        return text + "."
    }

    private static let legend = """
        <p class="legend"><span class="key tone-domain"><i></i>domains</span> <span class="key tone-step"><i></i>steps</span>
        <span class="key tone-alias"><i></i>to other addresses</span> <span class="key tone-route"><i></i>to routes</span>
        <span class="key tone-delivers"><i></i>goes out</span> <span class="key tone-refuses"><i></i>refused</span>
        <span class="key tone-waits"><i></i>waits</span> <span class="key tone-fails"><i></i>✕ broken</span>
        <span class="key possible"><i></i>without an entry of its own</span>
        <span class="hint">Point at a box for what goes through it; Enter or a click tells more; Esc clears.</span></p>

        """

    /// So many findings are listed.
    private static let findingLimit = 100

    private var findings: String {
        let failures = graph.failures.map {
            "<li class=\"error\">✕ \(Quoted.xml(VisibleText.of($0.description.utf8)))</li>\n"
        }
        guard !graph.findings.isEmpty || !failures.isEmpty else { return "" }
        var text = "<section id=\"findings\"><h2>Findings</h2><ul>\n" + failures.joined()
        for finding in graph.findings.prefix(Self.findingLimit) {
            let isError = finding.severity == .error
            text += "<li class=\"\(isError ? "error" : "warning")\">\(isError ? "✕" : "△") "
            text += "\(Quoted.xml(VisibleText.of(finding.description.utf8)))</li>\n"
        }
        let rest = graph.errors + graph.warnings - min(graph.findings.count, Self.findingLimit)
        if rest > 0 { text += "<li>and \(rest.grouped) more</li>\n" }
        return text + "</ul></section>\n"
    }

    // MARK: Data

    private var data: [UInt8] {
        var json = JSONText()
        json.object { json in
            json.name("nodes")
            json.array { json in
                for node in graph.nodes { json.object { append(node, to: &$0) } }
            }
            json.name("edges")
            json.array { json in
                for edge in graph.edges { Self.append([edge.from, edge.to], to: &json) }
            }
            json.name("paths")
            json.array { json in
                for path in graph.paths { Self.append(path, to: &json) }
            }
            appendDomains(to: &json)
            if drawn != nil {
                json.name("live")
                json.number(1)
            }
        }
        return json.bytes
    }

    private func appendDomains(to json: inout JSONText) {
        var left = Self.nameLimit
        json.name("domains")
        json.array { json in
            for names in graph.domainNames {
                json.array { json in
                    for name in names.prefix(max(left, 0)) { json.string(name) }
                }
                left -= names.count
            }
        }
        if left >= 0, graph.domainNames.reduce(0, { $0 + $1.count }) == graph.domainCount {
            json.name("complete")
            json.number(1)
        }
        // The group of any other domain has no names of its own.
        if let place = graph.nodes.firstIndex(where: { $0.column == .domains && $0.title == SiteGraph.anyOtherDomain })
        {
            json.name("anyOther")
            json.number(place)
        }
    }

    /// So many names of domains are in the page.
    private static let nameLimit = 20_000

    private static func append(_ numbers: [Int], to json: inout JSONText) {
        json.array { json in
            for number in numbers { json.number(number) }
        }
    }

    private func append(_ node: SiteGraph.Node, to json: inout JSONText) {
        json.name("id")
        json.array { append(node.identity, to: &$0) }
        json.name("title")
        json.string(node.title)
        for (name, lines) in [("lines", node.lines), ("details", node.details), ("findings", node.findings)] {
            json.name(name)
            json.array { json in
                for line in lines { json.string(line) }
            }
        }
    }

    private func append(_ identity: SiteGraph.Identity, to json: inout JSONText) {
        switch identity {
        case .domains(let number):
            json.string("domains")
            json.number(number)
        case .step(let step):
            json.string("step")
            json.string(step.rawValue)
        case .map(let table):
            json.string("map")
            json.string(table.relation)
            json.string(table.backEnd)
            json.string(table.file)
        case .channel(let name):
            json.string("channel")
            if let name { json.text(name) } else { json.null() }
        case .anew: json.string("anew")
        case .noRoute: json.string("noroute")
        case .host(let channel, let name):
            json.string(name == nil ? "anyhost" : "host")
            json.text(channel)
            if let name { json.text(name) }
        case .otherHosts(let channel):
            json.string("otherhosts")
            json.text(channel)
        case .server(let name):
            json.string("server")
            json.string(name)
        }
    }
}
