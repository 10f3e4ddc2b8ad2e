// The arguments of a substitution with their bytes, for callers that have no block of text.

import MailAddress

/// What `%1` to `%9` in a value stand for; each may be absent, or present and empty.
///
/// One value serves for many lookups: `removeAll` keeps its memory.
public struct SubstitutionArguments: Sendable {
    private(set) var text = ByteBlock()
    private(set) var places = SubstitutionPlaces()

    /// No arguments: only `%0` can be substituted.
    public init() {}

    /// Makes every argument absent.
    public mutating func removeAll() {
        text.removeAll()
        places = SubstitutionPlaces()
    }

    /// Sets an argument.
    ///
    /// - Parameters:
    ///   - number: its digit, 1 to 9; any other number is passed over.
    ///   - value: its bytes; without any it is present and empty.
    public mutating func set(_ number: Int, to value: Span<UInt8>) {
        places[number] = text.append(value)
    }
}
