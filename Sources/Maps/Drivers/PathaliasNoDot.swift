// The driver `pathalias.nodot`. For foo.bar.edu: bar.edu, edu; never the whole key, and no default keys.

extension Probe {
    /// Searches for the suffixes of a domain without their leading dot, the longest first.
    func searchPathaliasNoDot(
        _ dottedKey: borrowing [UInt8], into hit: inout MapHit
    ) throws(MapError) -> Bool {
        let dot = UInt8(ascii: ".")
        var index = 1
        while index + 1 < dottedKey.count {
            if dottedKey[index] == dot, dottedKey[index + 1] != dot,
                try lookUp((index + 1)..<dottedKey.count, of: dottedKey, argumentZero: 0..<index, into: &hit)
            {
                return true
            }
            index += 1
        }
        return false
    }
}
