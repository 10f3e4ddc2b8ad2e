// The driver `pathalias.nodot`. For foo.bar.edu: bar.edu, edu; never the whole key, and no default keys.

extension Probe {
    /// Searches for the suffixes of a domain without their leading dot, the longest first.
    func searchPathaliasNoDot(
        _ dottedKey: borrowing DottedKey, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        var from = 1
        while let index = dottedKey.nextLabel(from: from) {
            let suffix = (index + 1)..<dottedKey.end
            if try lookUp(suffix, of: dottedKey, argumentZero: 0..<index, into: &hit) { return true }
            from = index + 1
        }
        return false
    }
}
