// A trace as members of the JSON object of an address: docs/trace.md describes each of them, docs/trace.schema.json checks
// them, and what is written here is part of version 1.

import Bytes
import Configuration
import Maps
import Routing
import Site

/// The trace of one address as JSON.
struct TraceJSON {
    private let trace: Trace
    private let site: Site
    private let sources: TraceSources

    /// - Parameters:
    ///   - site: the site that was asked.
    ///   - sources: where its entries stand.
    init(_ trace: Trace, of site: Site, _ sources: TraceSources) {
        self.trace = trace
        self.site = site
        self.sources = sources
    }

    /// Appends the members `version`, `site` and `trace`.
    func append(to json: inout JSONText) {
        json.name("version")
        json.number(TraceEvent.version)
        json.name("site")
        json.object { json in
            json.name("settings")
            json.object(appendSettings)
            json.name("maps")
            json.array { json in
                for map in site.databases.definitions where map.type != .none { json.object { append(map, to: &$0) } }
            }
        }
        json.name("trace")
        json.array { json in
            for index in trace.events.indices { json.object { append(eventAt: index, to: &$0) } }
        }
    }

    // MARK: The site

    /// What of the settings decides about addresses.
    private func appendSettings(to json: inout JSONText) {
        let settings = site.settings
        json.string("hostname", settings.hostname)
        json.string("mydomain", settings.myDomain)
        json.strings("orgdomains", settings.organizationDomains)
        json.string("orgdomain", settings.organizationDomain)
        json.strings("localaddresses", settings.localAddresses)
        json.boolean("anylocaluser", settings.acceptsAnyLocalUser)
        json.boolean("localdoesdomain", settings.localDoesDomain)
        json.boolean("preservetailcase", settings.preserveTailCase)
        json.boolean("allowchannelliteral", settings.allowChannelLiteral)
        json.number("expansiondepth", settings.expansionDepth)
        json.number("expansionsize", settings.expansionSize)
    }

    /// What of a line of dbases.conf decides which keys a map is asked for, and what its answers mean.
    private func append(_ map: MapDefinition, to json: inout JSONText) {
        append(map.tableName, to: &json)
        json.string("folding", map.flags.folding.word)
        json.string("driver", map.flags.driver == .none ? "none" : map.flags.driver.rawValue)
        json.string("answers", map.flags.answer.word)
        json.boolean("substitutes", map.flags.substitutes)
    }

    private func append(_ table: TableName, to json: inout JSONText) {
        json.string("relation", table.relation)
        json.string("type", table.backEnd)
        json.string("file", table.file)
    }

    // MARK: Events

    private func append(eventAt index: Int, to json: inout JSONText) {
        switch trace.events[index] {
        case .question(let question):
            json.string("event", "question")
            append(question, to: &json)
        case .address(let address):
            json.string("event", "address")
            append(address, to: &json)
        case .step(let step):
            json.string("event", "step")
            json.string("step", step.rawValue)
            json.string("outcome", (trace.outcome(ofStepAt: index) ?? .absent).rawValue)
        case .lookup(let table, let key, let answer):
            json.string("event", "lookup")
            append(table, to: &json)
            json.text("key", key)
            append(answer, to: &json)
            if case .found(let value) = answer, let place = sources.place(of: key, value: value, in: table) {
                json.name("source")
                json.object { append(place, to: &$0) }
            }
        case .entry(let entry):
            json.string("event", "entry")
            append(entry, to: &json)
        case .expanded(let replacement):
            json.string("event", "expanded")
            append(replacement, to: &json)
        case .host(let host):
            json.string("event", "host")
            json.text("host", host.host)
            if let name = host.name { json.text("name", name) }
            json.boolean("local", host.isLocal)
            json.boolean("literal", host.isLiteral)
        case .rewritten(let how, let address):
            json.string("event", "rewritten")
            json.string("how", how.rawValue)
            json.text("address", address)
        case .unusableValue(let value):
            json.string("event", "unusable-value")
            json.text("value", value)
        case .time(let seconds):
            json.string("event", "time")
            json.number("time", Int(seconds))
        case .deviation(let kind, let note):
            json.string("event", "deviation")
            json.string("class", kind.rawValue)
            json.string("note", note)
        case .route(let route, let node):
            json.string("event", "route")
            json.number("node", node)
            json.text("channel", route.channel)
            json.text("host", route.host)
            json.text("user", route.user)
        case .failure(let failure):
            json.string("event", "failure")
            json.string("kind", failure.word)
            json.string("reason", failure.description)
        }
    }

