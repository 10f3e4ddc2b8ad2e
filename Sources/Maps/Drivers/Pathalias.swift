// The driver `pathalias`, made for domains. For a.b.c: a.b.c, .a.b.c, .b.c, .c, then the default keys.

extension Probe {
    /// Searches for a domain, the longest suffix first.
    ///
    /// - Parameters:
    ///   - dottedKey: the domain with a dot before it.
    ///   - start: the index of that dot, where the domain is only the end of the bytes.
    func searchPathalias(
        _ dottedKey: borrowing DottedKey, from start: Int = 0, defaults: [[UInt8]], into hit: inout MapHit
    ) throws(MapError) -> Bool {
        let domain = (start + 1)..<dottedKey.end
        if try lookUp(domain, of: dottedKey, argumentZero: domain, into: &hit) { return true }
        guard mayHaveDottedKeys else { return try lookUpUndottedDefaults(defaults, for: dottedKey, start, into: &hit) }
        if try lookUpSuffixes(of: dottedKey, from: start, argumentZeroFrom: start, into: &hit) { return true }
        return try lookUpDefaults(defaults, for: dottedKey, from: start + 1, into: &hit)
    }

    /// Looks up every suffix that begins with a dot, the longest first; of several dots in a row the last begins one.
    func lookUpSuffixes(
        of dottedKey: borrowing DottedKey, from first: Int, argumentZeroFrom start: Int, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        var from = first
        while let index = dottedKey.nextLabel(from: from) {
            if try lookUp(index..<dottedKey.end, of: dottedKey, argumentZero: start..<index, into: &hit) { return true }
            from = index + 1
        }
        return false
    }

    /// Looks up those default keys that do not begin with a dot, which hardly any does.
    private func lookUpUndottedDefaults(
        _ defaults: [[UInt8]], for dottedKey: borrowing DottedKey, _ start: Int, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        for key in defaults where key.first != UInt8(ascii: ".") {
            if try lookUp(key, for: dottedKey, from: start + 1, into: &hit) { return true }
        }
        return false
    }

    /// Looks up the default keys in their order, as they stand.
    func lookUpDefaults(
        _ defaults: [[UInt8]], for dottedKey: borrowing DottedKey, from start: Int = 1, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        for key in defaults where try lookUp(key, for: dottedKey, from: start, into: &hit) { return true }
        return false
    }
}
