// One text map, asked without going through its table: the step that the many lookups of an address share.

/// What one text map has loaded, without counting references to it.
@safe
struct LoadedText {
    /// Kept by the `LoadedTexts` that it came from, until that forgets it.
    let storage: Unmanaged<TextTableStorage>

    /// Whether some key may begin with a byte.
    @inline(__always)
    func mayHaveKeys(beginningWith byte: UInt8) -> Bool {
        unsafe storage._withUnsafeGuaranteedRef { $0.search.mayHaveKeys(beginningWith: byte) }
    }

    /// Looks a key up, byte for byte.
    ///
    /// - Parameter hash: the key's hash, where somebody has it.
    @inline(__always)
    func lookUp(_ key: Span<UInt8>, _ hash: KeyHash? = nil, into hit: inout MapHit) -> Bool {
        unsafe storage._withUnsafeGuaranteedRef { storage in
            storage.find(key, hash) { hit.setValue($0) }
        }
    }
}
