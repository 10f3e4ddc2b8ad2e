// One try of one key in one map, which is all that a search driver does, again and again.

/// A map as search drivers see it.
enum Probe {
    /// The table has to be asked.
    case table(any Table)
    /// What a text map has loaded.
    case text(LoadedText)

    @inline(__always)
    private func lookUp(_ key: Span<UInt8>, into hit: inout MapHit) throws(MapError) -> Bool {
        switch self {
        case .table(let table): try hit.find(key, in: table)
        case .text(let text): text.lookUp(key, into: &hit)
        }
    }

    /// Looks up part of the dotted key.
    ///
    /// - Parameters:
    ///   - range: the part.
    ///   - dottedKey: the key with a dot before it.
    ///   - argumentZero: the part of the dotted key that `%0` stands for if this part is found.
    func lookUp(
        _ range: Range<Int>, of dottedKey: borrowing DottedKey, argumentZero: Range<Int>, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        let bytes = dottedKey.bytes.span
        guard try lookUp(bytes.extracting(range), into: &hit) else { return false }
        hit.setKey(bytes.extracting(range), argumentZero: bytes.extracting(argumentZero))
        return true
    }

    /// Looks up a key that is no part of the one searched for; `%0` is the whole key searched for.
    func lookUp(
        _ other: borrowing [UInt8], for dottedKey: borrowing DottedKey, from start: Int = 1, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        guard try lookUp(other.span, into: &hit) else { return false }
        hit.setKey(other.span, argumentZero: dottedKey.bytes.span.extracting(start..<dottedKey.end))
        return true
    }
}

extension SearchDriver {
    /// Searches one map for a key.
    ///
    /// - Parameters:
    ///   - dottedKey: the key, folded; the same again afterwards.
    ///   - folding: how the map's keys are folded.
    ///   - defaults: keys tried last, as they stand.
    func search(
        _ probe: Probe, _ dottedKey: inout DottedKey, folding: KeyFolding, defaults: [[UInt8]], into hit: inout MapHit
    ) throws(MapError) -> Bool {
        switch self {
        case .none:
            let whole = dottedKey.whole
            return try probe.lookUp(whole, of: dottedKey, argumentZero: whole, into: &hit)
        case .pathalias:
            return try probe.searchPathalias(dottedKey, defaults: defaults, into: &hit)
        case .pathaliasNoDot:
            return try probe.searchPathaliasNoDot(dottedKey, into: &hit)
        case .pathaliasAt:
            return try probe.searchPathaliasAt(&dottedKey, folding: folding, defaults: defaults, into: &hit)
        case .longestMatch:
            return try probe.searchLongestMatch(dottedKey, defaults: defaults, into: &hit)
        }
    }
}
