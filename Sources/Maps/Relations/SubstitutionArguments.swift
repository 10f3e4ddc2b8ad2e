// Substitution of %N in values (relation flag %; SEMANTICS 5b), done on the value right after the lookup.

import MailAddress

/// What `%1` to `%9` in a value stand for; each may be absent, or present and empty.
///
/// One value serves for many lookups: `removeAll` keeps its buffer.
public struct SubstitutionArguments: Sendable {
    private var bytes: [UInt8] = []
    /// By number, as far as any was set; so no arguments cost no allocation.
    private var ranges: [Range<Int>?] = []

    /// No arguments: only `%0` can be substituted.
    public init() {}

    /// Makes every argument absent.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ranges.removeAll(keepingCapacity: true)
    }

    /// Sets an argument.
    ///
    /// - Parameters:
    ///   - number: its digit, 1 to 9; any other number is passed over.
    ///   - value: its bytes; without any it is present and empty.
    public mutating func set(_ number: Int, to value: Span<UInt8>) {
        guard 1...9 ~= number else { return }
        while ranges.count <= number { ranges.append(nil) }
        let start = bytes.count
        bytes.append(from: value)
        ranges[number] = start..<bytes.count
    }

    /// Substitutes `%N` in a value, N one digit.
    ///
    /// An absent argument becomes empty, unless no argument that the value refers to exists: then the value stays as
    /// it is. `%` before anything but a digit is an ordinary character, another `%` included.
    ///
    /// - Parameters:
    ///   - value: the value as the map has it.
    ///   - argumentZero: what `%0` stands for.
    ///   - result: has the substituted value appended, where something was substituted.
    /// - Returns: whether something was; if not, the value stays.
    public func substitute(in value: [UInt8], argumentZero: [UInt8], into result: inout [UInt8]) -> Bool {
        var exists = false
        forEachPart(of: value) { part in
            if case .reference(let number) = part, number == 0 || range(number) != nil { exists = true }
        }
        guard exists else { return false }
        let source = value.span
        forEachPart(of: value) { part in
            switch part {
            case .literal(let range): result.append(from: source, range)
            case .reference(0): result.append(contentsOf: argumentZero)
            case .reference(let number):
                if let range = range(number) { result.append(from: bytes.span, range) }
            }
        }
        return true
    }

    private enum Part {
        case literal(Range<Int>)
        case reference(Int)
    }

    private func range(_ number: Int) -> Range<Int>? {
        number < ranges.count ? ranges[number] : nil
    }

    private func forEachPart(of value: [UInt8], _ take: (Part) -> Void) {
        var start = 0
        var position = 0
        while position + 1 < value.count {
            let digit = value[position + 1]
            guard value[position] == UInt8(ascii: "%"), ASCII.isDigit(digit) else {
                position += 1
                continue
            }
            if start < position { take(.literal(start..<position)) }
            take(.reference(Int(digit - UInt8(ascii: "0"))))
            position += 2
            start = position
        }
        if start < value.count { take(.literal(start..<value.count)) }
    }
}
