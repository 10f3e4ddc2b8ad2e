// The driver `pathalias`, made for domains. For a.b.c: a.b.c, .a.b.c, .b.c, .c, then the default keys.

import MailAddress

extension Probe {
    /// Searches for a domain, the longest suffix first.
    ///
    /// - Parameter key: the domain with a dot before it.
    func searchPathalias(
        _ key: DottedKey, in block: inout ByteBlock, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        if let hit = try lookUp(key.whole, in: &block) { return hit }
        guard mayHaveDottedKeys else { return try lookUpUndottedDefaults(defaults, for: key, in: &block) }
        if let hit = try lookUpSuffixes(of: key, from: key.dot, argumentZeroFrom: key.dot, in: &block) { return hit }
        return try lookUpDefaults(defaults, for: key, in: &block)
    }

    /// Looks up every suffix that begins with a dot, the longest first; of several dots in a row the last begins one.
    func lookUpSuffixes(
        of key: DottedKey, from first: Int, argumentZeroFrom start: Int, in block: inout ByteBlock
    ) throws(MapError) -> MapHit? {
        var from = first
        while let dot = key.nextLabel(from: from, in: block) {
            if mayHaveDottedKeys(ofLength: key.end - dot),
                let hit = try lookUp(dot..<key.end, argumentZero: start..<dot, in: &block)
            {
                return hit
            }
            from = dot + 1
        }
        return nil
    }

    /// Looks up those default keys that do not begin with a dot, which hardly any does.
    private func lookUpUndottedDefaults(
        _ defaults: [[UInt8]], for key: DottedKey, in block: inout ByteBlock
    ) throws(MapError) -> MapHit? {
        for other in defaults where other.first != UInt8(ascii: ".") {
            if let hit = try lookUp(other, argumentZero: key.whole, in: &block) { return hit }
        }
        return nil
    }

    /// Looks up the default keys in their order, as they stand.
    func lookUpDefaults(
        _ defaults: [[UInt8]], for key: DottedKey, in block: inout ByteBlock
    ) throws(MapError) -> MapHit? {
        for other in defaults {
            if let hit = try lookUp(other, argumentZero: key.whole, in: &block) { return hit }
        }
        return nil
    }
}
