// What differs between two sites, for people: by kind of change, and for each entry that made it how many addresses it
// concerns, with examples.

import Check
import Configuration

/// Changes put together by kind and cause.
struct DiffSummary {
    private struct Group {
        var count = 0
        var examples: [RouteChange] = []
    }

    private struct Key: Hashable {
        let kind: RouteChangeKind
        let causes: [RouteChangeCause]
    }

    private let old: String, new: String
    private var groups: [Key: Group] = [:]
    /// In the order in which they were met.
    private var order: [Key] = []
    /// How many changes of each kind belong to groups that are not kept.
    private var rest: [RouteChangeKind: Int] = [:]

    /// So many groups are kept.
    private static let groupLimit = 20_000
    /// So many groups of a kind are shown.
    private static let shownGroups = 100
    /// So many addresses are shown for a group.
    private static let examples = 3

    init(old: String, new: String) {
        (self.old, self.new) = (old, new)
    }

    /// Adds a change.
    mutating func add(_ change: RouteChange) {
        let key = Key(kind: change.kind, causes: change.causes)
        if groups[key] == nil {
            guard order.count < Self.groupLimit else {
                rest[change.kind, default: 0] += 1
                return
            }
            groups[key] = Group()
            order.append(key)
        }
        groups[key]?.count += 1
        guard let group = groups[key], group.examples.count < Self.examples else { return }
        groups[key]?.examples.append(change)
    }

    /// Writes all of it; nothing where no route differs.
    func write(_ counts: ComparisonCounts, to output: inout OutputStream) {
        guard counts.differs else { return }
        for kind in RouteChangeKind.allCases {
            guard let count = counts.changes[kind], count > 0 else { continue }
            output.write("\(counted(count, "address", "addresses")) \(Self.words(kind, count)):\n")
            let keys = order.filter { $0.kind == kind }
                .sorted { (groups[$0]?.count ?? 0) > (groups[$1]?.count ?? 0) }
            for key in keys.prefix(Self.shownGroups) {
                guard let group = groups[key] else { continue }
                write(key, group, to: &output)
            }
            let left = keys.dropFirst(Self.shownGroups)
            let addresses = left.reduce(rest[kind] ?? 0) { $0 + (groups[$1]?.count ?? 0) }
            if addresses > 0 {
                output.write("  and \(counted(addresses, "address", "addresses")) more; --format tsv has all of them\n")
            }
        }
        output.write("\(counted(counts.asked, "address was", "addresses were")) asked for")
        output.write("; \(counted(counts.changedEntries, "entry differs", "entries differ"))")
        if counts.entriesWithoutEffect > 0 {
            output.write(", \(counts.entriesWithoutEffect) of them without effect on any of these addresses")
        }
        output.write("\n")
        for place in counts.placesWithoutEffect.prefix(10) where counts.entriesWithoutEffect > 0 {
            output.write("  without effect: \(place.relation) in \(DiffPlace.text(place))\n")
        }
    }

    private func write(_ key: Key, _ group: Group, to output: inout OutputStream) {
        for (index, cause) in key.causes.prefix(4).enumerated() {
            output.write("  \(index == 0 ? "" : "and ")\(DiffPlace.text(cause))\n")
        }
        if key.causes.count > 4 { output.write("  and \(counted(key.causes.count - 4, "more", "more"))\n") }
        for change in group.examples {
            output.write(
                "      \(printable(change.address)): \(printable(change.old)) -> \(printable(change.new))\n")
        }
        let left = group.count - group.examples.count
        if left > 0 { output.write("      and \(counted(left, "address", "addresses")) more\n") }
    }

    private static func words(_ kind: RouteChangeKind, _ count: Int) -> String {
        switch kind {
        case .rerouted: count == 1 ? "changes its route" : "change their routes"
        case .appeared: count == 1 ? "appears" : "appear"
        case .vanished: count == 1 ? "vanishes" : "vanish"
        case .deferred: count == 1 ? "becomes deferred" : "become deferred"
        case .bounced: count == 1 ? "bounces" : "bounce"
        }
    }
}

/// Places and causes as people read them.
enum DiffPlace {
    /// `FILE:LINE`.
    static func text(_ place: EntryLocation) -> String { place.file + (place.line.map { ":\($0)" } ?? "") }

    /// What made a difference.
    static func text(_ cause: RouteChangeCause) -> String {
        switch cause {
        case .entry(let relation, let key, let old, let new):
            let name = "\(relation) '\(printable(key))'"
            return switch (old, new) {
            case (let old?, let new?) where old == new: "\(name) differs: \(text(old))"
            case (let old?, let new?): "\(name) differs: \(text(old)), \(text(new))"
            case (let old?, nil): "\(name) is gone: \(text(old))"
            case (nil, let new?): "\(name) is new: \(text(new))"
            case (nil, nil): name
            }
        case .failure(let map, let reason): return "\(map) cannot be asked: \(reason)"
        case .file(let path): return "\(path) has other content"
        case .lines(let relation, let old, let new):
            let places = [old, new].map { $0.map(text) ?? "none" }
            return "the lines of dbases.conf for \(relation) differ: \(places.joined(separator: ", "))"
        case .setting(let name, let old, let new): return "the setting \(name) differs: '\(old)', '\(new)'"
        case .unknown: return "no entry was found to differ: a map was perhaps changed meanwhile"
        }
    }
}
