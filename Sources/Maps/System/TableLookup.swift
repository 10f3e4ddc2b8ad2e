// A lookup in a table that belongs to no relation: the key as it stands, the value as it stands.

extension MapHit {
    /// Looks a key up in a table and keeps the answer here.
    ///
    /// - Throws: `MapError` when the table cannot say whether it has the key.
    public mutating func lookUp(_ key: Span<UInt8>, in table: any Table) throws(MapError) -> Bool {
        guard try table.lookUp(key, into: &value) else { return false }
        setKey(key)
        privilege = table.privilege
        isTemplate = false
        return true
    }
}
