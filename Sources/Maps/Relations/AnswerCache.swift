// The answers a map gave lately (relation flags -s, -e, -N). Worth having before a Berkeley DB file, where a lookup
// costs some 9,000 instructions; text maps need none.

import Bytes
import System

/// An answer apart from the text it was found in.
private struct KeptHit {
    let value: [UInt8]
    let key: [UInt8]
    let argumentZero: [UInt8]
    let privilege: UInt32
    let isTemplate: Bool

    init(_ hit: MapHit, in text: borrowing TextArena) {
        value = text[hit.value]
        key = text[hit.key]
        argumentZero = text[hit.argumentZero]
        privilege = hit.privilege
        isTemplate = hit.isTemplate
    }

    /// The answer again, in another text.
    func hit(in text: inout TextArena) -> MapHit {
        var hit = MapHit(value: text.append(value), key: text.append(key))
        hit.argumentZero = text.append(argumentZero)
        hit.privilege = privilege
        hit.isTemplate = isTemplate
        return hit
    }
}

/// A bounded memory of answers, the least recently used of which is forgotten first.
///
/// Errors are never remembered. What a search answers depends on the default keys it was given, so an answer holds for
/// the same default keys only. It is one map's and so one worker's.
final class AnswerCache {
    private struct Entry {
        var key: [UInt8]
        var defaults: [[UInt8]]
        var hash: Int
        var expiry: MonotonicTime
        /// The answer; nil for an absence.
        var hit: KeptHit?
        /// Neighbours in the order of use; -1 at the ends.
        var newer = -1
        var older = -1
        /// The next entry of the same bucket; -1 at the end.
        var chain = -1
    }

    private let capacity: Int
    private let life: UInt64
    private let cachesAbsences: Bool
    private var entries: [Entry] = []
    private var buckets: [Int]
    private var newest = -1
    private var oldest = -1

    /// What a cache knows of a key.
    public enum Answer {
        /// Nothing: the map has to be asked.
        case unknown
        /// The map does not have it.
        case absent
        /// The map has it.
        case found(MapHit)
    }

    /// Makes an empty cache.
    ///
    /// - Parameters:
    ///   - capacity: the number of answers kept, at least 1.
    ///   - seconds: an answer's life; 0 for ever.
    ///   - cachesAbsences: whether absences are kept too.
    init(capacity: Int, seconds: Int, cachesAbsences: Bool) {
        self.capacity = max(1, capacity)
        life = UInt64(clamping: seconds) &* 1_000_000_000
        self.cachesAbsences = cachesAbsences
        var size = 8
        while size < self.capacity { size *= 2 }
        buckets = Array(repeating: -1, count: size)
    }

    /// Forgets everything.
    func removeAll() {
        entries.removeAll()
        for index in buckets.indices { buckets[index] = -1 }
        newest = -1
        oldest = -1
    }

    /// Looks an answer up and makes it the most recently used.
    func answer(_ key: Range<Int>, in text: inout TextArena, defaults: [[UInt8]], now: MonotonicTime) -> Answer {
        let index = text.withSpan(key) { self.index(of: $0, defaults: defaults, hash: Self.hash($0)) }
        guard index >= 0, life == 0 || now < entries[index].expiry else { return .unknown }
        unlink(index)
        linkNewest(index)
        guard let known = entries[index].hit else { return .absent }
        return .found(known.hit(in: &text))
    }

    /// Remembers an answer; nil for an absence.
    func remember(
        _ key: Range<Int>, in text: borrowing TextArena, defaults: [[UInt8]], now: MonotonicTime, hit: MapHit?
    ) {
        guard hit != nil || cachesAbsences else { return }
        let hit = hit.map { KeptHit($0, in: text) }
        text.withSpan(key) { remember($0, defaults: defaults, expiry: now.advanced(by: life), hit: hit) }
    }

    private func remember(_ key: Span<UInt8>, defaults: [[UInt8]], expiry: MonotonicTime, hit: KeptHit?) {
        let hash = Self.hash(key)
        let known = index(of: key, defaults: defaults, hash: hash)
        if known >= 0 {
            entries[known].hit = hit
            entries[known].expiry = expiry
            unlink(known)
            linkNewest(known)
            return
        }
        let entry = Entry(key: [UInt8](copying: key), defaults: defaults, hash: hash, expiry: expiry, hit: hit)
        let index: Int
        if entries.count < capacity {
            index = entries.count
            entries.append(entry)
        } else {
            index = oldest
            unlink(index)
            unchain(index)
            entries[index] = entry
        }
        let bucket = hash & (buckets.count - 1)
        entries[index].chain = buckets[bucket]
        buckets[bucket] = index
        linkNewest(index)
    }

    private static func hash(_ key: Span<UInt8>) -> Int {
        // Seeded anew in every process, so that nobody can send addresses that all fall into one bucket.
        var hasher = Hasher()
        // The buffer is only read, within the closure.
        unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    private func index(of key: Span<UInt8>, defaults: [[UInt8]], hash: Int) -> Int {
        var index = buckets[hash & (buckets.count - 1)]
        while index >= 0 {
            if entries[index].hash == hash, isEqual(entries[index].key, key),
                entries[index].defaults == defaults
            {
                return index
            }
            index = entries[index].chain
        }
        return -1
    }

    private func isEqual(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    private func unchain(_ index: Int) {
        let bucket = entries[index].hash & (buckets.count - 1)
        guard buckets[bucket] != index else {
            buckets[bucket] = entries[index].chain
            return
        }
        var before = buckets[bucket]
        while before >= 0, entries[before].chain != index { before = entries[before].chain }
        if before >= 0 { entries[before].chain = entries[index].chain }
    }

    private func unlink(_ index: Int) {
        let (newer, older) = (entries[index].newer, entries[index].older)
        if newer >= 0 { entries[newer].older = older } else { newest = older }
        if older >= 0 { entries[older].newer = newer } else { oldest = newer }
    }

    private func linkNewest(_ index: Int) {
        entries[index].newer = -1
        entries[index].older = newest
        if newest >= 0 { entries[newest].newer = index } else { oldest = index }
        newest = index
    }
}
