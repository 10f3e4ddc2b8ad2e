// One map of a relation at work: its flags decided once, its table, its cache.

import Files
import MailAddress

/// One line of dbases.conf, ready to be looked into by one worker.
///
/// A class, so that going through a relation's maps does not copy them.
public final class RelationMap {
    /// The line.
    public let definition: MapDefinition
    /// The table behind it.
    public let table: any Table

    /// Whether a lookup is one try of the key, and its answer the value: no driver, no cache, no other answer.
    let isPlain: Bool
    private let driver: SearchDriver
    private let answer: RelationAnswer
    private let substitutes: Bool
    private let usesDefaultKeys: Bool
    private let cache: AnswerCache?
    /// What the drivers try last where the caller's default keys are not wanted, or there are none.
    private let standardDefaults: [[UInt8]] = [[UInt8(ascii: ".")]]
    let folding: KeyFolding

    /// The user of a value that comes from no file: nobody.
    private static let nobody: UInt32 = 65_534

    init(definition: MapDefinition, table: any Table) {
        self.definition = definition
        self.table = table
        folding = definition.flags.folding
        driver = definition.flags.driver
        answer = definition.flags.answer
        substitutes = definition.flags.substitutes
        usesDefaultKeys = definition.flags.usesDefaultKeys
        cache =
            definition.cacheSize == 0
            ? nil
            : AnswerCache(
                capacity: definition.cacheSize, seconds: definition.flags.cacheSeconds,
                cachesAbsences: definition.flags.cachesAbsences)
        isPlain = driver == .none && answer == .value && cache == nil
    }

    /// Looks a key up by the map's driver, and answers as its flags say.
    ///
    /// - Parameters:
    ///   - dottedKey: the key, folded as `folding` says, with a dot before it.
    ///   - probe: how the table is asked.
    func lookUp(
        _ dottedKey: inout DottedKey, through probe: Probe, defaults: [[UInt8]], now: MonotonicTime,
        into hit: inout MapHit
    ) throws(MapError) -> Bool {
        let isFound = try findValue(&dottedKey, through: probe, defaults: defaults, now: now, into: &hit)
        switch answer {
        case .value:
            break
        case .key:
            if isFound { hit.answerKey(dottedKey) }
        case .valueOrKey:
            if !isFound {
                hit.setNoValue()
                hit.setKey(dottedKey.bytes.span.extracting(dottedKey.whole))
                hit.privilege = Self.nobody
            }
            if !isFound || hit.isEmpty { hit.answerKey(dottedKey) }
            return true
        }
        return isFound
    }

    /// Notices a changed file, where the map has the flag `-m`.
    ///
    /// - Returns: whether answers given before may no longer hold.
    func refresh() -> Bool {
        guard definition.flags.reopensChanged, table.refresh() else { return false }
        cache?.removeAll()
        return true
    }

    /// Completes an answer that the table has just given.
    func complete(_ hit: inout MapHit) {
        hit.privilege = table.privilege
        hit.isTemplate = substitutes
    }

    private func findValue(
        _ dottedKey: inout DottedKey, through probe: Probe, defaults: [[UInt8]], now: MonotonicTime,
        into hit: inout MapHit
    ) throws(MapError) -> Bool {
        guard let cache else { return try search(&dottedKey, through: probe, defaults: defaults, into: &hit) }
        let effective = driver == .none ? [] : usesDefaultKeys ? defaults : []
        switch cache.answer(
            dottedKey.bytes.span.extracting(dottedKey.whole), defaults: effective, now: now, into: &hit)
        {
        case .found: return true
        case .absent: return false
        case .unknown: break
        }
        let isFound = try search(&dottedKey, through: probe, defaults: defaults, into: &hit)
        cache.remember(
            dottedKey.bytes.span.extracting(dottedKey.whole), defaults: effective, now: now, hit: isFound ? hit : nil)
        return isFound
    }

    private func search(
        _ dottedKey: inout DottedKey, through probe: Probe, defaults: [[UInt8]], into hit: inout MapHit
    ) throws(MapError) -> Bool {
        let isFound = try driver.search(
            probe, &dottedKey, folding: folding,
            defaults: usesDefaultKeys && !defaults.isEmpty ? defaults : standardDefaults, into: &hit)
        if isFound { complete(&hit) }
        return isFound
    }
}
