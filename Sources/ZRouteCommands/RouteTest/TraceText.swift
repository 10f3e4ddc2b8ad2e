// A trace for people: a line or a few for each step, with what was asked, what was found and where that stands, and why the
// chain went on. Everything is there, but what says nothing: each key is named once for all the maps that do not have it.

import Maps
import Routing

/// The trace of one address as lines.
struct TraceText {
    /// So many keys, or addresses of a list, are named in one line.
    private static let mostNamed = 6
    /// So many characters of a value are shown.
    private static let longestValue = 300

    private let trace: Trace
    private let sources: TraceSources
    /// What was written.
    private var text: [String] = []
    /// The name of the step that is still to be written before its first line.
    private var label = ""
    /// The keys that were not found since the last line, by relation, in the order in which they were asked for.
    private var absent: [(relation: String, keys: [[UInt8]])] = []
    /// What the last entry came to.
    private var result = ""
    /// The maps that were asked, by relation.
    private var asked: [(relation: String, maps: [TableName])] = []

    /// - Parameter sources: where the entries stand.
    init(_ trace: Trace, _ sources: TraceSources) {
        self.trace = trace
        self.sources = sources
    }

    /// The lines, without their ends.
    consuming func lines() -> [String] {
        for index in trace.events.indices { add(eventAt: index) }
        endStep(after: nil)
        for (relation, maps) in asked {
            let files = maps.map { "\($0.backEnd):\($0.file)" }.joined(separator: ", ")
            text.append("  # \(padded(relation)) \(files)")
        }
        return text
    }

    private mutating func add(eventAt index: Int) {
        switch trace.events[index] {
        case .question(let question):
            if question.isSender { text.append("  ? as a sender, of whom nothing is expanded") }
            if question.isErrorMessage { text.append("  ? for an error message") }
        case .address(let address):
            let tail = address.tail.isEmpty ? "" : " with tail \(printable(address.tail))"
            text.append("  > \(printable(address.address))\(tail)")
        case .step(let step):
            label = step.rawValue
            if step == .defaultRoute { add("no map has a route: by SMTP to its own domain") }
            if step == .nobodyLeft { add("every list holds nobody but itself") }
        case .lookup(let table, let key, let answer):
            add(table, key, answer)
        case .entry(let entry):
            add(entry)
        case .expanded(let replacement):
            add(replacement)
        case .host(let host):
            add(host)
        case .rewritten(.percent, let address), .rewritten(.bangPath, let address):
            add("read as \(printable(address))")
        case .rewritten, .time:
            break
        case .unusableValue(let value):
            add("\(quoted(value)) is no route: passed over")
        case .deviation(let kind, let note):
            addAbsent()
            text.append("  | not as ZMailer (\(kind.rawValue)): \(note)")
        case .route(let route, _):
            addAbsent()
            text.append("  = \(printable(route.channel))!\(printable(route.host))!\(printable(route.user))")
        case .failure(let failure):
            addAbsent()
            text.append("  ! \(failure)")
        }
        if isLastOfStep(index) { endStep(after: index) }
    }

    // MARK: Steps

    /// Whether what comes after an event is of another step.
    private func isLastOfStep(_ index: Int) -> Bool {
        guard index + 1 < trace.events.count else { return false }
        switch trace.events[index + 1] {
        case .step, .address: return true
        default: return false
        }
    }

    /// Says why the chain goes on.
    private mutating func endStep(after index: Int?) {
        defer { label = "" }
        guard let index, let begin = trace.events[...index].lastIndex(where: \.isStep) else { return addAbsent() }
        let outcome = trace.outcome(ofStepAt: begin)
        guard outcome == .absent else { return addAbsent() }
        if absent.isEmpty { return add("no map is there to be asked; goes on") }
        addAbsent(then: "; goes on")
    }

    /// Adds a line to the step.
    private mutating func add(_ line: String) {
        addAbsent()
        append(line)
    }

    private mutating func append(_ line: String) {
        text.append("  | \(padded(label)) \(line)")
        label = ""
    }

    private func padded(_ word: String) -> String {
        word + String(repeating: " ", count: max(0, StepName.baseAddress.rawValue.utf8.count - word.utf8.count))
    }

    // MARK: Lookups

