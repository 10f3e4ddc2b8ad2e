// Maps of a site made maps of another type, with proof: copied beside the old ones, compared route by route, brought up to date
// while nobody can change them, and put into effect in one step. Whatever fails before that step leaves the site as it was.

import Configuration
import Glibc
package import Maps
import Site
import System

/// Why maps were not converted.
package enum ConversionFailure: Error, Sendable {
    /// A map could not be read, or did not answer.
    case map(MapError)
    /// A file could not be read or written, or cannot hold an entry.
    case file(CompileError)
    /// The new type cannot hold so many entries of this map; the first of them, and why.
    case unfit(TableName, Int, String)
    /// Somebody changed this file meanwhile that nobody can be kept from changing.
    case changed(String)
    /// Addresses go elsewhere by the new maps; each was reported.
    case routesDiffer(ComparisonCounts)
    /// So many addresses can be looked up neither before nor after, so that nobody knows whether their routes stay; the reason
    /// of the first.
    case uncertain(Int, String)
    /// Whoever asked for it wants it no more.
    case stopped
}

/// A map that was copied.
package struct CopiedMap: Sendable {
    /// What it was made of and to.
    package let conversion: MapConversion
    /// How many entries it has.
    package internal(set) var entries: Int
    /// How many keys the old file had that no lookup finds, and that were left out.
    package internal(set) var neverFound = 0
    /// How many changes came while it was copied, and were carried over.
    package internal(set) var carriedOver = 0
    /// The entries at the time of the copy.
    var copied: MapSource
    /// The old file.
    let identity: FileIdentity
}

