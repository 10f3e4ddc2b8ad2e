// What a lookup found, as places in the text that the key was a piece of: no lookup costs an allocation.

public import MailAddress

/// The answer of a relation.
public struct MapHit: Sendable {
    /// The place of the relation among those that were asked, counted from 0.
    public internal(set) var relation: Int
    /// The place of the map in its relation, counted from 0.
    public internal(set) var map: Int
    /// The user whose authority an expansion from this value carries.
    public internal(set) var privilege: UInt32
    /// Whether the value may hold `%N` that is still to be substituted.
    @usableFromInline var isTemplate: Bool
    /// Where the value is, as the map has it.
    public internal(set) var value: Range<Int>
    /// Where the stored key is that matched, as folding and the search driver made it.
    public internal(set) var key: Range<Int>
    /// Where that is which `%0` stands for.
    var argumentZero: Range<Int>

    @inline(__always)
    init(
        relation: Int = 0, map: Int = 0, privilege: UInt32 = nobody, isTemplate: Bool = false, value: Range<Int>,
        key: Range<Int>
    ) {
        self.relation = relation
        self.map = map
        self.privilege = privilege
        self.isTemplate = isTemplate
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
    @inlinable @inline(__always)
    public func value(
        substituting places: @autoclosure () -> SubstitutionPlaces = SubstitutionPlaces(), in text: inout ByteBlock
    ) -> Range<Int> {
        guard let first = reference(in: text) else { return value }
        return value(substituting: places(), from: first, in: &text)
    }

    /// The value with `%N` substituted, the first of which stands at a place, as `reference` gives it.
    public func value(
        substituting places: borrowing SubstitutionPlaces, from first: Int, in text: inout ByteBlock
    ) -> Range<Int> {
        places.substitute(in: value, from: first, argumentZero: argumentZero, text: &text) ?? value
    }

    /// How long the value becomes by substitution; `Int.max` where no number says it.
    ///
    /// - Parameters:
    ///   - places: where in the text `%1` to `%9` stand.
    ///   - text: the text that the key is a piece of.
    public func substitutedLength(_ places: SubstitutionPlaces, in text: borrowing ByteBlock) -> Int {
        var length = value.count
        var next = reference(in: text)
        while let percent = next {
            let number = Int(text[percent + 1] - UInt8(ascii: "0"))
            let argument = number == 0 ? argumentZero.count : places[number]?.count ?? 0
            let (sum, isOverflow) = length.addingReportingOverflow(argument)
            guard !isOverflow else { return .max }
            length = sum
            next = SubstitutionPlaces.reference(in: (percent + 2)..<value.upperBound, of: text)
        }
        return length
    }

    /// The place of the first `%N` in the value, where the map has the flag `%`; without any, nothing is to be substituted.
    @inlinable @inline(__always)
    public func reference(in text: borrowing ByteBlock) -> Int? {
        isTemplate ? SubstitutionPlaces.reference(in: value, of: text) : nil
    }
}