    private mutating func add(_ table: TableName, _ key: [UInt8], _ answer: TraceEvent.Answer) {
        note(table)
        switch answer {
        case .absent:
            if let known = absent.lastIndex(where: { $0.relation == table.relation }) {
                if !absent[known].keys.contains(key) { absent[known].keys.append(key) }
            } else {
                absent.append((table.relation, [key]))
            }
        case .found(let value):
            if table.relation == RelationName.include.rawValue {
                add("\(quoted(key)) is read: \(value.count) bytes")
            } else {
                add("\(table.relation) has \(quoted(key))\(value.isEmpty ? "" : ": \(quoted(value))")")
                add("  " + place(of: key, value: value, in: table))
            }
        case .failed(let reason):
            add("\(table.relation) cannot say whether it has \(quoted(key)): \(reason)")
            add("  in \(table.file)")
        }
    }

    /// Where an entry stands.
    private func place(of key: [UInt8], value: [UInt8], in table: TableName) -> String {
        let remedy = sources.isCompiled(table) ? "run newdb" : "it was changed since it was read"
        return switch sources.place(of: key, value: value, in: table) {
        case nil: "in \(table.file)"
        case .line(let line, let file): "in \(file):\(line)"
        case .otherValue(let value, let line, let file):
            "in \(table.file), which differs from its source: \(remedy); \(file):\(line) has \(quoted(value))"
        case .nowhere(let file): "in \(table.file), which differs from its source: \(remedy); \(file) has no such key"
        case .unreadable(_, let reason): "in \(table.file), whose source cannot be read: \(reason)"
        }
    }

    /// Notes that a map was asked.
    private mutating func note(_ table: TableName) {
        guard table.relation != RelationName.include.rawValue else { return }
        if let known = asked.firstIndex(where: { $0.relation == table.relation }) {
            if !asked[known].maps.contains(table) { asked[known].maps.append(table) }
        } else {
            asked.append((table.relation, [table]))
        }
    }

    /// Adds what was not found: relations that do not have the same keys in one line.
    private mutating func addAbsent(then end: String = "") {
        var rest = absent
        absent = []
        while let first = rest.first {
            let relations = rest.filter { $0.keys == first.keys }.map(\.relation)
            rest.removeAll { $0.keys == first.keys }
            let keys = first.keys.count == 1 ? "no" : "neither"
            append(
                "\(relations.joined(separator: " and ")) \(relations.count == 1 ? "has" : "have") \(keys) "
                    + named(first.keys.map(quoted), joiner: " nor ") + (rest.isEmpty ? end : ""))
        }
    }

    private mutating func add(_ entry: TraceEvent.Entry) {
        result = printable(entry.result)
        guard entry.value != entry.result else { return }
        let used = entry.arguments.filter { argument in
            zip(entry.value, entry.value.dropFirst()).contains {
                $0 == UInt8(ascii: "%") && $1 == UInt8(ascii: "0") + UInt8(argument.number)
            }
        }
        let bindings = used.map { "%\($0.number) is \(quoted($0.text))" }.joined(separator: ", ")
        add("  \(bindings), which makes it \(quoted(entry.result))")
    }

    // MARK: Addresses and hosts

    private mutating func add(_ replacement: TraceEvent.Replacement) {
        let members = named(replacement.members.map { printable($0.address) }, joiner: ", ")
        let tail = replacement.tail.isEmpty ? "" : ", each with tail \(printable(replacement.tail))"
        switch replacement.reading {
        case .list where members == result && !text.isEmpty && label.isEmpty:
            // The value says it already.
            text[text.count - 1] += replacement.members.count == 1 ? ", taken up in its place" : ", taken up one by one"
            text[text.count - 1] += tail
        case .list, .include: add("replaced by \(members)\(tail)")
        case .root: add("so root gets the mail")
        case .path: add("routed anew as \(members)")
        case .postmaster: add("a user by number: postmaster gets the mail")
        }
    }

    private mutating func add(_ host: TraceEvent.Host) {
        let name = host.name.map { ", called \(printable($0))," } ?? ""
        let what =
            host.isLocal
            ? "is ours: its local part is looked up"
            : host.isLiteral ? "is an address of another host" : "is not ours: its route is looked up"
        add("\(printable(host.host))\(name) \(what)")
    }

    // MARK: Words

    private func quoted(_ bytes: [UInt8]) -> String {
        let text = printable(bytes)
        guard text.count > Self.longestValue else { return "'\(text)'" }
        return "'\(text.prefix(Self.longestValue))'... (\(bytes.count) bytes)"
    }

    /// The first few of many.
    private func named(_ words: [String], joiner: String) -> String {
        guard words.count > Self.mostNamed else { return words.joined(separator: joiner) }
        return words.prefix(Self.mostNamed - 1).joined(separator: joiner)
            + "\(joiner)\(words.count - Self.mostNamed + 1) more"
    }
}

extension TraceEvent {
    /// Whether the event begins a step.
    fileprivate var isStep: Bool {
        if case .step = self { true } else { false }
    }
}
