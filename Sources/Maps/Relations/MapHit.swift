// What a lookup found, as places in the text that the key was a piece of: no lookup costs an allocation.

public import MailAddress

/// The answer of a relation.
public struct MapHit: Sendable {
    /// The place of the map in its relation, counted from 0.
    public internal(set) var map = 0
    /// The user whose authority an expansion from this value carries.
    public internal(set) var privilege: UInt32 = nobody
    /// Whether the value may hold `%N` that is still to be substituted.
    var isTemplate = false
    /// Where the value is, as the map has it.
    public internal(set) var value: Range<Int>
    /// Where the stored key is that matched, as folding and the search driver made it.
    public internal(set) var key: Range<Int>
    /// Where that is which `%0` stands for.
    var argumentZero: Range<Int>

    init(value: Range<Int>, key: Range<Int>) {
        self.value = value
        self.key = key
        argumentZero = key
    }

    /// The value with `%N` substituted where the map has the flag `%` and this was not done yet.
    ///
    /// - Parameters:
    ///   - places: where in the text `%1` to `%9` stand; `%0` is known from the lookup.
    ///   - text: the text that the key is a piece of.
    /// - Returns: where the value is.
    public func value(
        substituting places: borrowing SubstitutionPlaces = SubstitutionPlaces(), in text: inout ByteBlock
    ) -> Range<Int> {
        guard isTemplate else { return value }
        return places.substitute(in: value, argumentZero: argumentZero, text: &text) ?? value
    }
}
