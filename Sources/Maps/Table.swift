// The one protocol that every back end speaks, and that wrappers (tracing, injected failure) speak too.

/// One file of keys and values that can be looked into.
///
/// A table belongs to one worker at a time; it opens its file at the first lookup and keeps it open. Keys and values
/// are bytes, without the NUL that Berkeley DB files of ZMailer end them with.
public protocol Table: AnyObject {
    /// What messages call this table.
    var name: TableName { get }

    /// Looks a key up, exactly as given: folding, search order and substitution are done above.
    ///
    /// - Parameters:
    ///   - key: the bytes of the key.
    ///   - value: replaced by the value when the key is found, otherwise of no meaning.
    /// - Returns: true if the key was found, false if it certainly does not exist.
    /// - Throws: `MapError` whenever neither is certain.
    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool

    /// Notices that the file was replaced or changed (relation flag `-m`), so that the next lookup reads the new one.
    ///
    /// Called between addresses only, so that within one address a map is of one generation.
    ///
    /// - Returns: true if answers given before may no longer hold.
    func refresh() -> Bool

    /// The user whose authority an expansion from this table carries: the file's owner, or nobody (65534) where the
    /// file is writable by others (SEMANTICS 9, `priv`). Meaningful after a successful lookup.
    var privilege: UInt32 { get }
}
