// The driver `pathalias.at`, made for addresses. For user@b.c: user@b.c, then as pathalias for b.c. For `user@`:
// user@, then @LOCAL@.

extension Probe {
    private static let local = Array("@LOCAL@".utf8)

    /// Searches for an address, then for its domain; a key without `@` is searched for as a domain.
    func searchPathaliasAt(
        _ dottedKey: inout DottedKey, folding: KeyFolding, defaults: [[UInt8]], into hit: inout MapHit
    ) throws(MapError) -> Bool {
        // The last one: a quoted local part may have others (RFC 5321, 4.1.2).
        guard let at = dottedKey.lastIndex(of: UInt8(ascii: "@")) else {
            return try searchPathalias(dottedKey, defaults: defaults, into: &hit)
        }
        let whole = dottedKey.whole
        if try lookUp(whole, of: dottedKey, argumentZero: whole, into: &hit) { return true }
        guard at + 1 < dottedKey.end else {
            return try lookUp(Self.local.map(folding.fold), for: dottedKey, into: &hit)
        }
        // The dot that the domain's suffixes need takes the place of the @, as long as the domain is searched for.
        dottedKey.replace(at: at, with: UInt8(ascii: "."))
        defer { dottedKey.replace(at: at, with: UInt8(ascii: "@")) }
        return try searchPathalias(dottedKey, from: at, defaults: defaults, into: &hit)
    }
}
