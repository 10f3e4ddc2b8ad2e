// The shape of nearly every address: atoms and dots, one @, labels and dots, all of printable ASCII. It is told apart in
// one short pass; everything else, faulty addresses among it, is for the full grammar of MailboxParser.

import Bytes

/// Mailboxes that need no parsing.
enum PlainMailbox {
    /// The longest label, and the longest domain with its `@` (RFC 1035 2.3.4, RFC 5321 4.5.3.1.2).
    private static let longestLabel = 63
    private static let longestDomain = 256

    /// The place of the `@` of a plain mailbox; nil where the bytes are something else, valid or not.
    @inline(__always)
    static func atSign(_ piece: Range<Int>, of text: borrowing TextArena) -> Int? {
        let count = piece.count
        // A local form may begin so.
        guard count > 2, let first = text.first(piece), first != UInt8(ascii: "|"), first != UInt8(ascii: "/") else {
            return nil
        }
        // Where the present word begins: words of no byte are not plain.
        var word = 0
        var at = -1
        var block = 0
        while block < count {
            // Most bytes are of the ordinary kind, and passed over eight at a time.
            var others = EightBytes.notOrdinary(text.eightBytes(at: piece.lowerBound &+ block))
            while others != 0 {
                let place = block &+ others.trailingZeroBitCount >> 3
                guard place < count else { break }
                others &= others &- 1
                let byte = text[piece.lowerBound &+ place]
                if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "@") {
                    guard isWord(place &- word, inDomain: at >= 0) else { return nil }
                    if byte == UInt8(ascii: "@") {
                        guard at < 0 else { return nil }
                        at = place
                    }
                    word = place &+ 1
                } else if !isOtherAtom(byte) {
                    return nil
                }
            }
            block &+= 8
        }
        return at > 0 && isWord(count &- word, inDomain: true) && count &- at <= longestDomain ? at : nil
    }

    /// Whether a byte that is not ordinary may stand in an atom (RFC 5322, atext).
    @inline(__always)
    private static func isOtherAtom(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "?"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "^"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Whether so many bytes between dots make a word.
    @inline(__always)
    private static func isWord(_ count: Int, inDomain: Bool) -> Bool {
        count > 0 && (!inDomain || count <= longestLabel)
    }
}