    private func append(_ question: TraceEvent.Question, to json: inout JSONText) {
        json.text("address", question.address)
        json.string("as", question.isSender ? "sender" : "recipient")
        json.boolean("errormsg", question.isErrorMessage)
        json.boolean("submitted", question.isSubmitted)
        json.boolean("display", question.isForDisplay)
    }

    private func append(_ address: TraceEvent.Address, to json: inout JSONText) {
        json.number("node", address.node)
        if let parent = address.parent { json.number("parent", parent) }
        json.number("hop", address.hop)
        json.text("address", address.address)
        json.string("form", address.form.rawValue)
        json.boolean("quoted", address.isUnquoted)
        json.text("origin", address.origin)
        json.text("tail", address.tail)
        json.text("domain", address.domain)
    }

    private func append(_ answer: TraceEvent.Answer, to json: inout JSONText) {
        switch answer {
        case .found(let value):
            json.string("answer", "found")
            json.text("value", value)
        case .absent:
            json.string("answer", "absent")
        case .failed(let reason):
            json.string("answer", "failed")
            json.string("reason", reason)
        }
    }

    private func append(_ place: TraceSources.Place, to json: inout JSONText) {
        switch place {
        case .line(let line, let file):
            json.string("file", file)
            json.number("line", line)
            json.boolean("differs", false)
        case .otherValue(let value, let line, let file):
            json.string("file", file)
            json.number("line", line)
            json.boolean("differs", true)
            json.text("value", value)
        case .nowhere(let file):
            json.string("file", file)
            json.boolean("differs", true)
        case .unreadable(let file, let reason):
            json.string("file", file)
            json.string("reason", reason)
        }
    }

    private func append(_ entry: TraceEvent.Entry, to json: inout JSONText) {
        json.string("relation", entry.relation.rawValue)
        json.text("key", entry.key)
        json.text("value", entry.value)
        json.name("arguments")
        json.object { json in
            for argument in entry.arguments { json.text("\(argument.number)", argument.text) }
        }
        json.text("result", entry.result)
    }

    private func append(_ replacement: TraceEvent.Replacement, to json: inout JSONText) {
        json.number("node", replacement.node)
        json.string("reading", replacement.reading.rawValue)
        if let relation = replacement.relation {
            json.string("relation", relation.rawValue)
            json.text("key", replacement.key)
        }
        json.name("members")
        json.array { json in
            for member in replacement.members {
                json.object { json in
                    json.number("node", member.node)
                    json.text("address", member.address)
                }
            }
        }
        json.text("origin", replacement.origin)
        json.text("tail", replacement.tail)
        json.text("domain", replacement.domain)
    }
}

extension JSONText {
    fileprivate mutating func string(_ name: String, _ value: String) {
        self.name(name)
        string(value)
    }

    fileprivate mutating func strings(_ name: String, _ values: [String]) {
        self.name(name)
        array { json in
            for value in values { json.string(value) }
        }
    }

    fileprivate mutating func text(_ name: String, _ value: some Collection<UInt8>) {
        self.name(name)
        text(value)
    }

    fileprivate mutating func number(_ name: String, _ value: Int) {
        self.name(name)
        number(value)
    }

    fileprivate mutating func boolean(_ name: String, _ value: Bool) {
        self.name(name)
        boolean(value)
    }
}

extension KeyFolding {
    fileprivate var word: String {
        switch self {
        case .none: "none"
        case .lower: "lower"
        case .upper: "upper"
        }
    }
}

extension RelationAnswer {
    fileprivate var word: String {
        switch self {
        case .value: "value"
        case .valueOrKey: "value-or-key"
        case .key: "key"
        }
    }
}

extension ResolutionFailure {
    /// The kind of the failure, as docs/trace.md names it.
    fileprivate var word: String {
        switch self {
        case .syntax(.some): "syntax"
        case .syntax(nil): "not-allowed"
        case .map: "map"
        case .expansionLimit: "expansion-limit"
        case .growthLimit: "growth-limit"
        }
    }
}
