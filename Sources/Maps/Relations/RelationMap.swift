// One map of a relation at work: its flags decided once, its table, its cache.

import Bytes
import System

/// One line of dbases.conf, ready to be looked into by one worker.
///
/// A class, so that going through a relation's maps does not copy them.
public final class RelationMap {
    /// The line.
    public let definition: MapDefinition
    /// What is asked for the keys.
    let asked: MapTable
    /// The table behind it.
    public var table: any Table { asked.table }

    /// Whether a lookup is one try of the key, and its answer the value: no driver, no cache, no other answer.
    let isPlain: Bool
    /// Whether a lookup finds the key itself, or keys that begin with a dot, and answers with the value.
    let isSearchable: Bool
    private let driver: SearchDriver
    private let answer: RelationAnswer
    private let cache: AnswerCache?
    /// What the drivers try last where the caller has no default keys.
    private let standardDefaults: [[UInt8]] = [[UInt8(ascii: ".")]]
    let folding: KeyFolding

    init(definition: MapDefinition, table: any Table, keepsAnswers: Bool) {
        self.definition = definition
        asked = MapTable(table, substitutes: definition.flags.substitutes)
        folding = definition.flags.folding
        driver = definition.flags.driver
        answer = definition.flags.answer
        cache =
            definition.cacheSize == 0 || !keepsAnswers
            ? nil
            : AnswerCache(
                capacity: definition.cacheSize, seconds: definition.flags.cacheSeconds,
                cachesAbsences: definition.flags.cachesAbsences)
        isSearchable = (driver == .none || driver == .pathalias) && answer == .value && cache == nil
        isPlain = isSearchable && driver == .none
    }

    /// Looks a key up by the map's driver, and answers as its flags say.
    ///
    /// - Parameters:
    ///   - key: the key, folded as `folding` says, with a dot before it.
    ///   - probe: how the table is asked.
    func lookUp(
        _ key: DottedKey, through probe: MapView, in text: inout TextArena, defaults: [[UInt8]], now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        var hit = try found(key, through: probe, in: &text, defaults: defaults, now: now)
        switch answer {
        case .value:
            break
        case .key:
            hit?.answer(key)
        case .valueOrKey:
            if hit?.value.isEmpty ?? true {
                hit = hit ?? MapHit(value: key.whole, key: key.whole)
                hit?.answer(key)
            }
        }
        return hit
    }

    /// Notices a changed file, where the map has the flag `-m`, and a table that changes by itself.
    ///
    /// - Returns: whether answers given before may no longer hold.
    func refresh() -> Bool {
        guard definition.flags.reopensChanged || table.isLive, table.refresh() else { return false }
        cache?.removeAll()
        return true
    }

    private func found(
        _ key: DottedKey, through probe: MapView, in text: inout TextArena, defaults: [[UInt8]], now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        guard let cache else { return try search(key, through: probe, in: &text, defaults: defaults) }
        let effective = driver == .none ? [] : defaults
        switch cache.answer(key.whole, in: &text, defaults: effective, now: now) {
        case .found(let hit): return hit
        case .absent: return nil
        case .unknown: break
        }
        let hit = try search(key, through: probe, in: &text, defaults: defaults)
        cache.remember(key.whole, in: text, defaults: effective, now: now, hit: hit)
        return hit
    }

    private func search(
        _ key: DottedKey, through probe: MapView, in text: inout TextArena, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        try driver.search(
            probe, key, in: &text, folding: folding,
            defaults: defaults.isEmpty ? standardDefaults : defaults)
    }
}

extension MapHit {
    /// Puts the key in the place of the value, for the flags `-b` and `-n`.
    fileprivate mutating func answer(_ key: DottedKey) {
        value = key.whole
        isTemplate = false
    }
}
