// What a lookup found. The caller owns one and hands it to every lookup, so that its memory is allocated once.

public import MailAddress

/// The answer of a relation, reused from lookup to lookup; of no meaning after one that found nothing.
public struct MapHit: Sendable {
    /// The place of the map in its relation, counted from 0.
    public internal(set) var map = 0
    /// The user whose authority an expansion from this value carries.
    public internal(set) var privilege: UInt32 = 0
    /// Whether the value may hold `%N` that is still to be substituted.
    var isTemplate = false

    /// The value, the key and what `%0` stands for.
    private var text = ByteBlock()
    private var valuePlace = 0..<0
    private var keyPlace = 0..<0
    private var zeroPlace = 0..<0
    /// Where tables put values that they cannot show.
    var copied: [UInt8] = []

    /// An answer to be filled.
    public init() {}

    /// The value; after `lookUp` with its `%N` substituted.
    public var value: [UInt8] { text[valuePlace] }

    /// The stored key that matched, as folding and the search driver made it.
    public var key: [UInt8] { text[keyPlace] }

    /// Whether the value is empty.
    public var isEmpty: Bool { valuePlace.isEmpty }

    /// Whether the value has a `%`.
    public var containsPercent: Bool { text.firstIndex(of: UInt8(ascii: "%"), in: valuePlace) != nil }

    /// Puts the value into a block, with `%N` substituted where the map has the flag `%` and this was not done yet.
    ///
    /// - Parameters:
    ///   - places: where in the block `%1` to `%9` stand; `%0` is known from the lookup.
    /// - Returns: where the value is.
    public func appendValue(
        to block: inout ByteBlock, substituting places: borrowing SubstitutionPlaces = SubstitutionPlaces()
    ) -> Range<Int> {
        let bytes = text.bytes.span
        let value = bytes.extracting(valuePlace)
        if isTemplate,
            let substituted = places.substitute(
                in: value, argumentZero: bytes.extracting(zeroPlace), into: &block)
        {
            return substituted
        }
        return block.append(value)
    }

    /// Substitutes `%N` in the value, where the map has the flag `%` and this was not done yet.
    ///
    /// - Parameter arguments: `%1` to `%9`; `%0` is known from the lookup.
    public mutating func substitute(_ arguments: SubstitutionArguments = SubstitutionArguments()) {
        guard isTemplate, containsPercent else { return }
        var block = arguments.text
        let substituted = appendValue(to: &block, substituting: arguments.places)
        valuePlace = text.append(block.bytes.span.extracting(substituted))
        isTemplate = false
    }

    // MARK: Filling

    /// Notes the value; whatever was known before is forgotten.
    @inline(__always)
    mutating func setValue(_ bytes: Span<UInt8>) {
        text.removeAll()
        valuePlace = text.append(bytes)
    }

    /// Notes the value that a table copied.
    mutating func setCopiedValue() {
        text.removeAll()
        valuePlace = text.append(copied)
    }

    /// Notes the stored key that matched, which `%0` stands for, too.
    mutating func setKey(_ bytes: Span<UInt8>) {
        keyPlace = text.append(bytes)
        zeroPlace = keyPlace
    }

    /// Notes the stored key that matched, and what `%0` stands for.
    mutating func setKey(_ bytes: Span<UInt8>, argumentZero zero: Span<UInt8>) {
        keyPlace = text.append(bytes)
        zeroPlace = text.append(zero)
    }

    /// Puts the key in the place of the value, for the flags `-b` and `-n`.
    mutating func answerKey(_ dottedKey: borrowing DottedKey) {
        valuePlace = text.append(dottedKey.bytes.span.extracting(dottedKey.whole))
        isTemplate = false
    }

    /// Forgets the value: there is none, but the answer will be the key.
    mutating func setNoValue() {
        text.removeAll()
        valuePlace = 0..<0
    }
}
