// Substitution of %N in values (relation flag %; SEMANTICS 5b), done on the value right after the lookup.

public import MailAddress

/// What `%1` to `%9` in a value stand for; each may be absent, or present and empty.
///
/// One value serves for many lookups: `removeAll` keeps its memory.
public struct SubstitutionArguments: Sendable {
    private var text = ByteBlock()
    /// By number.
    private var places: InlineArray<10, Range<Int>?> = .init(repeating: nil)

    /// No arguments: only `%0` can be substituted.
    public init() {}

    /// Makes every argument absent.
    public mutating func removeAll() {
        text.removeAll()
        places = .init(repeating: nil)
    }

    /// Sets an argument.
    ///
    /// - Parameters:
    ///   - number: its digit, 1 to 9; any other number is passed over.
    ///   - value: its bytes; without any it is present and empty.
    public mutating func set(_ number: Int, to value: Span<UInt8>) {
        guard 1...9 ~= number else { return }
        places[number] = text.append(value)
    }

    /// Substitutes `%N` in a value, N one digit.
    ///
    /// An absent argument becomes empty, unless no argument that the value refers to exists: then the value stays as
    /// it is. `%` before anything but a digit is an ordinary character, another `%` included.
    ///
    /// - Parameters:
    ///   - value: the place of the value in the block.
    ///   - argumentZero: the place of what `%0` stands for.
    ///   - block: gets the substituted value as another piece.
    /// - Returns: where that is; nil if nothing was to be substituted.
    public func substitute(
        in value: Range<Int>, argumentZero: Range<Int>, of block: inout ByteBlock
    ) -> Range<Int>? {
        guard var percent = reference(in: value, of: block), refersToSomething(value, from: percent, of: block) else {
            return nil
        }
        var start = value.lowerBound
        let result = block.end
        while true {
            block.append(copyOf: start..<percent)
            let number = Int(block[percent + 1] - UInt8(ascii: "0"))
            if number == 0 {
                block.append(copyOf: argumentZero)
            } else if let place = places[number] {
                block.append(text.bytes.span.extracting(place))
            }
            start = percent + 2
            guard let next = reference(in: start..<value.upperBound, of: block) else { break }
            percent = next
        }
        block.append(copyOf: start..<value.upperBound)
        return result..<block.end
    }

    /// Whether one of the references from a place on has an argument.
    private func refersToSomething(_ value: Range<Int>, from place: Int, of block: borrowing ByteBlock) -> Bool {
        var place: Int? = place
        while let percent = place {
            let number = Int(block[percent + 1] - UInt8(ascii: "0"))
            if number == 0 || places[number] != nil { return true }
            place = reference(in: (percent + 2)..<value.upperBound, of: block)
        }
        return false
    }

    /// The place of the first `%N` of a piece.
    private func reference(in value: Range<Int>, of block: borrowing ByteBlock) -> Int? {
        var start = value.lowerBound
        while let percent = block.firstIndex(of: UInt8(ascii: "%"), in: start..<value.upperBound) {
            guard percent + 1 < value.upperBound else { return nil }
            if ASCII.isDigit(block[percent + 1]) { return percent }
            start = percent + 1
        }
        return nil
    }
}
