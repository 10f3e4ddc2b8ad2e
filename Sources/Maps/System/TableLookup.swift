// Lookups in a table itself: the key as it stands, the value as it stands.

extension MapHit {
    /// Looks a key up in a table that belongs to no relation and keeps the answer here.
    ///
    /// - Throws: `MapError` when the table cannot say whether it has the key.
    public mutating func lookUp(_ key: Span<UInt8>, in table: any Table) throws(MapError) -> Bool {
        guard try find(key, in: table) else { return false }
        setKey(key)
        privilege = table.privilege
        isTemplate = false
        return true
    }

    /// Looks a key up in a table and notes the value.
    mutating func find(_ key: Span<UInt8>, in table: any Table) throws(MapError) -> Bool {
        guard try table.lookUp(key, into: &copied) else { return false }
        setCopiedValue()
        return true
    }
}
