// The driver `pathalias.at`, made for addresses. For user@b.c: user@b.c, then as pathalias for b.c. For `user@`:
// user@, then @LOCAL@.

import MailAddress

extension Probe {
    private static let local = Array("@LOCAL@".utf8)

    /// Searches for an address, then for its domain; a key without `@` is searched for as a domain.
    func searchPathaliasAt(
        _ key: DottedKey, in block: inout ByteBlock, folding: KeyFolding, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        // The last one: a quoted local part may have others (RFC 5321, 4.1.2).
        guard let at = block.lastIndex(of: UInt8(ascii: "@"), in: key.whole) else {
            return try searchPathalias(key, in: &block, defaults: defaults)
        }
        if let hit = try lookUp(key.whole, in: &block) { return hit }
        guard at + 1 < key.end else {
            return try lookUp(Self.local.map(folding.fold), argumentZero: key.whole, in: &block)
        }
        let domain = DottedKey((at + 1)..<key.end, folding: .none, in: &block)
        return try searchPathalias(domain, in: &block, defaults: defaults)
    }
}
