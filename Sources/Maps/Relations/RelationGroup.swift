// Relations that are asked for the same keys. Where all their maps are text maps in memory, one hash serves for all of them,
// and no relation is asked by itself: nearly every key is in none.

public import MailAddress

/// Several relations of a set, and a short way through their maps.
@safe
public struct RelationGroup: ~Copyable {
    /// A text map of one of the relations.
    private struct Member {
        let search: EntryIndex.Search
        let loaded: LoadedText
        /// The place of its relation in the group, and its own in the relation.
        let relation: Int, map: Int
        let isTemplate: Bool
        let privilege: UInt32
    }

    /// The places of the relations in the set.
    let relations: [Int]
    /// All maps of all relations, once all are loaded; none before, and where a key is not looked up as it stands.
    ///
    /// In memory of its own, which no other owner has to be counted for.
    private var members = UnsafeMutableBufferPointer<Member>.allocate(capacity: 0)
    /// Which state of the set the members are of; none before they were found.
    @usableFromInline private(set) var generation = -1
    /// Whether only keys that were given in lower case may go the short way.
    @usableFromInline private(set) var needsFoldedKey = false
    /// Which keys there may be.
    @usableFromInline private(set) var filter = HashFilter(count: 0)

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
    func isReady(for key: SharedKey, generation: Int) -> Bool {
        generation == self.generation && (!needsFoldedKey || key.isFolded)
    }

    /// Looks a key up the short way, in all maps, one after another.
    ///
    /// - Parameters:
    ///   - text: the text that the key is a piece of; it gets the value as another piece.
    ///   - first: the place of the first relation that is asked.
    @usableFromInline @inline(never)
    func hit(of key: SharedKey, in text: inout ByteBlock, from first: Int) -> MapHit? {
        guard !key.folded.isEmpty else { return nil }
        // In bounds: the indices are the buffer's.
        for index in unsafe 0..<members.count {
            guard let place = unsafe members[index].search.firstPlace(of: key.hash),
                unsafe members[index].relation >= first,
                let value = unsafe members[index].loaded.value(of: key.folded, key.hash, from: place, in: &text)
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
        for (place, index) in relations.enumerated() {
            for (map, text) in all[index].loaded.enumerated() {
                found.append(
                    Member(
                        search: text.search, loaded: text, relation: place, map: map,
                        isTemplate: all[index].maps[map].definition.flags.substitutes, privilege: text.privilege))
            }
            needsFoldedKey = needsFoldedKey || all[index].folding == .none
        }
        filter.deallocate()
        filter = HashFilter(count: found.reduce(0) { $0 + $1.loaded.count })
        for member in found { member.loaded.forEachHash { filter.insert($0) } }
        // Relations without any map have no key.
        unsafe members.deallocate()
        unsafe members = .allocate(capacity: found.count)
        _ = unsafe members.initialize(fromContentsOf: found)
        self.needsFoldedKey = needsFoldedKey
        self.generation = generation
    }
}
