// A key's hash, taken once where several text maps are asked for the same key.

/// The hash of a key, with the secret it was made with.
public struct KeyHash: Sendable {
    @usableFromInline let value: UInt32
    /// Which function made it: tables with another secret have to hash for themselves.
    @usableFromInline let seed: UInt64

    @inlinable @inline(__always)
    init(value: UInt32, seed: UInt64) {
        self.value = value
        self.seed = seed
    }
}
