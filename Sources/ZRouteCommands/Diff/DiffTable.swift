// What differs between two sites, for programs: a line of columns for each address, or an object.

import Bytes
import Check
import Configuration
import Routing

/// One line an address: kind, address, old routes, new routes, the causes, and where they stand on the old and on the new side.
enum DiffTable {
    static func append(_ change: RouteChange, to output: inout [UInt8]) {
        var line = TextArena()
        let tab = ASCII.tab
        line.append(Array(change.kind.rawValue.utf8))
        line.append(tab)
        TSVField.append(change.address.span, escapingSeparators: false, then: tab, to: &line)
        // Routes are escaped already.
        line.append(change.old)
        line.append(tab)
        line.append(change.new)
        line.append(tab)
        append(change.causes.map(name), then: tab, to: &line)
        append(change.causes.map { place($0, \.old) }, then: tab, to: &line)
        append(change.causes.map { place($0, \.new) }, then: ASCII.lineFeed, to: &line)
        line.withSpan(0..<line.end) { output.append(from: $0) }
    }

    private static func append(_ fields: [[UInt8]], then last: UInt8, to line: inout TextArena) {
        for (index, field) in fields.enumerated() {
            let end = index + 1 == fields.count ? last : UInt8(ascii: ";")
            TSVField.append(field.span, escapingSeparators: true, then: end, to: &line)
        }
        if fields.isEmpty { line.append(last) }
    }

    private static func name(_ cause: RouteChangeCause) -> [UInt8] {
        switch cause {
        case .entry(let relation, let key, _, _): Array("\(relation) ".utf8) + key
        default: Array(DiffPlace.text(cause).utf8)
        }
    }

    private struct Places {
        var old: EntryLocation?
        var new: EntryLocation?
    }

    private static func place(_ cause: RouteChangeCause, _ side: KeyPath<Places, EntryLocation?>) -> [UInt8] {
        let places =
            switch cause {
            case .entry(_, _, let old, let new), .lines(_, let old, let new): Places(old: old, new: new)
            default: Places()
            }
        return Array((places[keyPath: side].map(DiffPlace.text) ?? "-").utf8)
    }
}

/// One object a line: for each address one, and at last one that counts.
enum DiffObjects {
    static func append(_ change: RouteChange, to output: inout [UInt8]) {
        var json = JSONText()
        json.object { json in
            json.name("change")
            json.string(change.kind.rawValue)
            json.name("address")
            json.text(change.address)
            json.name("old")
            json.text(change.old)
            json.name("new")
            json.text(change.new)
            json.name("causes")
            json.array { json in
                for cause in change.causes { append(cause, to: &json) }
            }
        }
        output.append(contentsOf: json.bytes)
        output.append(ASCII.lineFeed)
    }

    /// Appends what a comparison came to; nothing where no route differs.
    static func append(_ counts: ComparisonCounts, to output: inout [UInt8]) {
        guard counts.differs else { return }
        var json = JSONText()
        json.object { json in
            json.name("asked")
            json.number(counts.asked)
            json.name("changes")
            json.object { json in
                for kind in RouteChangeKind.allCases {
                    json.name(kind.rawValue)
                    json.number(counts.changes[kind] ?? 0)
                }
            }
            json.name("entries")
            json.number(counts.changedEntries)
            json.name("entriesWithoutEffect")
            json.number(counts.entriesWithoutEffect)
            json.name("withoutEffect")
            json.array { json in
                for place in counts.placesWithoutEffect { append(place, to: &json) }
            }
        }
        output.append(contentsOf: json.bytes)
        output.append(ASCII.lineFeed)
    }

    private static func append(_ cause: RouteChangeCause, to json: inout JSONText) {
        json.object { json in
            switch cause {
            case .entry(let relation, let key, let old, let new):
                json.name("relation")
                json.string(relation)
                json.name("key")
                json.text(key)
                append(old, new, to: &json)
            case .lines(let relation, let old, let new):
                json.name("lines")
                json.string(relation)
                append(old, new, to: &json)
            case .failure(let map, let reason):
                json.name("failedMap")
                json.string(map)
                json.name("reason")
                json.string(reason)
            case .file(let path):
                json.name("file")
                json.string(path)
            case .setting(let name, let old, let new):
                json.name("setting")
                json.string(name)
                json.name("old")
                json.string(old)
                json.name("new")
                json.string(new)
            case .unknown:
                json.name("unknown")
                json.string(DiffPlace.text(cause))
            }
        }
    }

    private static func append(_ old: EntryLocation?, _ new: EntryLocation?, to json: inout JSONText) {
        for (name, place) in [("old", old), ("new", new)] {
            guard let place else { continue }
            json.name(name)
            append(place, to: &json)
        }
    }

    private static func append(_ place: EntryLocation, to json: inout JSONText) {
        json.object { json in
            json.name("relation")
            json.string(place.relation)
            json.name("file")
            json.string(place.file)
            guard let line = place.line else { return }
            json.name("line")
            json.number(line)
        }
    }
}
