// The step in which a conversion takes effect: while nobody can change the old maps, and what is carried over afterwards.

import Configuration
import Glibc
import Maps
import Site
import System

extension SiteConversion {
    /// Carries over what was changed meanwhile, and puts the new maps and dbases.conf into effect: all while nobody can change the
    /// old maps.
    ///
    /// - Returns: where the old dbases.conf is kept.
    package mutating func commit() throws(ConversionFailure) -> String {
        var live: [(index: Int, map: HeldMap)] = []
        defer { for (_, held) in live { try? held.map.close() } }
        // The less there is to be carried over at last, the shorter others have to wait.
        for index in copies.indices where copies[index].conversion.isLive { try bringUpToDate(index) }
        for index in copies.indices where copies[index].conversion.isLive {
            live.append((index, try open(copies[index].conversion)))
        }
        var kept = ""
        try holding(live[...]) { (conversion: inout SiteConversion) throws(ConversionFailure) in
            for (index, map) in live { try conversion.bringUpToDate(index, from: map) }
            try conversion.checkUnchanged()
            kept = try conversion.publish()
        }
        return kept
    }

    private func publish() throws(ConversionFailure) -> String {
        let path = site.databases.file
        do {
            let read = ConfigurationFile(path)
            let now = DatabasesConf(reading: path, settings: site.settings, types: site.mapTypes)
            guard let owner = try? FileIdentity(path: path), read.state != nil,
                now.definitions == site.databases.definitions
            else { throw ConversionFailure.changed(path) }
            var text = DatabasesConfText(read.bytes)
            for conversion in plan.conversions { text.change(conversion.old, to: conversion.new) }
            let permissions = CompileJob.Permissions(keeping: owner)
            let kept = Self.unusedName("\(path).before-\(plan.type.name)")
            try compiler.prepare(read.bytes, target: kept, permissions: permissions)
            try compiler.prepare(text.bytes, target: path, permissions: permissions)
            try compiler.commit()
            return kept
        } catch let error as CompileError {
            throw .file(error)
        } catch {
            throw .changed(path)
        }
    }

    private static func unusedName(_ name: String) -> String {
        var number = 2
        var candidate = name
        while !FileIdentity.isMissing(at: candidate), number < 1000 {
            candidate = "\(name)-\(number)"
            number += 1
        }
        return candidate
    }

    // MARK: What changed meanwhile

    private func open(_ conversion: MapConversion) throws(ConversionFailure) -> HeldMap {
        let request = LiveMapRequest(
            name: conversion.old.tableName, type: conversion.old.type, definition: conversion.old, home: nil,
            isAlone: false, mode: 0)
        let place = try place(of: request)
        do throws(MapError) {
            return HeldMap(try place.open(.check, observer: observer(conversion)), place)
        } catch {
            throw .map(error)
        }
    }

    private func place(of request: LiveMapRequest) throws(ConversionFailure) -> any LiveMapPlace {
        do throws(LiveMapRefusal) {
            if let place = try site.livePlace(of: request) { return place }
            throw .usage("a map of type \(request.type.name) is not changed in place")
        } catch {
            switch error {
            case .usage(let text): throw .map(MapError(table: request.name, text: text))
            case .configuration(let error): throw .map(MapError(table: request.name, text: "\(error)"))
            }
        }
    }

