// One JSON object a line: for parsing. `trace`, with what is needed to read it, is there when it was asked for (docs/trace.md),
// `address` and `parents` where the address was expanded.

import Bytes
import Maps
import Routing
import Site

/// One JSON object an address.
struct JSONReport: ResolutionReport {
    /// The site that is asked, which a trace describes.
    let site: Site
    /// Where the entries stand that a trace shows.
    let sources: TraceSources

    init(site: Site) {
        self.site = site
        sources = TraceSources(site)
    }

    func append(address: Span<UInt8>, answer: borrowing Answer, trace: Trace?, to output: inout TextArena) {
        var json = JSONText()
        let typed = [UInt8](copying: address)
        let resolution = answer.resolution
        json.object { json in
            json.name("address")
            json.text(typed)
            json.name("status")
            json.string(Self.name(of: resolution.status))
            if let failure = resolution.failure {
                json.name("reason")
                json.string(failure.description)
            }
            json.name("routes")
            json.array { json in
                for (index, route) in resolution.routes.enumerated() {
                    Self.append(route, to: &json, chain: resolution.ancestors(ofRoute: index))
                }
            }
            if let trace { TraceJSON(trace, of: site, sources).append(to: &json) }
        }
        output.append(json.bytes)
        output.append(UInt8(ascii: "\n"))
    }

    private static func name(of status: Resolution.Status) -> String {
        switch status {
        case .routed: "routed"
        case .failed: "failed"
        case .deferred: "deferred"
        }
    }

    /// - Parameter chain: the addresses that led to the route, nearest first: in text the lines `<--` show them.
    private static func append(_ route: Route, to json: inout JSONText, chain: [[UInt8]] = []) {
        json.object { json in
            json.name("channel")
            json.text(route.channel)
            json.name("host")
            json.text(route.host)
            json.name("user")
            json.text(route.user)
            guard let address = chain.first else { return }
            text("address", address, &json)
            json.name("parents")
            json.array { json in
                for parent in chain.dropFirst() { json.text(parent) }
            }
        }
    }

    private static func text(_ name: String, _ value: [UInt8], _ json: inout JSONText) {
        json.name(name)
        json.text(value)
    }
}
