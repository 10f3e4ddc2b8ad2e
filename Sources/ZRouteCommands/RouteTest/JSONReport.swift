// One JSON object a line: for parsing. `trace` is there when it was asked for,
// `address` and `parents` where the address was expanded.

import Bytes
import Maps
import Routing

/// One JSON object an address.
struct JSONReport: ResolutionReport {
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
            if let trace {
                json.name("trace")
                json.array { json in
                    for event in trace.events { Self.append(event, to: &json) }
                }
            }
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

    private static func append(_ event: TraceEvent, to json: inout JSONText) {
        json.object { json in
            switch event {
            case .address(let address, let tail):
                member("event", "address", &json)
                text("address", address, &json)
                if !tail.isEmpty { text("tail", tail, &json) }
            case .step(let step):
                member("event", "step", &json)
                member("step", step.rawValue, &json)
            case .lookup(let table, let key, let answer):
                member("event", "lookup", &json)
                member("relation", table.relation, &json)
                member("type", table.backEnd, &json)
                member("file", table.file, &json)
                text("key", key, &json)
                append(answer, to: &json)
            case .expanded(let relation, let key, let members):
                member("event", "expanded", &json)
                member("relation", relation.rawValue, &json)
                text("key", key, &json)
                json.name("members")
                json.array { json in
                    for member in members { json.text(member) }
                }
            case .localDomain(let name):
                member("event", "local-domain", &json)
                text("name", name, &json)
            case .unusableValue(let value):
                member("event", "unusable-value", &json)
                text("value", value, &json)
            case .deviation(let kind, let note):
                member("event", "deviation", &json)
                member("class", kind.rawValue, &json)
                member("note", note, &json)
            case .route(let route):
                member("event", "route", &json)
                json.name("route")
                append(route, to: &json)
            case .failure(let failure):
                member("event", "failure", &json)
                member("reason", failure.description, &json)
            }
        }
    }

    private static func append(_ answer: TraceEvent.Answer, to json: inout JSONText) {
        switch answer {
        case .found(let value):
            member("answer", "found", &json)
            text("value", value, &json)
        case .absent:
            member("answer", "absent", &json)
        case .failed(let reason):
            member("answer", "failed", &json)
            member("reason", reason, &json)
        }
    }

    private static func member(_ name: String, _ value: String, _ json: inout JSONText) {
        json.name(name)
        json.string(value)
    }

    private static func text(_ name: String, _ value: [UInt8], _ json: inout JSONText) {
        json.name(name)
        json.text(value)
    }
}
