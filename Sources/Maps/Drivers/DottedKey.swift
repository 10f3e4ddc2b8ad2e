// The key of a lookup as search drivers want it: folded, with a dot before it, so that every part of it that they try is
// a piece of one text.

import MailAddress

/// Where a key stands in a text with a dot before it, so that `.foo.edu` need not be built from `foo.edu`.
struct DottedKey {
    /// The place of the dot.
    let dot: Int
    /// The place behind the key.
    let end: Int

    /// Puts a key into the text that it is a piece of, folded and with its dot.
    init(_ key: Range<Int>, folding: KeyFolding, in text: inout ByteBlock) {
        dot = text.append(UInt8(ascii: ".")).lowerBound
        end = text.append(key, folding).upperBound
    }

    /// The key itself, without the dot.
    var whole: Range<Int> { (dot + 1)..<end }

    /// The place of the next dot that has a label after it; of several dots in a row that is the last.
    func nextLabel(from start: Int, in text: borrowing ByteBlock) -> Int? {
        var start = start
        while let place = text.firstIndex(of: UInt8(ascii: "."), in: start..<end), place + 1 < end {
            if text[place + 1] != UInt8(ascii: ".") { return place }
            start = place + 1
        }
        return nil
    }
}

extension ByteBlock {
    /// Adds a folded copy of a piece.
    mutating func append(_ range: Range<Int>, _ folding: KeyFolding) -> Range<Int> {
        switch folding {
        case .none: append(copyOf: range)
        case .lower: append(lowercaseOf: range)
        case .upper: append(uppercaseOf: range)
        }
    }
}
