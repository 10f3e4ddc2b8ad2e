// One try of one key in one map, which is all that a search driver does, again and again.

import Bytes

/// The table of a map, and what becomes of a value that it has.
final class MapTable {
    /// The table itself.
    let table: any Table
    /// Whether values have `%N` substituted.
    let substitutes: Bool
    /// Where the table puts values.
    private var copied: [UInt8] = []

    init(_ table: any Table, substitutes: Bool) {
        self.table = table
        self.substitutes = substitutes
    }

    /// Looks a key up as it stands.
    func find(_ key: Range<Int>, in text: inout TextArena) throws(MapError) -> MapHit? {
        guard let value = try table.value(of: key, in: &text, copying: &copied) else { return nil }
        return MapHit(privilege: table.privilege, isTemplate: substitutes, value: value, key: key)
    }
}

/// A map as search drivers see it.
@safe
struct MapView {
    /// The table, which has to be asked where it does not hold its entries in memory; whoever probes keeps it.
    private let table: Unmanaged<MapTable>
    /// What a map in memory has loaded.
    let loaded: EntrySnapshot?

    @inline(__always)
    init(table: MapTable, loaded: EntrySnapshot?) {
        unsafe self.table = .passUnretained(table)
        self.loaded = loaded
    }

    /// Whether the map may have a key that begins with a dot, as suffixes and default keys do.
    @inline(__always)
    var mayHaveDottedKeys: Bool {
        loaded?.hasDottedKeys ?? true
    }

    /// Whether the map may have a key of a length that begins with a dot.
    @inline(__always)
    func mayHaveDottedKeys(ofLength length: Int) -> Bool {
        loaded?.mayHaveDottedKeys(ofLength: length) ?? true
    }

    /// Looks a key up.
    ///
    /// - Parameter hash: the key's hash, where somebody has it.
    @inline(__always)
    func lookUp(_ key: Range<Int>, _ hash: KeyHash? = nil, in block: inout TextArena) throws(MapError) -> MapHit? {
        guard let loaded else { return try unsafe table.takeUnretainedValue().find(key, in: &block) }
        guard let value = loaded.value(of: key, hash, in: &block) else { return nil }
        return unsafe table._withUnsafeGuaranteedRef { table in
            MapHit(privilege: loaded.privilege, isTemplate: table.substitutes, value: value, key: key)
        }
    }

    /// Looks up part of the dotted key.
    ///
    /// - Parameter argumentZero: the part that `%0` stands for if this part is found.
    func lookUp(
        _ key: Range<Int>, argumentZero: Range<Int>, in block: inout TextArena
    ) throws(MapError) -> MapHit? {
        var hit = try lookUp(key, in: &block)
        hit?.argumentZero = argumentZero
        return hit
    }

    /// Looks up a key that is no part of the one searched for; `%0` is the whole key searched for.
    func lookUp(
        _ other: borrowing [UInt8], argumentZero: Range<Int>, in block: inout TextArena
    ) throws(MapError) -> MapHit? {
        try lookUp(block.append(other.span), argumentZero: argumentZero, in: &block)
    }
}

extension SearchDriver {
    /// Searches one map for a key.
    ///
    /// - Parameters:
    ///   - key: the key, folded; the same again afterwards.
    ///   - folding: how the map's keys are folded.
    ///   - defaults: keys tried last, as they stand.
    func search(
        _ probe: MapView, _ key: DottedKey, in block: inout TextArena, folding: KeyFolding, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        switch self {
        case .none:
            try probe.lookUp(key.whole, in: &block)
        case .pathalias:
            try probe.searchPathalias(key, in: &block, defaults: defaults)
        case .pathaliasNoDot:
            try probe.searchPathaliasNoDot(key, in: &block)
        case .pathaliasAt:
            try probe.searchPathaliasAt(key, in: &block, folding: folding, defaults: defaults)
        case .longestMatch:
            try probe.searchLongestMatch(key, in: &block, defaults: defaults)
        }
    }
}

// The key of a lookup as search drivers want it: folded, with a dot before it, so that every part of it that they try is
// a piece of one text.

/// Where a key stands in a text with a dot before it, so that `.foo.edu` need not be built from `foo.edu`.
struct DottedKey {
    /// The offset of the dot.
    let dot: Int
    /// The offset behind the key.
    let end: Int

    /// Puts a key into the text that it is a piece of, folded and with its dot.
    init(_ key: Range<Int>, folding: KeyFolding, in text: inout TextArena) {
        dot = text.append(UInt8(ascii: ".")).lowerBound
        end = text.append(key, folding).upperBound
    }

    /// The key itself, without the dot.
    var whole: Range<Int> { (dot + 1)..<end }

    /// The offset of the next dot that has a label after it; of several dots in a row that is the last.
    func nextLabel(from start: Int, in text: borrowing TextArena) -> Int? {
        var start = start
        while let next = text.firstIndex(of: UInt8(ascii: "."), in: start..<end), next + 1 < end {
            if text[next + 1] != UInt8(ascii: ".") { return next }
            start = next + 1
        }
        return nil
    }
}
