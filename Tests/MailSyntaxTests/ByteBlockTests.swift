// What blocks of text copy and search many bytes at a time must be what single bytes give: at every length, and wherever
// the bytes lie in memory.

import Bytes
import Testing

@Suite struct ByteBlockTests {
    /// Past every length at which copying and searching change their ways.
    static let lengths = Array(0...70)

    /// Bytes that go up by one from a byte on, round to 0 after 255: over all first bytes, every place has every byte.
    private func bytes(from first: UInt8, count: Int) -> [UInt8] {
        (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0) }
    }

    @Test(arguments: lengths)
    func copyLettersInLowerAndUpperCase(length: Int) {
        for first in UInt8.min ... .max {
            let text = bytes(from: first, count: length)
            let folded = text.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
            let capitals = text.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }
            for before in first % 16 == 0 ? 0..<8 : 0..<1 {
                var block = TextArena()
                let filler = [UInt8](repeating: 0x58, count: before)
                block.append(filler)
                let written = block.append(text)
                let copy = block.append(lowercaseOf: written)
                let raised = block.append(uppercaseOf: written)
                #expect(block[copy] == folded)
                #expect(block.array == filler + text + folded + capitals)
                #expect(raised == copy.upperBound..<copy.upperBound + length)
            }
        }
    }

    @Test(arguments: lengths)
    func copyArraysSpansAndPiecesFromAnyPlaceToAnyPlace(length: Int) {
        let all = bytes(from: 1, count: 16 + length)
        for source in 0..<9 {
            let text = Array(all[source..<source + length])
            for target in 0..<9 {
                let filler = [UInt8](repeating: 0xAA, count: target)
                // Neither with room nor without may anything but the piece change.
                for capacity in [0, target + length, 400] {
                    var block = TextArena(capacity: capacity)
                    block.append(filler)
                    let first = block.append(all.span.extracting(source..<source + length))
                    #expect(first == target..<target + length)
                    let piece = block.append(text)
                    #expect(block.append(copyOf: piece) == piece.upperBound..<piece.upperBound + length)
                    #expect(block.array == filler + text + text + text)
                }
            }
        }
    }

    @Test func copyLiteralsAndTellThemInPieces() {
        let literals: [(literal: StaticString, text: String)] = [
            ("", ""), ("a", "a"), ("four", "four"), ("sevenby", "sevenby"), ("eight by", "eight by"),
            ("sixteen bytes, 1", "sixteen bytes, 1"), ("seventeen bytes 1", "seventeen bytes 1"),
        ]
        for (literal, text) in literals {
            var block = TextArena()
            block.append(UInt8(ascii: "x"))
            let piece = block.append(literal)
            #expect(block[piece] == Array(text.utf8))
            for (other, otherText) in literals {
                #expect(block.starts(piece, with: other) == text.hasPrefix(otherText))
                #expect(block.equals(piece, other) == (text == otherText))
                #expect(block.equals(piece, Array(otherText.utf8)) == (text == otherText))
                let rest = text.hasPrefix(otherText) ? String(text.dropFirst(otherText.count)) : ""
                #expect(block.dropping(other, from: piece).map { block[$0] } == (rest.isEmpty ? nil : Array(rest.utf8)))
            }
        }
    }

    @Test func growWithoutLosingWhatTheyHold() {
        var block = TextArena()
        var model: [UInt8] = []
        for count in 0..<400 {
            let text = bytes(from: UInt8(truncatingIfNeeded: count), count: count)
            #expect(block.append(text) == model.count..<model.count + count)
            model += text
        }
        #expect(block.array == model)
        block.removeAll(from: 500)
        #expect(block.array == Array(model[..<500]))
        block.removeAll()
        #expect(block.array.isEmpty)
        #expect(block.append(Array(model[..<9])) == 0..<9)
    }

    // MARK: Searching

    /// Bytes that a search for controls, `;` and `\` may take for one another, and the limits of what it must find.
    private static let telling: [UInt8] = [
        0x00, 0x01, 0x1F, 0x20, 0x21, 0x3A, 0x3B, 0x3C, 0x5B, 0x5C, 0x5D, 0x7F, 0x80, 0x81, 0x9F, 0xA0, 0xBB, 0xDC,
        0xFF,
    ]

    /// Whether a part was not appended, as it should not be where it has a control.
    private func hasControl(_ text: [UInt8], in range: Range<Int>) -> Bool {
        var output = TextArena()
        output.append(0x01)
        let isAppended = output.append(text.span.extracting(range), then: 0x00, unlessControlOr: 0x5C, or: 0x3B)
        #expect(output.array == [0x01] + (isAppended ? text[range] + [0x00] : []))
        return !isAppended
    }

    @Test(arguments: lengths)
    func controlsAndSeparatorsAreFoundAtEveryPlace(length: Int) {
        for filler in [0x20, 0x61, 0x7F, 0x80, 0xFF] as [UInt8] {
            for start in 0..<3 {
                // Around the part lies what would be found in it.
                var text = [UInt8](repeating: 0, count: start + length + 9)
                let part = start..<start + length
                for place in part { text[place] = filler }
                #expect(!hasControl(text, in: part))
                for place in part {
                    for byte in Self.telling {
                        text[place] = byte
                        let isWanted = byte < 0x20 || byte == 0x5C || byte == 0x3B
                        #expect(hasControl(text, in: part) == isWanted)
                    }
                    text[place] = filler
                }
            }
        }
    }

    @Test(arguments: telling)
    func ofTwoNeighboursNeitherHidesTheOther(left: UInt8) {
        for right in UInt8.min ... .max {
            for place in 0..<8 {
                var text = [UInt8](repeating: 0x61, count: 9)
                text[place] = left
                text[place + 1] = right
                let isWanted = text.contains { $0 < 0x20 || $0 == 0x5C || $0 == 0x3B }
                #expect(hasControl(text, in: 0..<9) == isWanted)
            }
        }
    }

    @Test(arguments: lengths)
    func theFirstAndTheLastOfAByteAreFoundAtEveryPlace(length: Int) {
        for start in 0..<9 {
            // The wanted byte stands around the part, too.
            var block = TextArena()
            block.append([UInt8](repeating: 0x40, count: start))
            let part = block.append([UInt8](repeating: 0x61, count: length))
            block.append([0x40])
            #expect(block.firstIndex(of: 0x40, in: part) == nil)
            #expect(block.lastIndex(of: 0x40, in: part) == nil)
            for place in part {
                block.replace(at: place, with: 0x40)
                #expect(block.firstIndex(of: 0x40, in: part) == place)
                #expect(block.lastIndex(of: 0x40, in: part) == place)
                block.replace(at: part.upperBound - 1, with: 0x40)
                #expect(block.firstIndex(of: 0x40, in: part) == place)
                #expect(block.lastIndex(of: 0x40, in: part) == part.upperBound - 1)
                block.replace(at: part.upperBound - 1, with: 0x61)
                block.replace(at: place, with: 0x61)
            }
        }
    }
}
