// A relation: the maps of one name, in the order of dbases.conf. The first that has the key decides.

public import Bytes
public import System

/// The maps that dbases.conf gives one name, such as `fqdnaliases`.
///
/// Belongs to one worker. A relation without maps finds nothing.
public struct Relation {
    /// The name.
    public let name: String
    /// The maps, in the order in which they are looked into.
    public let maps: [RelationMap]
    /// Whether every map is plain and folds alike: the usual case, for which there is a short way.
    private let isPlain: Bool
    let folding: KeyFolding
    /// Whether the absence of a key itself can be the absence of all that the maps would look for.
    private let isSearchable: Bool
    /// Whether each map's values have `%N` substituted.
    private let substitutes: [Bool]
    private var snapshots: EntrySnapshots
    /// What hashes keys for the maps that are held in memory, where there are any.
    let hash: ByteHash?

    /// Puts a relation together.
    ///
    /// - Parameter keepsAnswers: whether maps keep answers as their flags say; otherwise each lookup asks the table.
    public init(
        name: String, maps: [(definition: MapDefinition, table: any Table)], keepsAnswers: Bool = true
    ) {
        self.name = name
        let all = maps.map {
            RelationMap(definition: $0.definition, table: $0.table, keepsAnswers: keepsAnswers)
        }
        self.maps = all
        let folding = all.first?.folding ?? .none
        self.folding = folding
        isPlain = all.allSatisfy { $0.isPlain && $0.folding == folding }
        // Where drivers derive keys that begin with a dot, nothing else than the key itself may be there.
        isSearchable = folding != .upper && all.allSatisfy { $0.isSearchable && $0.folding == folding }
        let (isPlain, isSearchable) = (isPlain, isSearchable)
        let snapshots = EntrySnapshots(all.map(\.table)) { entries in
            isSearchable && (isPlain || !entries.hasDottedKeys)
        }
        self.snapshots = snapshots
        hash = snapshots.hash
        substitutes = all.map(\.definition.flags.substitutes)
    }

    /// Looks a key up in the maps, in order, until one has it; `%N` in its value is left to `MapHit.value`, so that
    /// arguments need to be put together for a hit only.
    ///
    /// - Parameters:
    ///   - key: where the key stands in the text; each map folds it as its flags say. An empty key is in no relation.
    ///   - text: gets the value as another piece.
    ///   - defaults: what the drivers try last, as they stand; without any, `.` is.
    ///   - now: the time, for caches that forget.
    /// - Returns: the answer of the first map that has the key; nil only where certainly none has.
    /// - Throws: `MapError` as soon as one map is not certain. Later maps are not asked: what they say would count only
    ///   if the earlier one did not have the key.
    public mutating func find(
        _ key: Range<Int>, in text: inout TextArena, defaults: [[UInt8]] = [], now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        guard !key.isEmpty, !maps.isEmpty else { return nil }
        let start = text.end
        let hit =
            if isPlain {
                try findPlain(text.append(key, folding), nil, in: &text)
            } else {
                try findByDrivers(key, in: &text, defaults: defaults, now: now)
            }
        // What was written to ask for the key serves for nothing more.
        if hit == nil { text.removeAll(from: start) }
        return hit
    }

    private mutating func findByDrivers(
        _ key: Range<Int>, in text: inout TextArena, defaults: [[UInt8]], now: MonotonicTime
    ) throws(MapError) -> MapHit? {
        var folded: (key: DottedKey, folding: KeyFolding)?
        for index in maps.indices {
            let map = maps[index]
            let dotted: DottedKey
            if let folded, folded.folding == map.folding {
                dotted = folded.key
            } else {
                dotted = DottedKey(key, folding: map.folding, in: &text)
                folded = (dotted, map.folding)
            }
            let probe = MapView(table: map.asked, loaded: try snapshots.entries(index, for: key, of: text))
            if var hit = try map.lookUp(dotted, through: probe, in: &text, defaults: defaults, now: now) {
                hit.map = index
                return hit
            }
        }
        return nil
    }

    /// Looks a key up as `find` does.
    mutating func find(_ key: SharedKey, in text: inout TextArena, now: MonotonicTime) throws(MapError) -> MapHit? {
        guard isPlain, folding == .lower || (folding == .none && key.isFolded), !key.folded.isEmpty else {
            return try find(key.original, in: &text, now: now)
        }
        return try findPlain(key.folded, key.hash, in: &text)
    }

    /// All maps, where they are in memory and answer only for the key itself; otherwise empty.
    var loaded: [EntrySnapshot] { snapshots.all }

    /// Looks a folded key up in maps that are all plain.
    private mutating func findPlain(
        _ key: Range<Int>, _ hash: KeyHash?, in text: inout TextArena
    ) throws(MapError) -> MapHit? {
        for index in substitutes.indices {
            guard let loaded = try snapshots.entries(index, for: key, of: text) else {
                guard var hit = try maps[index].asked.find(key, in: &text) else { continue }
                hit.map = index
                return hit
            }
            guard let value = loaded.value(of: key, hash, in: &text) else { continue }
            return MapHit(
                map: index, privilege: loaded.privilege, isTemplate: substitutes[index], value: value, key: key)
        }
        return nil
    }

    /// Lets the maps with the flag `-m` notice changed files.
    ///
    /// - Returns: whether what was loaded may be another now.
    mutating func refresh() -> Bool {
        var isChanged = false
        for map in maps where map.refresh() { isChanged = true }
        if isChanged { snapshots.forget() }
        return isChanged
    }
}

