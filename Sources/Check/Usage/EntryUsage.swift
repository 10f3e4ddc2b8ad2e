// Which entries of a site addresses use: the addresses of logs are asked once more, and what they find is noted.

import Bytes
package import Maps
import Routing
package import Site

/// An entry that nothing has used.
package struct UnusedEntry: Sendable {
    /// Where it stands.
    package let place: EntryLocation
    /// Its value.
    package let value: [UInt8]
}

/// What looking for unused entries came to.
package struct UsageCounts: Sendable {
    /// How many addresses were asked.
    package internal(set) var asked = 0
    /// How many entries there are, and how many of them were used.
    package internal(set) var entries = 0, used = 0
    /// How many addresses could not be looked up, so that the entries that they use are not known.
    package internal(set) var uncertain = 0
    /// Why the first of them could not.
    package internal(set) var uncertainty: String?
    /// Maps whose entries cannot all be read.
    package internal(set) var failures: [MapError] = []
}

/// Finds the entries of a site that nothing uses.
package struct EntryUsage: ~Copyable {
    private let site: Site
    private var pool: ResolverPool<ExplainedAnswers>
    /// The entries that were used, by the hash of their map and key.
    private var used: Set<UInt64> = []
    /// The lines of dbases.conf by the maps that they name.
    private let maps: [TableName: Int]
    /// The same by relation and file.
    private let places: [String: Int]
    private var counts = UsageCounts()

    /// Nothing is known to be used yet.
    ///
    /// - Parameters:
    ///   - texts: what reads the site's text maps.
    ///   - workers: the most threads.
    package init(_ site: Site, texts: TextTableLoader, workers: Int) {
        self.site = site
        // What a cache answers is seen in no trace.
        let uncached = site.changing { definition in
            var definition = definition
            definition.flags.cacheSize = 0
            return definition
        }
        pool = ResolverPool(
            workers: workers, health: site.makeHealth(),
            work: ResolverPool.Work(
                makeResolver: { uncached.makeResolver(texts: texts, watch: $0, trace: Trace()) },
                emptyProduct: { _ in ExplainedAnswers() },
                report: { $3.add($1, $2) }))
        var maps: [TableName: Int] = [:]
        for (index, definition) in site.databases.definitions.enumerated() where maps[definition.tableName] == nil {
            maps[definition.tableName] = index
        }
        self.maps = maps
        places = Dictionary(maps.map { ("\($0.key.relation) \($0.key.file)", $0.value) }) { first, _ in first }
    }

    /// Notes what addresses use.
    ///
    /// - Parameter addresses: are taken out.
    package mutating func note(_ addresses: inout FoundAddresses) {
        counts.asked += addresses.count
        pool.submit(addresses.takeBatch())
        take(leaving: pool.capacity - 1)
    }

    /// Notes that an entry was used, as counters have it.
    package mutating func note(relation: String, map: String, key: [UInt8]) {
        guard let index = places["\(relation) \(map)"] else { return }
        used.insert(EntryHash.of(key, relation: index))
    }

    /// Goes through the entries that nothing has used, in the order of dbases.conf, and ends.
    ///
    /// - Parameter body: told of each; answers whether to go on.
    package consuming func finish(_ body: (UnusedEntry) -> Bool) -> UsageCounts {
        take(leaving: 0)
        var counts = self.counts
        let used = self.used
        // Of other relations the chain asks nothing, whatever their entries are used for.
        for (index, definition) in site.databases.definitions.enumerated()
        where definition.type != .none && RelationName(rawValue: definition.relation) != nil {
            // Text has its lines; those of compiled maps are in their sources.
            let source = definition.textForm == nil ? (try? MapSource(of: definition)) ?? nil : nil
            do throws(MapError) {
                try site.readEntries(of: definition) { batch in
                    for entry in batch {
                        counts.entries += 1
                        guard !used.contains(EntryHash.of(entry.key, relation: index)) else {
                            counts.used += 1
                            continue
                        }
                        let known = source?.entry(of: entry.key.span)
                        let line = entry.line ?? (known?.value == entry.value ? known?.line : nil)
                        let place = EntryLocation(
                            relation: definition.relation, key: entry.key,
                            file: line == nil
                                ? definition.tableName.file : definition.source?.path ?? definition.tableName.file,
                            line: line)
                        guard body(UnusedEntry(place: place, value: entry.value)) else { return false }
                    }
                    return true
                }
            } catch {
                counts.failures.append(error)
            }
        }
        pool.close()
        return counts
    }

    private mutating func take(leaving limit: Int) {
        while pool.inFlight > limit, let answers = pool.next() {
            for entries in answers.entries {
                for found in entries.found {
                    guard let index = maps[found.table] else { continue }
                    used.insert(EntryHash.of(found.key, relation: index))
                }
                if let failed = entries.failed.first {
                    counts.uncertain += 1
                    if counts.uncertainty == nil { counts.uncertainty = "\(failed.table): \(failed.failure ?? "")" }
                }
            }
        }
    }
}
