// Folding of keys (relation flags -l and -u), ASCII only: other bytes belong to encodings that nobody declared.

public import Bytes

/// How the letters of a key are folded.
public enum KeyFolding: Sendable, Hashable {
    /// Left as they are.
    case none
    /// To lower case (`-l`).
    case lower
    /// To upper case (`-u`).
    case upper

    /// A byte after folding.
    @inlinable
    public func fold(_ byte: UInt8) -> UInt8 {
        switch self {
        case .none: byte
        case .lower: ASCII.lowercase(byte)
        case .upper: ASCII.uppercase(byte)
        }
    }
}

// A key that several relations are asked for is folded and hashed once for all of them.

/// A key, its form in lower case, and the hash of that.
public struct SharedKey {
    /// Where the key stands in the text, as it was given.
    public let original: Range<Int>
    /// Where it stands in lower case.
    public let folded: Range<Int>
    /// The hash of the form in lower case.
    public let hash: KeyHash

    /// Whether the key was given in lower case.
    @inlinable public var isFolded: Bool { original == folded }

    /// Puts a key together that was folded and hashed.
    @inlinable @inline(__always)
    public init(original: Range<Int>, folded: Range<Int>, hash: KeyHash) {
        self.original = original
        self.folded = folded
        self.hash = hash
    }
}

// A key's hash, taken once where several text maps are asked for the same key.

/// The hash of a key, with the secret it was made with.
public struct KeyHash: Sendable {
    /// The hash itself.
    public let value: UInt32
    /// Which function made it: tables with another secret have to hash for themselves.
    public let seed: UInt64

    /// Keeps a hash with the secret it was made with.
    @inlinable @inline(__always)
    public init(value: UInt32, seed: UInt64) {
        self.value = value
        self.seed = seed
    }
}
