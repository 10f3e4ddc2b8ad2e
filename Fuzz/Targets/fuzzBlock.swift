// Blocks of text: an input is a list of operations, done to a block and to a model of it that knows no pointers.

import Bytes

func fuzzBlock(_ bytes: [UInt8]) {
    var run = BlockRun(bytes)
    while run.step() {}
}

/// A block, what it must be, and the operations still to be done.
private struct BlockRun: ~Copyable {
    private let input: [UInt8]
    private var position = 0
    private var block: TextArena
    private var model: [UInt8] = []
    /// Every range that the block gave out since it was emptied, with its bytes; those of the first ones only.
    private var pieces: [(range: Range<Int>, bytes: [UInt8])] = []

    /// Work must not grow faster than the input: copies of copies double the block.
    private static let largestBlock = 1 << 16
    private static let mostPieces = 32

    init(_ input: [UInt8]) {
        self.input = input
        block = TextArena(capacity: Int(input.first ?? 0))
        position = min(1, input.count)
    }

    /// Does one operation.
    ///
    /// - Returns: false at the end of the input.
    mutating func step() -> Bool {
        guard let operation = take() else {
            check()
            return false
        }
        switch operation % 12 {
        case 0:
            let byte = UInt8(truncatingIfNeeded: next())
            let range = block.append(byte)
            note(range, [byte])
        case 1:
            let part = inputRange()
            let input = input
            let range = block.append(input.span.extracting(part))
            note(range, Array(input[part]))
        case 2:
            let part = Array(input[inputRange()])
            let range = block.append(part)
            note(range, part)
        case 3:
            appendLiteral()
        case 4:
            let part = blockRange()
            let range = block.append(copyOf: part)
            note(range, Array(model[part]))
        case 5:
            let part = blockRange()
            let range = block.append(lowercaseOf: part)
            note(range, model[part].map(ASCII.lowercase))
        case 6:
            replace()
        case 7:
            search(in: blockRange())
        case 8:
            compare(blockRange())
        case 9:
            let part = blockRange()
            let range = block.append(uppercaseOf: part)
            note(range, model[part].map(ASCII.uppercase))
        case 10:
            removeAll(from: blockRange().lowerBound)
        default:
            check()
            if model.count > Self.largestBlock || next() % 4 == 0 { removeAll() }
        }
        return true
    }

    // MARK: Operations

    private mutating func note(_ range: Range<Int>, _ bytes: [UInt8]) {
        precondition(range == model.count..<model.count + bytes.count, "a piece is not where the last one ended")
        model += bytes
        if pieces.count < Self.mostPieces { pieces.append((range, bytes)) }
        precondition(block.end == model.count && block[range] == bytes, "a piece is not what was put in")
        if model.count > Self.largestBlock { removeAll() }
    }

    private mutating func appendLiteral() {
        let literal = literal()
        let range = block.append(literal)
        note(range, bytes(of: literal))
    }

    private mutating func replace() {
        guard !model.isEmpty else { return }
        let place = next() % model.count
        let byte = UInt8(truncatingIfNeeded: next())
        block.replace(at: place, with: byte)
        model[place] = byte
        for index in pieces.indices where pieces[index].range.contains(place) {
            pieces[index].bytes[place - pieces[index].range.lowerBound] = byte
        }
    }

    private mutating func search(in range: Range<Int>) {
        let byte = UInt8(truncatingIfNeeded: next())
        let other = UInt8(truncatingIfNeeded: next())
        let part = model[range]
        precondition(block.firstIndex(of: byte, in: range) == part.firstIndex(of: byte), "another first byte")
        let either = part.firstIndex { $0 == byte || $0 == other }
        precondition(block.firstIndex(of: byte, or: other, in: range) == either, "another first of two bytes")
        let pair = part.indices.dropLast().last { part[$0] == byte && part[$0 + 1] == byte }
        precondition(block.lastPair(of: byte, in: range) == pair, "another last pair")
        precondition(block.lastIndex(of: byte, in: range) == part.lastIndex(of: byte), "another last byte")
        precondition(block.first(range) == part.first && block.last(range) == part.last, "other ends")
        var output = TextArena()
        output.append(other)
        let isAppended = block.withSpan(range) { output.append($0, then: 0x0A, unlessControlOr: byte, or: other) }
        let isOrdinary = part.allSatisfy { $0 >= 0x20 && $0 != byte && $0 != other }
        precondition(isAppended == isOrdinary, "controls are not told apart")
        precondition(output.array == [other] + (isOrdinary ? part + [0x0A] : []), "something else is appended")
    }

    private mutating func compare(_ range: Range<Int>) {
        let literal = literal()
        let wanted = bytes(of: literal)
        let part = model[range]
        let starts = part.starts(with: wanted)
        precondition(block.starts(range, with: literal) == starts, "another beginning")
        precondition(block.equals(range, literal) == part.elementsEqual(wanted), "no literal")
        precondition(block.equals(range, wanted) == part.elementsEqual(wanted), "other bytes")
        let other = blockRange()
        precondition(block.equals(range, other) == part.elementsEqual(model[other]), "another piece")
        let rest = starts && part.count > wanted.count ? range.dropFirst(wanted.count) : nil
        precondition(block.dropping(literal, from: range) == rest, "another rest")
    }

    private mutating func removeAll(from place: Int) {
        block.removeAll(from: place)
        model.removeSubrange(place...)
        pieces.removeAll { $0.range.upperBound > place }
    }

    private mutating func removeAll() {
        block.removeAll()
        model = []
        pieces = []
    }

    /// All that is in the block is still what was put in.
    private func check() {
        precondition(block.array == model, "the block is not what was put in")
        for piece in pieces { precondition(block[piece.range] == piece.bytes, "a piece has changed") }
    }

    // MARK: Operands

    private mutating func take() -> UInt8? {
        guard position < input.count else { return nil }
        position += 1
        return input[position - 1]
    }

    private mutating func next() -> Int { take().map(Int.init) ?? 0 }

    /// Bytes of the input itself, at any place and of any length.
    private mutating func inputRange() -> Range<Int> { range(upTo: input.count) }

    private mutating func blockRange() -> Range<Int> { range(upTo: model.count) }

    private mutating func range(upTo end: Int) -> Range<Int> {
        // The distance from the end is what is given, so that what was put in last is reached, too.
        let lower = end - min(next(), end)
        return lower..<min(lower + next(), end)
    }

    private mutating func literal() -> StaticString {
        switch next() % 6 {
        case 0: ""
        case 1: "a"
        case 2: ".uucp"
        case 3: "ignore!"
        case 4: ":include:"
        default: "a literal that is longer than sixteen bytes"
        }
    }

    private func bytes(of literal: StaticString) -> [UInt8] { Array("\(literal)".utf8) }
}
