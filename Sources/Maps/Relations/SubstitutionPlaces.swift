// Substitution of %N in values (relation flag %; SEMANTICS 5b), done on the value right after the lookup.

public import MailAddress

/// Where in a block stands what `%1` to `%9` in a value stand for; each may be absent, or present and empty.
public struct SubstitutionPlaces: Sendable {
    /// By number; an absent one begins before the block.
    private var starts = InlineArray<10, Int32>(repeating: -1)
    private var ends = InlineArray<10, Int32>(repeating: 0)

    /// No arguments: only `%0` can be substituted.
    public init() {}

    /// The place of an argument, by its digit from 1 to 9; any other number is passed over.
    public subscript(number: Int) -> Range<Int>? {
        get {
            guard 1...9 ~= number, starts[number] >= 0 else { return nil }
            return Int(starts[number])..<Int(ends[number])
        }
        set {
            guard 1...9 ~= number else { return }
            // Text of more than two gigabytes is none that anybody addresses mail with: the argument is absent.
            starts[number] = newValue.flatMap { Int32(exactly: $0.lowerBound) } ?? -1
            ends[number] = newValue.flatMap { Int32(exactly: $0.upperBound) } ?? -1
            if ends[number] < starts[number] { starts[number] = -1 }
        }
    }

    /// Substitutes `%N` in a value, N one digit.
    ///
    /// An absent argument becomes empty, unless no argument that the value refers to exists: then the value stays as
    /// it is. `%` before anything but a digit is an ordinary character, another `%` included.
    ///
    /// - Parameters:
    ///   - argumentZero: what `%0` stands for.
    ///   - block: holds the arguments, and gets the substituted value as another piece.
    /// - Returns: where that is; nil if nothing was to be substituted.
    public func substitute(
        in value: Span<UInt8>, argumentZero: Span<UInt8>, into block: inout ByteBlock
    ) -> Range<Int>? {
        guard var percent = reference(in: value, from: 0), refersToSomething(value, from: percent) else { return nil }
        var start = 0
        let result = block.end
        while true {
            block.append(value.extracting(start..<percent))
            let number = Int(value[percent + 1] - UInt8(ascii: "0"))
            if number == 0 {
                block.append(argumentZero)
            } else if let place = self[number] {
                block.append(copyOf: place)
            }
            start = percent + 2
            guard let next = reference(in: value, from: start) else { break }
            percent = next
        }
        block.append(value.extracting(start..<value.count))
        return result..<block.end
    }

    /// Whether one of the references from a place on has an argument.
    private func refersToSomething(_ value: Span<UInt8>, from place: Int) -> Bool {
        var place: Int? = place
        while let percent = place {
            let number = Int(value[percent + 1] - UInt8(ascii: "0"))
            if number == 0 || self[number] != nil { return true }
            place = reference(in: value, from: percent + 2)
        }
        return false
    }

    /// The place of the first `%N` from a place on.
    private func reference(in value: Span<UInt8>, from start: Int) -> Int? {
        var start = start
        while let next = value.extracting(start..<value.count).firstIndex(of: UInt8(ascii: "%")) {
            let percent = start + next
            guard percent + 1 < value.count else { return nil }
            if ASCII.isDigit(value[percent + 1]) { return percent }
            start = percent + 1
        }
        return nil
    }
}
