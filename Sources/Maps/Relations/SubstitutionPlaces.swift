// Substitution of %N in values (relation flag %; SEMANTICS 5b), done on the value right after the lookup.

public import MailAddress

/// Where in a text stands what `%1` to `%9` in a value stand for; each may be absent, or present and empty.
public struct SubstitutionPlaces: Sendable {
    /// By number; an absent one begins before the text.
    @usableFromInline var starts = SIMD16<Int>(repeating: -1)
    @usableFromInline var ends = SIMD16<Int>(repeating: -1)

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
        in value: Range<Int>, from first: Int, argumentZero: Range<Int>, text: inout ByteBlock
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
    private func refersToSomething(_ value: Range<Int>, from place: Int, of text: borrowing ByteBlock) -> Bool {
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
    public static func reference(in value: Range<Int>, of text: borrowing ByteBlock) -> Int? {
        var start = value.lowerBound
        while let percent = text.firstIndex(of: UInt8(ascii: "%"), in: start..<value.upperBound) {
            guard percent + 1 < value.upperBound else { return nil }
            if ASCII.isDigit(text[percent + 1]) { return percent }
            start = percent + 1
        }
        return nil
    }
}
