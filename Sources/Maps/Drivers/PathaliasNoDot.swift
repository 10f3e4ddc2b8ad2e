// The driver `pathalias.nodot`. For foo.bar.edu: bar.edu, edu; never the whole key, and no default keys.

import MailAddress

extension Probe {
    /// Searches for the suffixes of a domain without their leading dot, the longest first.
    func searchPathaliasNoDot(_ key: DottedKey, in block: inout ByteBlock) throws(MapError) -> MapHit? {
        var from = key.whole.lowerBound
        while let dot = key.nextLabel(from: from, in: block) {
            if let hit = try lookUp((dot + 1)..<key.end, argumentZero: key.dot..<dot, in: &block) { return hit }
            from = dot + 1
        }
        return nil
    }
}
