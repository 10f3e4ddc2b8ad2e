// Text maps: the input is a source in the plain form, or two with a form feed between them, of which the second replaces
// the first. Each way to ask for a key gives what a simple reading gives.

import Configuration
import Files
import MailAddress
import Maps

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
    guard let databases = try? DatabasesConf(Array(conf.utf8), file: "/dbases.conf", variables: Variables()) else {
        preconditionFailure("the configuration of the target is not valid")
    }
    var set = MapSet(databases, tables: SiteTableFactory(texts: TextTableLoader()))
    set.beginAddress(now: MonotonicTime(nanoseconds: 0))
    check(&set, first)
    guard generations.count > 1 else { return }
    // A file of the same size might not be seen to be another.
    let second = generations[1].count == first.count ? generations[1] + [0x0A] : generations[1]
    file.replace(by: second)
    // One address sees one generation.
    set.beginAddress(now: MonotonicTime(nanoseconds: 1))
    if !first.contains(0) { check(&set, first) }
    set.beginAddress(now: MonotonicTime(nanoseconds: 1_000_000_000))
    check(&set, second)
}

private func check(_ set: inout MapSet, _ bytes: [UInt8]) {
    guard !bytes.contains(0) else {
        for name in ["folded", "exact", "upper", "several"] {
            var text = ByteBlock()
            let key = text.append([1])
            let outcome = Result { () throws(MapError) in try set.find(key, of: &text, in: set.relation(name)) }
            guard case .failure = outcome else { preconditionFailure("a source with a NUL is read") }
        }
        return
    }
    check(&set, "folded", PlainSource(bytes, folding: .lower), folding: .lower)
    check(&set, "exact", PlainSource(bytes, folding: .none), folding: .none)
    check(&set, "upper", PlainSource(bytes, folding: .upper), folding: .upper)
    checkSeveral(&set, PlainSource(bytes, folding: .lower))
}

/// Looks up every key, and every key with a byte less, more or another.
private func check(_ set: inout MapSet, _ name: String, _ source: PlainSource, folding: KeyFolding) {
    let relation = set.relation(name)
    var text = ByteBlock()
    for key in probes(source) {
        text.removeAll()
        let wanted = key.isEmpty ? nil : source.entries[key.map(folding.fold)]
        let hit = (try? set.find(text.append(key), of: &text, in: relation)) ?? nil
        precondition(hit.map { text[$0.value] } == wanted, "\(name): another answer to a key")
        precondition(hit.map { text[$0.key] == key.map(folding.fold) } ?? true, "\(name): another key")
        // What is folded already may be asked for with its hash.
        let folded = text.append(key.map(ASCII.lowercase))
        let hash = set.hash(folded, of: text)
        let isKnown = !folded.isEmpty && source.entries[text[folded].map(folding.fold)] != nil
        let lacks = set.certainlyLacks(folded: folded, of: text, hash, in: relation)
        precondition(!(lacks && isKnown), "\(name): what it has is certainly lacking")
        let byHash = (try? set.find(folded: folded, of: &text, hash, in: relation)) ?? nil
        precondition((byHash != nil) == isKnown, "\(name): another answer to a hash")
    }
}

/// Two maps, the first of which decides.
private func checkSeveral(_ set: inout MapSet, _ source: PlainSource) {
    let relation = set.relation("several")
    var text = ByteBlock()
    for key in probes(source) + ["other@b.example", "both@a.example", "neither@a.example"].map({ Array($0.utf8) }) {
        let folded = key.map(ASCII.lowercase)
        guard !folded.isEmpty else { continue }
        let isOther = folded == Array("other@b.example".utf8) || folded == Array("both@a.example".utf8)
        let wanted = source.entries[folded] ?? (isOther ? [UInt8(ascii: "b")] : nil)
        text.removeAll()
        let place = text.append(folded)
        let hash = set.hash(place, of: text)
        // The first lookup loads the maps; before, nothing is certain.
        let lacksBefore = set.certainlyLacks(folded: place, of: text, hash, in: relation)
        let hit = (try? set.find(folded: place, of: &text, hash, in: relation)) ?? nil
        precondition(hit.map { text[$0.value] } == wanted, "several: another answer")
        precondition(!(lacksBefore && hit != nil), "several: what they have is certainly lacking")
        if let hit { precondition(hit.map == (source.entries[folded] == nil ? 1 : 0), "several: another map") }
    }
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
