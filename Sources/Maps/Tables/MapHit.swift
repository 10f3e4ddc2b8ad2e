// What a lookup found, as ranges in the text that the key was a piece of: no lookup costs an allocation.

public import Bytes
import Glibc
public import System

/// The answer of a relation.
public struct MapHit: Sendable {
    /// The index of the relation among those that were asked, counted from 0.
    public internal(set) var relation: Int
    /// The index of the map in its relation, counted from 0.
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
    public internal(set) var argumentZero: Range<Int>

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

    /// The value with `%N` substituted, the first of which stands at an offset, as `reference` gives it.
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

    /// The offset of the first `%N` in the value, where the map has the flag `%`; without any, nothing is to be substituted.
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

    /// The range of an argument, by its digit from 1 to 9; any other number is passed over.
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
    ///   - first: the offset of the first `%N` in it.
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
            } else if let argument = self[number] {
                text.append(copyOf: argument)
            }
            start = percent + 2
            guard start < value.upperBound, let next = Self.reference(in: start..<value.upperBound, of: text)
            else { break }
            percent = next
        }
        text.append(copyOf: start..<value.upperBound)
        return result..<text.end
    }

    /// Whether one of the references from an offset on has an argument.
    @inline(__always)
    private func refersToSomething(_ value: Range<Int>, from offset: Int, of text: borrowing TextArena) -> Bool {
        var next: Int? = offset
        while let percent = next {
            let number = Int(text[percent + 1] - UInt8(ascii: "0"))
            if number == 0 || self[number] != nil { return true }
            next = Self.reference(in: (percent + 2)..<value.upperBound, of: text)
        }
        return false
    }

    /// The offset of the first `%N` in a value.
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

// Whose authority an expansion carries: ZMailer's privilege of a database file (SEMANTICS 9, `priv`).

/// The user without any authority (`nobody`).
public let nobody: UInt32 = 65534

extension FileIdentity {
    /// The user whose authority the file's contents carry: its owner, or nobody where others may write it.
    public var privilege: UInt32 {
        mode & (S_IWGRP | S_IWOTH) == 0 ? owner : nobody
    }
}
