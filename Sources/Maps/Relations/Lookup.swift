// What a lookup found, as places in the text that the key was a piece of: no lookup costs an allocation.

public import Bytes

/// The answer of a relation.
public struct MapHit: Sendable {
    /// The place of the relation among those that were asked, counted from 0.
    public internal(set) var relation: Int
    /// The place of the map in its relation, counted from 0.
    public internal(set) var map: Int
    /// The user whose authority an expansion from this value carries.
    public internal(set) var privilege: UInt32
    /// Whether the value may hold `%N` that is still to be substituted.
    public var isTemplate: Bool
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
        substituting places: @autoclosure () -> SubstitutionPlaces = SubstitutionPlaces(), in text: inout TextArena
    ) -> Range<Int> {
        guard let first = reference(in: text) else { return value }
        return value(substituting: places(), from: first, in: &text)
    }

    /// The value with `%N` substituted, the first of which stands at a place, as `reference` gives it.
    public func value(
        substituting places: borrowing SubstitutionPlaces, from first: Int, in text: inout TextArena
    ) -> Range<Int> {
        places.substitute(in: value, from: first, argumentZero: argumentZero, text: &text) ?? value
    }

    /// How long the value becomes by substitution; `Int.max` where no number says it.
    ///
    /// - Parameters:
    ///   - places: where in the text `%1` to `%9` stand.
    ///   - text: the text that the key is a piece of.
    public func substitutedLength(_ places: SubstitutionPlaces, in text: borrowing TextArena) -> Int {
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
    public func reference(in text: borrowing TextArena) -> Int? {
        isTemplate ? SubstitutionPlaces.reference(in: value, of: text) : nil
    }
}

// Substitution of %N in values (relation flag %; SEMANTICS 5b), done on the value right after the lookup.

/// Where in a text stands what `%1` to `%9` in a value stand for; each may be absent, or present and empty.
public struct SubstitutionPlaces: Sendable {
    /// By number; an absent one begins before the text.
    public var starts = SIMD16<Int>(repeating: -1)
    /// Where each of them ends.
    public var ends = SIMD16<Int>(repeating: -1)

    /// No arguments: only `%0` can be substituted.
    @inlinable
    public init() {}

    /// The place of an argument, by its digit from 1 to 9; any other number is passed over.
    @inlinable
    public subscript(number: Int) -> Range<Int>? {
        get {
            guard 1...9 ~= number, starts[number] >= 0 else { return nil }
            return starts[number]..<ends[number]
        }
        set {
            guard 1...9 ~= number else { return }
            starts[number] = newValue?.lowerBound ?? -1
            ends[number] = newValue?.upperBound ?? -1
        }
    }

    /// Substitutes `%N` in a value, N one digit.
    ///
    /// An absent argument becomes empty, unless no argument that the value refers to exists: then the value stays as
    /// it is. `%` before anything but a digit is an ordinary character, another `%` included.
    ///
    /// - Parameters:
    ///   - value: where the value stands in the text.
    ///   - first: the place of the first `%N` in it.
    ///   - argumentZero: where that stands which `%0` stands for.
    ///   - text: holds all of them, and gets the substituted value as another piece.
    /// - Returns: where that is; nil if nothing was to be substituted.
    public func substitute(
        in value: Range<Int>, from first: Int, argumentZero: Range<Int>, text: inout TextArena
    ) -> Range<Int>? {
        guard refersToSomething(value, from: first, of: text) else { return nil }
        var percent = first
        var start = value.lowerBound
        let result = text.end
        while true {
            text.append(copyOf: start..<percent)
            let number = Int(text[percent + 1] - UInt8(ascii: "0"))
            if number == 0 {
                text.append(copyOf: argumentZero)
            } else if let place = self[number] {
                text.append(copyOf: place)
            }
            start = percent + 2
            guard start < value.upperBound, let next = Self.reference(in: start..<value.upperBound, of: text)
            else { break }
            percent = next
        }
        text.append(copyOf: start..<value.upperBound)
        return result..<text.end
    }

    /// Whether one of the references from a place on has an argument.
    @inline(__always)
    private func refersToSomething(_ value: Range<Int>, from place: Int, of text: borrowing TextArena) -> Bool {
        var place: Int? = place
        while let percent = place {
            let number = Int(text[percent + 1] - UInt8(ascii: "0"))
            if number == 0 || self[number] != nil { return true }
            place = Self.reference(in: (percent + 2)..<value.upperBound, of: text)
        }
        return false
    }

    /// The place of the first `%N` in a value.
    @inlinable @inline(__always)
    public static func reference(in value: Range<Int>, of text: borrowing TextArena) -> Int? {
        var start = value.lowerBound
        while let percent = text.firstIndex(of: UInt8(ascii: "%"), in: start..<value.upperBound) {
            guard percent + 1 < value.upperBound else { return nil }
            if ASCII.isDigit(text[percent + 1]) { return percent }
            start = percent + 1
        }
        return nil
    }
}

// Folding of keys (relation flags -l and -u), ASCII only: other bytes belong to encodings that nobody declared.

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