// Relations that are asked for the same keys. Where all their maps are held in memory, one hash serves for all of them, and
// no relation is asked by itself: nearly every key is in none.

/// Several relations of a set, and a short way through their maps.
@safe
public struct RelationGroup: ~Copyable {
    /// A map of one of the relations.
    private struct Member {
        let search: EntryIndex.Search
        let loaded: EntrySnapshot
        let isDivided: Bool
        /// The index of its relation in the group, and its own in the relation.
        let relation: Int, map: Int
        let isTemplate: Bool
        let privilege: UInt32
    }

    /// The indices of the relations in the set.
    let relations: [Int]
    /// All maps of all relations, once all are loaded; none before, and where a key is not looked up as it stands.
    ///
    /// In memory of its own, which no other owner has to be counted for.
    private var members = UnsafeMutableBufferPointer<Member>.allocate(capacity: 0)
    /// Which state of the set the members are of; none before they were found.
    public private(set) var generation = -1
    /// Whether only keys that were given in lower case may go the short way.
    public private(set) var needsFoldedKey = false
    /// Which keys there may be.
    public private(set) var filter = HashFilter(count: 0)
    /// Whose keys these are; kept alive, so that nothing else can be taken for them.
    private var filtered: [LoadedEntries] = []
    /// How many more keys it can take.
    private var filterRoom = 0

    init(_ relations: [Int]) {
        self.relations = relations
    }

    deinit {
        unsafe members.deallocate()
        filter.deallocate()
    }

    /// Whether there is a short way for a key.
    ///
    /// - Parameter generation: the state that the set is in.
    @inlinable @inline(__always)
    public func isReady(for key: SharedKey, generation: Int) -> Bool {
        generation == self.generation && (!needsFoldedKey || key.isFolded)
    }

    /// Looks a key up the short way, in all maps, one after another.
    ///
    /// - Parameters:
    ///   - text: the text that the key is a piece of; it gets the value as another piece.
    ///   - first: the index in the group of the first relation that is asked.
    @inline(never)
    public func hit(of key: SharedKey, in text: inout TextArena, from first: Int) -> MapHit? {
        guard !key.folded.isEmpty else { return nil }
        // In bounds: the indices are the buffer's.
        for index in unsafe 0..<members.count {
            // Divided entries have no one index: their part finds the slot.
            guard let slot = unsafe members[index].isDivided ? 0 : members[index].search.firstSlot(of: key.hash),
                unsafe members[index].relation >= first,
                let value = unsafe members[index].loaded.value(of: key.folded, key.hash, from: slot, in: &text)
            else { continue }
            return unsafe MapHit(
                relation: members[index].relation, map: members[index].map, privilege: members[index].privilege,
                isTemplate: members[index].isTemplate, value: value, key: key.folded)
        }
        return nil
    }

    /// Learns the short way, where all maps are loaded by now and there is one.
    ///
    /// - Parameter hash: the hash function of the set.
    mutating func prepare(_ all: [Relation], _ hash: ByteHash, generation: Int) {
        // Where maps of other kinds are among them this is asked again and again.
        for index in relations where !all[index].maps.isEmpty {
            guard !all[index].loaded.isEmpty, all[index].hash?.seed == hash.seed else { return }
        }
        var found: [Member] = []
        var needsFoldedKey = false
        for (position, index) in relations.enumerated() {
            for (map, loaded) in all[index].loaded.enumerated() {
                found.append(
                    Member(
                        search: loaded.search, loaded: loaded, isDivided: loaded.isDivided, relation: position,
                        map: map,
                        isTemplate: all[index].maps[map].definition.flags.substitutes, privilege: loaded.privilege))
            }
            needsFoldedKey = needsFoldedKey || all[index].folding == .none
        }
        admit(found.map { unsafe $0.loaded.entries.takeUnretainedValue() })
        // Relations without any map have no key.
        unsafe members.deallocate()
        unsafe members = .allocate(capacity: found.count)
        _ = unsafe members.initialize(fromContentsOf: found)
        self.needsFoldedKey = needsFoldedKey
        self.generation = generation
    }

    /// Makes the filter let the keys of entries pass: of those that have changed since, only what has come is added.
    private mutating func admit(_ entries: [LoadedEntries]) {
        defer { filtered = entries }
        if entries.count == filtered.count {
            let added = zip(filtered, entries).map { old, new in
                old === new ? [] : new.history?.additions(from: old, to: new)
            }
            let known = added.compactMap(\.self)
            filterRoom -= known.reduce(0) { $0 + $1.count }
            if known.count == added.count, filterRoom >= 0 {
                for hash in known.joined() { filter.insert(hash) }
                return
            }
        }
        let count = entries.reduce(0) { $0 + $1.count }
        filter.deallocate()
        filter = HashFilter(count: count)
        // Past as many again it would say of too many that they may be in it.
        filterRoom = count
        for loaded in entries { loaded.forEachHash { filter.insert($0) } }
    }
}

// A key that several relations are asked for is folded and hashed once for all of them.

/// A key, its form in lower case, and the hash of that.
public struct SharedKey {
    /// Where the key stands in the text, as it was given.
    public let original: Range<Int>
    /// Where it stands in lower case.
    public let folded: Range<Int>
    /// The hash of the form in lower case.
    public let hash: KeyHash

    /// Whether the key was given in lower case.
    @inlinable public var isFolded: Bool { original == folded }

    /// Puts a key together that was folded and hashed.
    @inlinable @inline(__always)
    public init(original: Range<Int>, folded: Range<Int>, hash: KeyHash) {
        self.original = original
        self.folded = folded
        self.hash = hash
    }
}
