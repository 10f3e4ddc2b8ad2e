// Which entries of two sites differ: one relation after another, so that no more than one is in memory at a time. An entry is
// what a relation answers for a key, whichever of its maps has it.

import Bytes
import Maps
import Site

/// Hashes of keys, with a secret of the process: nobody can choose keys that look the same.
enum EntryHash {
    /// The hash of a key of a relation.
    static func of(_ key: [UInt8], relation: Int = 0) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(relation)
        // The closure reads what it is given.
        unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

/// Where an entry stands in one of two sites.
struct EntrySpot: Sendable, Hashable {
    /// The index of its map among the lines of dbases.conf.
    let map: Int32
    /// The line of its source; 0 where none is known.
    var line: UInt32

    /// The place, for messages.
    func place(_ relation: String, _ key: [UInt8], in site: Site) -> EntryLocation {
        let definition = site.databases.definitions[Int(map)]
        let isText = line > 0
        return EntryLocation(
            relation: relation, key: key,
            file: isText ? definition.source?.path ?? definition.tableName.file : definition.tableName.file,
            line: isText ? Int(line) : nil)
    }
}

/// An entry that is another one, or on one side only.
struct ChangedEntry: Sendable, Hashable {
    /// Where the old site has it; nil where it does not.
    var old: EntrySpot?
    /// Where the new site has it; nil where it does not.
    var new: EntrySpot?
    /// Whether a changed route was put down to it.
    var hasEffect = false
}

/// The entries in which two sites differ.
struct EntryChanges {
    /// What is known of an entry of the old site.
    private struct Known {
        let value: UInt64
        var spot: EntrySpot
        var isSeen = false
    }

    /// The differing entries, by the hash of relation and key.
    private(set) var all: [UInt64: ChangedEntry] = [:]
    /// The relations, which hashes have by their index.
    let relations: [String]
    /// Maps whose entries cannot all be read.
    private(set) var failures: [MapError] = []
    private let old: Site, new: Site

    /// Compares the entries of two sites.
    ///
    /// - Parameter progress: told how many entries were read; answers whether to go on.
    init(_ old: Site, _ new: Site, progress: (Int) -> Bool) {
        (self.old, self.new) = (old, new)
        var relations = old.databases.relations
        for name in new.databases.relations where !relations.contains(name) { relations.append(name) }
        self.relations = relations
        var count = 0
        for index in relations.indices { compare(index, &count, progress) }
    }

    /// The entry of a key as a lookup asked for it, where it differs.
    func change(_ relation: String, _ key: [UInt8]) -> (hash: UInt64, entry: ChangedEntry)? {
        guard let index = relations.firstIndex(of: relation) else { return nil }
        let hash = EntryHash.of(key, relation: index)
        if let entry = all[hash] { return (hash, entry) }
        // Maps that are compared without regard to case have their keys in lower case here.
        guard key.contains(where: { ASCII.lowercase($0) != $0 }) else { return nil }
        let folded = EntryHash.of(key.map(ASCII.lowercase), relation: index)
        return all[folded].map { (folded, $0) }
    }

    /// Notes that a route was put down to an entry.
    mutating func noteEffect(_ hash: UInt64) { all[hash]?.hasEffect = true }

    private mutating func compare(_ relation: Int, _ count: inout Int, _ progress: (Int) -> Bool) {
        let name = relations[relation]
        let maps = (old: Self.maps(name, old), new: Self.maps(name, new))
        // The same files on both sides have the same entries.
        if maps.old.map(\.definition.tablePath) == maps.new.map(\.definition.tablePath),
            maps.old.map(\.definition.compile) == maps.new.map(\.definition.compile),
            maps.old.map(\.definition.type) == maps.new.map(\.definition.type)
        {
            return
        }
        var known: [UInt64: Known] = [:]
        for (index, definition) in maps.old {
            read(definition, old, &count, progress) { entry in
                let hash = EntryHash.of(entry.key, relation: relation)
                guard known[hash] == nil else { return }
                known[hash] = Known(
                    value: EntryHash.of(entry.value),
                    spot: EntrySpot(map: Int32(clamping: index), line: UInt32(clamping: entry.line ?? 0)))
            }
        }
        var added: [UInt64: ChangedEntry] = [:]
        for (index, definition) in maps.new {
            read(definition, new, &count, progress) { entry in
                let hash = EntryHash.of(entry.key, relation: relation)
                let spot = EntrySpot(map: Int32(clamping: index), line: UInt32(clamping: entry.line ?? 0))
                guard let before = known[hash] else {
                    if added[hash] == nil { added[hash] = ChangedEntry(new: spot) }
                    return
                }
                guard !before.isSeen else { return }
                known[hash]?.isSeen = true
                if before.value != EntryHash.of(entry.value) {
                    added[hash] = ChangedEntry(old: before.spot, new: spot)
                }
            }
        }
        for (hash, entry) in known where !entry.isSeen { added[hash] = ChangedEntry(old: entry.spot) }
        known = [:]
        findLines(&added, relation, maps.old, \.old)
        findLines(&added, relation, maps.new, \.new)
        all.merge(added) { first, _ in first }
    }

    private static func maps(_ relation: String, _ site: Site) -> [(index: Int, definition: MapDefinition)] {
        site.databases.definitions.enumerated().filter { $1.relation == relation && $1.type != .none }
            .map { (index: $0, definition: $1) }
    }

    private mutating func read(
        _ definition: MapDefinition, _ site: Site, _ count: inout Int, _ progress: (Int) -> Bool,
        _ body: (MapEntry) -> Void
    ) {
        do throws(MapError) {
            try site.readEntries(of: definition) { batch in
                for entry in batch { body(entry) }
                count += batch.count
                return progress(count)
            }
        } catch {
            failures.append(error)
        }
    }

    /// Finds the lines of changed entries of compiled maps, in their sources.
    private func findLines(
        _ changed: inout [UInt64: ChangedEntry], _ relation: Int, _ maps: [(index: Int, definition: MapDefinition)],
        _ side: WritableKeyPath<ChangedEntry, EntrySpot?>
    ) {
        for (index, definition) in maps where definition.textForm == nil {
            guard changed.values.contains(where: { $0[keyPath: side]?.map == Int32(clamping: index) }),
                let source = try? MapSource(of: definition)
            else { continue }
            for number in 0..<source.count {
                let entry = source[number]
                let hash = EntryHash.of(entry.key, relation: relation)
                guard changed[hash]?[keyPath: side]?.map == Int32(clamping: index) else { continue }
                changed[hash]?[keyPath: side]?.line = UInt32(clamping: entry.line ?? 0)
            }
        }
    }
}