/// A conversion under way.
package struct SiteConversion {
    let plan: ConversionPlan
    var site: Site { plan.site }
    let compiler: MapCompiler
    let workers: Int
    let observer: @Sendable (MapConversion) -> any CallObserver
    let report: (RouteChange) -> Void
    let progress: (String, Int) -> Bool
    /// The maps that were copied, in the order of the plan; of those that share a file the first.
    package internal(set) var copies: [CopiedMap] = []

    /// Begins a conversion.
    ///
    /// - Parameters:
    ///   - compiler: writes the new files, and removes what is not wanted.
    ///   - workers: the most threads that ask each site.
    ///   - observer: makes what watches the calls of a live map.
    ///   - report: told of each address whose route differs.
    ///   - progress: told what is being done and how far it is; answers whether to go on.
    package init(
        _ plan: ConversionPlan, compiler: MapCompiler, workers: Int,
        observer: @escaping @Sendable (MapConversion) -> any CallObserver, report: @escaping (RouteChange) -> Void,
        progress: @escaping (String, Int) -> Bool
    ) {
        self.plan = plan
        self.compiler = compiler
        self.workers = workers
        self.observer = observer
        self.report = report
        self.progress = progress
    }

    /// Copies all maps beside the old ones, and compares every route.
    ///
    /// - Returns: how many addresses were asked.
    package mutating func prepare() throws(ConversionFailure) -> Int {
        for conversion in plan.conversions where copy(of: conversion.old.tablePath) == nil {
            copies.append(try copy(conversion))
        }
        return try compare()
    }

    // MARK: Copying

    private func copy(of path: String?) -> Int? {
        copies.firstIndex { $0.conversion.old.tablePath == path }
    }

    private func copy(_ conversion: MapConversion) throws(ConversionFailure) -> CopiedMap {
        let identity: FileIdentity
        do throws(FileError) {
            identity = try FileIdentity(path: conversion.old.tablePath ?? "-")
        } catch {
            throw .file(CompileError(error))
        }
        guard geteuid() == 0 || geteuid() == identity.owner else {
            throw .file(
                CompileError(
                    file: conversion.old.tablePath ?? "-",
                    reason:
                        "belongs to user \(identity.owner), and the new file would belong to user \(geteuid()): whose authority"
                        + " lists have would change", remedy: "run this as that user, or as root"))
        }
        let read = try read(conversion)
        try write(read.entries, conversion, identity)
        return CopiedMap(
            conversion: conversion, entries: read.entries.count, neverFound: read.neverFound, copied: read.entries,
            identity: identity)
    }

    /// Puts the entries of a map together in the order of their keys.
    ///
    /// - Parameter held: the map, where nobody else can change it meanwhile.
    /// - Returns: the entries, and how many there are besides that no lookup finds.
    func read(
        _ conversion: MapConversion, from held: HeldMap? = nil
    ) throws(ConversionFailure) -> (entries: MapSource, neverFound: Int) {
        let path = conversion.old.tablePath ?? "-"
        var neverFound = 0
        var count = 0
        var hasRoom = true
        var isWanted = true
        let entries: MapSource
        do throws(MapError) {
            entries = try MapSource(name: path) { (take: (MapEntry) -> Bool) throws(MapError) in
                /// - Returns: whether more are wanted.
                func keep(_ batch: [MapEntry]) -> Bool {
                    for entry in batch where hasRoom {
                        if entry.lacksNUL { neverFound += 1 } else { hasRoom = take(entry) }
                    }
                    count += batch.count
                    isWanted = progress(path, count)
                    return hasRoom && isWanted
                }
                if let held {
                    try held.forEach { isWanted && hasRoom ? keep([$0]) : false }
                } else {
                    try site.readEntries(of: conversion.old) { keep($0) }
                }
            }
        } catch {
            throw error.isStop ? .stopped : .map(error)
        }
        guard isWanted else { throw .stopped }
        guard hasRoom else {
            throw .file(
                CompileError(
                    file: path, reason: "its entries are larger than 4 GB together", remedy: "split the map"))
        }
        return (entries, neverFound)
    }

    /// Writes the new file; whoever might do something with the old one may do it with the new one, and lists have the same
    /// authority.
    func write(
        _ entries: MapSource, _ conversion: MapConversion, _ identity: FileIdentity
    ) throws(ConversionFailure) {
        let new = conversion.new
        let permissions = CompileJob.Permissions(keeping: identity)
        try checkFit(entries, conversion)
        do throws(CompileError) {
            // The source first: it is no younger than what might have been compiled of it.
            if let source = conversion.writtenSource {
                let format = SourceTextFormat(new.compile.isAliases ? .aliases : .plain, folding: new.compile.folding)
                _ = try compiler.prepare(entries, format: format, target: source, permissions: permissions)
            }
            if let format = site.format(of: new), let target = new.tablePath {
                _ = try compiler.prepare(entries, format: format, target: target, permissions: permissions) { count in
                    _ = progress(target, count)
                }
            }
        } catch {
            throw .file(error)
        }
    }

    /// Refuses entries that the new type cannot hold.
    private func checkFit(_ entries: MapSource, _ conversion: MapConversion) throws(ConversionFailure) {
        guard let format = site.format(of: conversion.new), format.refusesEntries else { return }
        var first: String?
        var count = 0
        let bytes = entries.bytes.span
        for index in 0..<entries.count {
            let place = entries.place(of: index)
            let refusal = format.refusal(
                ofKey: bytes.extracting(place.key), value: bytes.extracting(place.value))
            guard let refusal else { continue }
            count += 1
            if first == nil { first = "'\(String(decoding: entries[index].key, as: Unicode.UTF8.self))': \(refusal)" }
        }
        if let first { throw .unfit(conversion.old.tableName, count, first) }
    }

    // MARK: Comparing

    /// The site as it would be, with the files that were prepared.
    private var preparedSite: Site {
        let files = compiler.preparedFiles
        let conversions = plan.conversions
        return site.changing { definition in
            guard var new = conversions.first(where: { $0.old == definition })?.new else { return definition }
            // Nobody but this process has it yet.
            new.flags.environmentFile = nil
            new.readInstead = files.last { $0.target == new.tablePath }?.temporary
            return new
        }
    }

    /// Compares every route; where live maps were changed meanwhile, again what differs, once they are up to date.
    ///
    /// What differs at last must differ for nothing but entries that are seen to have changed in live maps since they were copied:
    /// when nobody can change these any more, nothing can be asked, either.
    private mutating func compare() throws(ConversionFailure) -> Int {
        var changed: [RouteChange] = []
        let counts = try comparison({ changed.append($0) }) { $0.compareMaps() }
        let live = copies.indices.filter { copies[$0].conversion.isLive }
        for _ in 0..<Self.rounds where !live.isEmpty && !changed.isEmpty && changed.count <= Self.mostDiffering {
            for index in live { try bringUpToDate(index) }
            var addresses = FoundAddresses()
            for change in changed { addresses.append(change.address) }
            changed = []
            _ = try comparison({ changed.append($0) }) { $0.compare(&addresses) }
        }
        var justChanged: [String: Set<[UInt8]>] = [:]
        for index in live where !changed.isEmpty {
            let keys = try bringUpToDate(index)
            justChanged[copies[index].conversion.old.relation, default: []].formUnion(keys)
        }
        let isProved =
            changed.count <= Self.mostDiffering
            && changed.allSatisfy { change in
                change.causes.allSatisfy { cause in
                    if case .entry(let relation, let key, _, _) = cause {
                        justChanged[relation]?.contains(key) == true
                    } else {
                        false
                    }
                }
            }
        guard isProved else {
            for change in changed { report(change) }
            throw .routesDiffer(counts)
        }
        return counts.asked
    }

    /// So often what differs is asked again, and so many addresses of it.
    private static let rounds = 5
    private static let mostDiffering = 10_000

    private func comparison(
        _ report: @escaping (RouteChange) -> Void, _ body: (inout RouteComparison) -> Void
    ) throws(ConversionFailure) -> ComparisonCounts {
        func loader() -> TextTableLoader { TextTableLoader(report: { _ in }, reportUnsettled: { _ in }) }
        var isStopped = false
        var comparison = RouteComparison(
            ComparedSite(name: "before", site: site), ComparedSite(name: "after", site: preparedSite),
            oldTexts: loader(), newTexts: loader(), workers: workers, now: Int64(time(nil)), report: report,
            progress: { [progress] count in
                let goesOn = progress("comparing", count)
                if !goesOn { isStopped = true }
                return goesOn
            })
        body(&comparison)
        let counts = comparison.finish()
        guard !isStopped else { throw .stopped }
        if let failure = counts.failures.first { throw .map(failure) }
        if counts.uncertain > 0 { throw .uncertain(counts.uncertain, counts.uncertainty ?? "") }
        return counts
    }
}
