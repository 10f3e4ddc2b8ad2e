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

extension TextArena {
    /// Adds a folded copy of a piece.
    mutating func append(_ range: Range<Int>, _ folding: KeyFolding) -> Range<Int> {
        switch folding {
        case .none: append(copyOf: range)
        case .lower: append(lowercaseOf: range)
        case .upper: append(uppercaseOf: range)
        }
    }
}