    /// Does something while nobody can change any of some maps.
    private mutating func holding(
        _ maps: ArraySlice<(index: Int, map: HeldMap)>,
        _ body: (inout SiteConversion) throws(ConversionFailure) -> Void
    ) throws(ConversionFailure) {
        guard let first = maps.first else { return try body(&self) }
        var result: Result<Void, ConversionFailure> = .failure(.stopped)
        do throws(MapError) {
            try first.map.map.holdingWriters {
                do throws(ConversionFailure) {
                    try holding(maps.dropFirst(), body)
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
            }
        } catch {
            throw error.isStop ? .stopped : .map(error)
        }
        try result.get()
    }

    /// Makes the copy of a live map what the map is now.
    ///
    /// - Returns: the keys of what was changed in the map since it was last read.
    @discardableResult
    mutating func bringUpToDate(_ index: Int, from held: HeldMap? = nil) throws(ConversionFailure) -> Set<[UInt8]> {
        let conversion = copies[index].conversion
        let (now, neverFound) = try read(conversion, from: held)
        copies[index].neverFound = neverFound
        let changes = EntryUpdates(from: copies[index].copied, to: now)
        guard !changes.isEmpty else { return [] }
        copies[index].carriedOver += changes.count
        copies[index].entries = now.count
        copies[index].copied = now
        let new = conversion.new
        guard changes.count < now.count / 8, new.type.isChangedInPlace, conversion.writtenSource == nil,
            let file = compiler.preparedFiles.last(where: { $0.target == new.tablePath })
        else {
            try write(now, conversion, copies[index].identity)
            return changes.keys
        }
        let request = LiveMapRequest(
            name: TableName(relation: new.relation, backEnd: new.type.name, file: file.temporary), type: new.type,
            definition: nil, home: nil, isAlone: true, mode: 0o600)
        let place = try place(of: request)
        var prepared: (any LiveMap)?
        do throws(MapError) {
            let map = try place.open(.write, observer: nil)
            prepared = map
            try changes.apply(to: map)
            try map.sync()
            try map.close()
        } catch {
            try? prepared?.close()
            throw .map(error)
        }
        return changes.keys
    }

    // MARK: Afterwards

    /// Carries over what others still write into the old live maps, until they have left them alone for a time: a program that has
    /// such a map open goes on to write there.
    ///
    /// What was written into the new map meanwhile stands.
    ///
    /// - Parameter pause: waits for a moment; answers whether to go on.
    /// - Returns: how many changes were carried over, and the keys that were changed in both maps.
    package mutating func follow(
        quietFor time: Duration, pause: () -> Bool
    ) throws(ConversionFailure) -> (carried: Int, conflicts: [EntryLocation]) {
        var carried = 0
        var conflicts: [EntryLocation] = []
        let followed = copies.contains { copy in
            copy.conversion.isLive && copy.conversion.new.type.isChangedInPlace && copy.conversion.writtenSource == nil
        }
        guard followed else { return (0, []) }
        var quietSince = ContinuousClock.now
        while ContinuousClock.now - quietSince < time, pause() {
            for index in copies.indices where copies[index].conversion.isLive {
                let conversion = copies[index].conversion
                guard conversion.new.type.isChangedInPlace, conversion.writtenSource == nil else { continue }
                let now = try read(conversion).entries
                let changes = EntryUpdates(from: copies[index].copied, to: now)
                guard !changes.isEmpty else { continue }
                let place = try place(
                    of: LiveMapRequest(
                        name: conversion.new.tableName, type: conversion.new.type, definition: conversion.new,
                        home: nil,
                        isAlone: false, mode: 0))
                var opened: (any LiveMap)?
                do throws(MapError) {
                    let map = try place.open(.write, observer: observer(conversion))
                    opened = map
                    let kept = try changes.apply(to: map, unlessChangedSince: copies[index].copied)
                    try map.sync()
                    try map.close()
                    carried += changes.count - kept.count
                    for key in kept {
                        conflicts.append(
                            EntryLocation(
                                relation: conversion.new.relation, key: key, file: conversion.new.tablePath ?? "-",
                                line: nil))
                    }
                } catch {
                    try? opened?.close()
                    throw .map(error)
                }
                copies[index].copied = now
                quietSince = .now
            }
        }
        return (carried, conflicts)
    }

    private func checkUnchanged() throws(ConversionFailure) {
        for copy in copies {
            guard !copy.conversion.isLive, let path = copy.conversion.old.tablePath else { continue }
            guard (try? FileIdentity(path: path)) == copy.identity else { throw .changed(path) }
        }
    }
}

/// A live map that nobody else can change as long as it is held.
struct HeldMap {
    let map: any LiveMap
    private let place: any LiveMapPlace

    init(_ map: any LiveMap, _ place: any LiveMapPlace) {
        (self.map, self.place) = (map, place)
    }

    /// Hands on every entry, as `Site.readEntries` does, until nobody wants more.
    func forEach(_ body: (MapEntry) -> Bool) throws(MapError) {
        let needsNUL = !place.findsKeysWithoutNUL
        try map.forEach { key, value throws(MapError) in
            _ = body(
                MapEntry(
                    key: key.last == 0 ? Array(key.dropLast()) : key,
                    value: value.last == 0 ? Array(value.dropLast()) : value,
                    lacksNUL: needsNUL && key.last != 0))
        }
    }
}
