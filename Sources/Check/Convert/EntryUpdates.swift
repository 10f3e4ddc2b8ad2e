// What became of the entries of a map since it was read.

import Maps

/// The changes that make one state of a map the next.
struct EntryUpdates {
    private let now: MapSource
    /// Entries of now that are new or have another value.
    private var put: [Int] = []
    /// Keys that are gone.
    private var deleted: [[UInt8]] = []

    /// Compares two states; both are in the order of their keys.
    init(from before: MapSource, to now: MapSource) {
        self.now = now
        var old = 0
        for index in 0..<now.count {
            let new = now.place(of: index)
            var isKnown = false
            while old < before.count {
                let known = before.place(of: old)
                let order = Self.order(before.bytes[known.key], now.bytes[new.key])
                if order < 0 {
                    deleted.append(Array(before.bytes[known.key]))
                    old += 1
                    continue
                }
                if order == 0 {
                    isKnown = before.bytes[known.value] == now.bytes[new.value]
                    old += 1
                }
                break
            }
            if !isKnown { put.append(index) }
        }
        while old < before.count {
            deleted.append(Array(before.bytes[before.place(of: old).key]))
            old += 1
        }
    }

    /// How many there are.
    var count: Int { put.count + deleted.count }
    /// The keys of all of them.
    var keys: Set<[UInt8]> { Set(deleted).union(put.map { now[$0].key }) }
    /// Whether nothing changed.
    var isEmpty: Bool { count == 0 }

    /// Makes the changes in a map that nobody else has.
    func apply(to map: any LiveMap) throws(MapError) {
        for key in deleted { _ = try map.delete(key + [0]) }
        for index in put {
            let entry = now[index]
            try map.put(entry.key + [0], entry.value + [0])
        }
    }

    /// Makes the changes in a map that others may have changed meanwhile.
    ///
    /// - Parameter before: the state from which it is known.
    /// - Returns: the keys that others have changed, whose entries stay.
    func apply(to map: any LiveMap, unlessChangedSince before: MapSource) throws(MapError) -> [[UInt8]] {
        var kept: [[UInt8]] = []
        for key in deleted {
            if try isChanged(key, in: map, since: before) { kept.append(key) } else { _ = try map.delete(key + [0]) }
        }
        for index in put {
            let entry = now[index]
            let current = try map.get(entry.key + [0])
            guard current != entry.value + [0] else { continue }
            if try isChanged(entry.key, in: map, since: before) {
                kept.append(entry.key)
            } else {
                try map.put(entry.key + [0], entry.value + [0])
            }
        }
        return kept
    }

    private func isChanged(_ key: [UInt8], in map: any LiveMap, since before: MapSource) throws(MapError) -> Bool {
        try map.get(key + [0]) != before.entry(of: key.span).map { $0.value + [0] }
    }

    /// As the sources are sorted: byte by byte, shorter keys first.
    private static func order(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Int {
        if one == other { return 0 }
        return one.lexicographicallyPrecedes(other) ? -1 : 1
    }
}
