// Text maps: the input is a source in the plain form, or two with a form feed between them, of which the second replaces
// the first. Each way to ask for a key gives what a simple reading gives.

import Bytes
import Configuration
import Maps
import Site
import System

func fuzzTexts(_ bytes: [UInt8]) {
    let generations = bytes.split(separator: 0x0C, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    let first = generations[0]
    let file = MemoryFile(first)
    let other = MemoryFile(Array("other@b.example b\nboth@a.example b\n".utf8))
    let conf = """
        folded text - -l \(file.path) -lm
        exact text - - \(file.path) -m
        upper text - -u \(file.path) -um
        several text - -l \(file.path) -lm
        several text - -l \(other.path) -lm
        """
    guard
        let databases = try? DatabasesConf(
            Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
    else {
        preconditionFailure("the configuration of the target is not valid")
    }
    let loader = TextTableLoader(allowing: .all, clock: .late) { _ in }
    var run = TextsRun(MapSet(databases, tables: WorkerTables(.all, for: MapWorker(texts: loader))))
    run.set.beginAddress(now: MonotonicTime(nanoseconds: 0))
    run.check(first)
    guard generations.count > 1 else { return }
    // A file of the same size might not be seen to be another.
    let second = generations[1].count == first.count ? generations[1] + [0x0A] : generations[1]
    file.replace(by: second)
    // One address sees one generation.
    run.set.beginAddress(now: MonotonicTime(nanoseconds: 1))
    if !isRefused(first) { run.check(first) }
    run.set.beginAddress(now: MonotonicTime(nanoseconds: 1_000_000_000))
    run.check(second)
}

/// Maps, and groups of them, which have a short way of their own.
private struct TextsRun: ~Copyable {
    var set: MapSet
    private var folded: RelationGroup, exact: RelationGroup, upper: RelationGroup, several: RelationGroup
    private var both: RelationGroup

    init(_ set: consuming MapSet) {
        folded = set.group([set.relation("folded")])
        exact = set.group([set.relation("exact")])
        upper = set.group([set.relation("upper")])
        several = set.group([set.relation("several")])
        both = set.group([set.relation("exact"), set.relation("several")])
        self.set = set
    }

    mutating func check(_ bytes: [UInt8]) {
        guard !isRefused(bytes) else {
            for name in ["folded", "exact", "upper", "several"] {
                var text = TextArena()
                let key = text.append([1])
                let outcome = Result { () throws(MapError) in try set.find(key, of: &text, in: set.relation(name)) }
                guard case .failure = outcome else { preconditionFailure("a source with a NUL, or in UTF-16, is read") }
            }
            return
        }
        Self.check(&set, "folded", PlainSource(bytes, folding: .lower), folding: .lower, &folded)
        Self.check(&set, "exact", PlainSource(bytes, folding: .none), folding: .none, &exact)
        Self.check(&set, "upper", PlainSource(bytes, folding: .upper), folding: .upper, &upper)
        checkSeveral(PlainSource(bytes, folding: .lower))
        checkBoth(PlainSource(bytes, folding: .none), PlainSource(bytes, folding: .lower))
    }

    /// Looks up every key, and every key with a byte less, more or another.
    private static func check(
        _ set: inout MapSet, _ name: String, _ source: PlainSource, folding: KeyFolding, _ group: inout RelationGroup
    ) {
        let relation = set.relation(name)
        var text = TextArena()
        for key in probes(source) {
            text.removeAll()
            let wanted = key.isEmpty ? nil : source.entries[key.map(folding.fold)]
            let place = text.append(key)
            let hit = (try? set.find(place, of: &text, in: relation)) ?? nil
            precondition(hit.map { text[$0.value] } == wanted, "\(name): another answer to a key")
            precondition(hit.map { text[$0.key] == key.map(folding.fold) } ?? true, "\(name): another key")
            let short = (try? set.find(place, isFolded: false, of: &text, in: &group)) ?? nil
            precondition(short.map { text[$0.value] } == wanted, "\(name): another answer of the group")
            precondition(short.map { text[$0.key] } == hit.map { text[$0.key] }, "\(name): another key of the group")
            // What is in lower case already need not be folded.
            let folded = text.append(key.map(ASCII.lowercase))
            let known = folded.isEmpty ? nil : source.entries[text[folded].map(folding.fold)]
            let byFolded = (try? set.find(folded, isFolded: true, of: &text, in: &group)) ?? nil
            precondition(byFolded.map { text[$0.value] } == known, "\(name): another answer to a folded key")
        }
    }

    /// Two maps, the first of which decides.
    private mutating func checkSeveral(_ source: PlainSource) {
        var text = TextArena()
        for key in probes(source) + ["other@b.example", "both@a.example", "neither@a.example"].map({ Array($0.utf8) }) {
            let folded = key.map(ASCII.lowercase)
            guard !folded.isEmpty else { continue }
            let isOther = folded == Array("other@b.example".utf8) || folded == Array("both@a.example".utf8)
            let wanted = source.entries[folded] ?? (isOther ? [UInt8(ascii: "b")] : nil)
            text.removeAll()
            let hit = (try? set.find(text.append(folded), isFolded: true, of: &text, in: &several)) ?? nil
            precondition(hit.map { text[$0.value] } == wanted, "several: another answer")
            if let hit { precondition(hit.map == (source.entries[folded] == nil ? 1 : 0), "several: another map") }
        }
    }

    /// Two relations, the first of which decides.
    private mutating func checkBoth(_ exact: PlainSource, _ lower: PlainSource) {
        var text = TextArena()
        for key in probes(exact) where !key.isEmpty {
            text.removeAll()
            let place = text.append(key)
            for first in 0...1 {
                let byFirst = first == 0 ? exact.entries[key] : nil
                let wanted = byFirst ?? lower.entries[key.map(ASCII.lowercase)]
                let hit = (try? set.find(place, isFolded: false, of: &text, in: &both, from: first)) ?? nil
                // The map beside it has keys of its own.
                let isOther = [Array("other@b.example".utf8), Array("both@a.example".utf8)]
                    .contains(key.map(ASCII.lowercase))
                if wanted == nil, isOther { continue }
                precondition(hit.map { text[$0.value] } == wanted, "both: another answer")
                if let hit { precondition(hit.relation == (byFirst == nil ? 1 : 0), "both: another relation") }
            }
        }
    }
}

/// Whether a source is refused whatever is allowed.
private func isRefused(_ bytes: [UInt8]) -> Bool {
    bytes.contains(0) || bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
}

/// Keys to look up: those there are, and their neighbours.
private func probes(_ source: PlainSource) -> [[UInt8]] {
    var probes: [[UInt8]] = [[], [0x40]]
    for key in source.entries.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }).prefix(64) {
        probes.append(key)
        probes.append(key.dropLast())
        probes.append(key + [UInt8(ascii: "x")])
        if let last = key.last { probes.append(key.dropLast() + [last ^ 1]) }
        if let first = key.first { probes.append([first ^ 0x20] + key.dropFirst()) }
    }
    return probes
}
