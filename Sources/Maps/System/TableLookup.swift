// Lookups in a table itself: the key as it stands, the value as it stands.

public import MailAddress

extension Table {
    /// Looks a key up in a table that belongs to no relation.
    ///
    /// - Parameters:
    ///   - key: where the key stands in the text.
    ///   - text: gets the value as another piece.
    ///   - buffer: where the table puts values; kept by the caller, so that no lookup allocates.
    /// - Returns: the answer; nil only where the key certainly does not exist.
    /// - Throws: `MapError` when the table cannot say whether it has the key.
    public func find(
        _ key: Range<Int>, in text: inout ByteBlock, copying buffer: inout [UInt8]
    ) throws(MapError) -> MapHit? {
        guard let value = try value(of: key, in: &text, copying: &buffer) else { return nil }
        var hit = MapHit(value: value, key: key)
        hit.privilege = privilege
        return hit
    }

    /// Looks a key up and notes the value.
    func value(
        of key: Range<Int>, in text: inout ByteBlock, copying buffer: inout [UInt8]
    ) throws(MapError) -> Range<Int>? {
        let isFound = try text.withSpan(key) { key throws(MapError) in try lookUp(key, into: &buffer) }
        return isFound ? text.append(buffer) : nil
    }
}
