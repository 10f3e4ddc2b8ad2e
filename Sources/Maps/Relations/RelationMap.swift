// One map of a relation at work: its flags decided once, its table, its cache.

import Bytes
public import Configuration
import System

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
    /// Whether a lookup finds the key itself, or keys that begin with a dot, and answers with the value.
    let isSearchable: Bool
    private let driver: SearchDriver
    private let answer: RelationAnswer
    let substitutes: Bool
    private let cache: AnswerCache?
    /// What the drivers try last where the caller has no default keys.
    private let standardDefaults: [[UInt8]] = [[UInt8(ascii: ".")]]
    let folding: KeyFolding
    /// Where the table puts values.
    private var copied: [UInt8] = []

    init(definition: MapDefinition, table: any Table) {
        self.definition = definition
        self.table = table
        folding = definition.flags.folding
        driver = definition.flags.driver
        answer = definition.flags.answer
        substitutes = definition.flags.substitutes
        cache =
            definition.cacheSize == 0
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

    /// Notices a changed file, where the map has the flag `-m`.
    ///
    /// - Returns: whether answers given before may no longer hold.
    func refresh() -> Bool {
        guard definition.flags.reopensChanged, table.refresh() else { return false }
        cache?.removeAll()
        return true
    }

    /// Looks a key up in the table itself.
    func ask(_ key: Range<Int>, in text: inout TextArena) throws(MapError) -> MapHit? {
        guard let value = try table.value(of: key, in: &text, copying: &copied) else { return nil }
        return MapHit(privilege: table.privilege, isTemplate: substitutes, value: value, key: key)
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

// A table that can be made only after reading another file, such as the sleepyenv.conf of a Berkeley DB environment.

/// Makes the real table at the first lookup; as long as that fails, so does every lookup.
///
/// A configuration that is put right is noticed without a restart.
public final class LazyTable: Table {
    /// What messages call the table.
    public let name: TableName
    private let make: () -> Result<any Table, ConfigurationError>
    private var table: (any Table)?

    /// Prepares a table.
    ///
    /// - Parameters:
    ///   - name: what messages call it.
    ///   - make: makes the real table.
    public init(name: TableName, make: @escaping () -> Result<any Table, ConfigurationError>) {
        self.name = name
        self.make = make
    }

    /// Looks a key up in the real table, which is made if there is none yet.
    public func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if let table { return try table.lookUp(key, into: &value) }
        let made: any Table
        do {
            made = try make().get()
        } catch {
            throw MapError(table: name, key: [UInt8](copying: key), text: error.description)
        }
        table = made
        return try made.lookUp(key, into: &value)
    }

    /// Lets the real table notice a changed file.
    public func refresh() -> Bool {
        table?.refresh() ?? false
    }

    /// The real table's privilege; nobody's before there is one.
    public var privilege: UInt32 {
        table?.privilege ?? 65_534
    }
}
