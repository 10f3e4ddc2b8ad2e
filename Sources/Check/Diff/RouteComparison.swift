// Compares where two sites send addresses: batch after batch, each asked of both.

import Bytes
package import Maps
import Routing
import Site

/// What a comparison came to.
package struct ComparisonCounts: Sendable {
    /// How many addresses were asked.
    package internal(set) var asked = 0
    /// How many changes of each kind there are.
    package internal(set) var changes: [RouteChangeKind: Int] = [:]
    /// How many addresses neither site can look up, so that nobody knows whether their routes differ.
    package internal(set) var uncertain = 0
    /// Why the first of them cannot be looked up.
    package internal(set) var uncertainty: String?
    /// Maps whose entries could not all be read, so that not all their keys were asked.
    package internal(set) var failures: [MapError] = []
    /// How many entries differ, or are on one side only.
    package internal(set) var changedEntries = 0
    /// How many of them change the route of no address that was asked.
    package internal(set) var entriesWithoutEffect = 0
    /// Where the first of these stand.
    package internal(set) var placesWithoutEffect: [EntryLocation] = []
    /// How many addresses were left out, because there would have been too many.
    package internal(set) var leftOut = 0

    /// Whether some route differs.
    package var differs: Bool { !changes.isEmpty }
}

/// A comparison of two sites.
package struct RouteComparison: ~Copyable {
    /// Told of each address whose route differs, once.
    let report: (RouteChange) -> Void
    /// Told how much was done; answers whether to go on.
    let progress: (Int) -> Bool
    private var old: AskedSite
    private var new: AskedSite
    let oldSite: Site, newSite: Site
    var changes: EntryChanges
    private let differences: SiteDifferences
    /// What is to be asked next.
    var list = FoundAddresses()
    /// The addresses of the batches that are in flight, the oldest first.
    private var waiting: [FoundAddresses] = []
    private var differing = FoundAddresses()
    private var differingLines: [(kind: RouteChangeKind, isDeferred: Bool, old: [UInt8], new: [UInt8])] = []
    /// The addresses that were reported, as hashes.
    private var reported: Set<UInt64> = []
    /// What follows from addresses that were reported.
    var relatives: RelatedAddresses
    /// Aliases with a tail in their keys that go elsewhere.
    var tailed = TailedAliases()
    var counts = ComparisonCounts()
    /// Whether nobody wants more.
    package private(set) var isStopped = false

    private static let batchSize = 1_024

    /// Prepares a comparison, for which the entries of both sites are read.
    ///
    /// - Parameters:
    ///   - oldTexts: what reads the text maps of the old site.
    ///   - newTexts: what reads those of the new one.
    ///   - workers: the most threads that ask each of the sites.
    ///   - now: the time in seconds since 1970, for values that delay.
    ///   - report: told of each address whose route differs, once.
    ///   - progress: told how many entries were read or addresses asked; answers whether to go on.
    package init(
        _ old: ComparedSite, _ new: ComparedSite, oldTexts: TextTableLoader, newTexts: TextTableLoader, workers: Int,
        now: Int64, report: @escaping (RouteChange) -> Void, progress: @escaping (Int) -> Bool
    ) {
        self.report = report
        self.progress = progress
        (oldSite, newSite) = (old.site, new.site)
        self.old = AskedSite(old.site, texts: oldTexts, workers: workers, now: now)
        self.new = AskedSite(new.site, texts: newTexts, workers: workers, now: now)
        changes = EntryChanges(old.site, new.site, progress: progress)
        differences = SiteDifferences(old.site, new.site)
        relatives = RelatedAddresses(old.site, new.site)
        counts.failures = changes.failures
        counts.changedEntries = changes.all.count
    }

    /// Compares addresses that were found in files.
    ///
    /// - Parameter addresses: are taken out.
    package mutating func compare(_ addresses: inout FoundAddresses) {
        let asked = addresses
        _ = addresses.takeBatch()
        submit(asked)
    }

    /// Ends the comparison.
    ///
    /// - Returns: what it came to.
    package consuming func finish() -> ComparisonCounts {
        settle()
        var counts = self.counts
        for (_, entry) in changes.all where !entry.hasEffect {
            counts.entriesWithoutEffect += 1
            guard counts.placesWithoutEffect.count < 1_000 else { continue }
            let site = entry.new == nil ? oldSite : newSite
            guard let spot = entry.new ?? entry.old else { continue }
            let relation = site.databases.definitions[Int(spot.map)].relation
            counts.placesWithoutEffect.append(spot.place(relation, [], in: site))
        }
        counts.placesWithoutEffect.sort { ($0.file, $0.line ?? 0) < ($1.file, $1.line ?? 0) }
        old.close()
        new.close()
        return counts
    }

    // MARK: Asking

    /// Asks what is in the list, where that is enough for a batch.
    mutating func submitIfFull() {
        guard list.count >= Self.batchSize else { return }
        submit(list)
        list = FoundAddresses()
    }

    private mutating func submit(_ addresses: FoundAddresses) {
        guard addresses.count > 0, !isStopped else { return }
        old.pool.submit(addresses.batch)
        new.pool.submit(addresses.batch)
        waiting.append(addresses)
        drain(leaving: old.pool.capacity - 1)
    }

    /// Asks and compares all that waits, and all that follows from what is found.
    mutating func settle() {
        repeat {
            submit(list)
            list = FoundAddresses()
            drain(leaving: 0)
            explain()
            relatives.takeFollowing(into: &list, &counts.leftOut)
        } while list.count > 0 && !isStopped
    }

    private mutating func drain(leaving limit: Int) {
        while old.pool.inFlight > limit {
            guard let before = old.pool.next(), let after = new.pool.next() else { return }
            let addresses = waiting.removeFirst()
            counts.asked += addresses.count
            compare(addresses, before, after)
            if !progress(counts.asked) { isStopped = true }
            if differing.count >= Self.batchSize { explain() }
        }
    }

    private mutating func compare(
        _ addresses: FoundAddresses, _ before: borrowing RouteAnswers, _ after: borrowing RouteAnswers
    ) {
        if let deferral = before.deferral, after.deferral != nil {
            counts.uncertain += zip(before.states, after.states).count { $0 == .deferred && $1 == .deferred }
            if counts.uncertainty == nil { counts.uncertainty = deferral }
        }
        let isSame = before.lines.withSpan(0..<before.lines.end) { one in
            after.lines.withSpan(0..<after.lines.end) { one.isEqual(to: $0) }
        }
        guard !isSame else { return }
        var starts = (old: 0, new: 0)
        for index in before.states.indices where after.states.indices.contains(index) {
            let one = Self.line(&starts.old, before), other = Self.line(&starts.new, after)
            guard one != other, reported.insert(EntryHash.of(addresses[index])).inserted else { continue }
            let states = (old: before.states[index], new: after.states[index])
            differing.append(addresses[index])
            differingLines.append(
                (
                    RouteState.change(from: states.old, to: states.new),
                    states.old == .deferred || states.new == .deferred,
                    one, other
                ))
        }
    }

    private static func line(_ start: inout Int, _ answers: borrowing RouteAnswers) -> [UInt8] {
        let end = answers.lines.firstIndex(of: ASCII.lineFeed, in: start..<answers.lines.end) ?? answers.lines.end
        defer { start = end + 1 }
        return answers.lines[start..<end]
    }

    // MARK: Explaining

    private mutating func explain() {
        guard differing.count > 0 else { return }
        let addresses = differing
        let lines = differingLines
        differing = FoundAddresses()
        differingLines = []
        old.explaining.submit(addresses.batch)
        new.explaining.submit(addresses.batch)
        guard let before = old.explaining.next(), let after = new.explaining.next() else { return }
        for index in lines.indices {
            let entries = (before.entries[index], after.entries[index])
            let line = lines[index]
            let causes = causes(entries.0, entries.1, isDeferred: line.isDeferred)
            counts.changes[line.kind, default: 0] += 1
            relatives.note(addresses[index])
            tailed.note(addresses[index])
            report(
                RouteChange(
                    address: addresses[index], kind: line.kind, old: line.old, new: line.new, causes: causes))
        }
    }

    private mutating func causes(
        _ before: DecidingEntries, _ after: DecidingEntries, isDeferred: Bool
    ) -> [RouteChangeCause] {
        var causes: [RouteChangeCause] = []
        var hashes: [UInt64] = []
        for found in before.found + after.found {
            guard let (hash, entry) = changes.change(found.table.relation, found.key), !hashes.contains(hash) else {
                continue
            }
            hashes.append(hash)
            changes.noteEffect(hash)
            let relation = found.table.relation
            causes.append(
                .entry(
                    relation: relation, key: found.key,
                    old: entry.old.map { $0.place(relation, found.key, in: oldSite) },
                    new: entry.new.map { $0.place(relation, found.key, in: newSite) }))
        }
        if isDeferred {
            for failed in before.failed + after.failed {
                let cause = RouteChangeCause.failure(map: "\(failed.table)", reason: failed.failure ?? "")
                if !causes.contains(cause) { causes.insert(cause, at: 0) }
            }
        }
        if causes.isEmpty { causes = differences.causes(before, after) }
        return causes.isEmpty ? [.unknown] : causes
    }
}
