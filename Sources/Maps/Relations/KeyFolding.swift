// Folding of keys (relation flags -l and -u), ASCII only: other bytes belong to encodings that nobody declared.

public import MailAddress

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
