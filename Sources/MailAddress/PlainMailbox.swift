// The shape of nearly every address: atoms and dots, one @, labels and dots, all of printable ASCII. It is told apart in
// one short pass; everything else, faulty addresses among it, is for the full grammar of MailboxParser.

/// Mailboxes that need no parsing.
enum PlainMailbox {
    /// The longest label, and the longest domain with its `@` (RFC 1035 2.3.4, RFC 5321 4.5.3.1.2).
    private static let longestLabel = 63
    private static let longestDomain = 256

    /// The place of the `@` of a plain mailbox; nil where the bytes are something else, valid or not.
    static func atSign(_ bytes: Span<UInt8>) -> Int? {
        // A local form may begin so.
        guard bytes.count > 2, bytes[0] != UInt8(ascii: "|"), bytes[0] != UInt8(ascii: "/") else { return nil }
        let isAtom = Self.isAtom.span
        // Where the present word begins: words of no byte are not plain.
        var word = 0
        var at = -1
        var place = 0
        while true {
            while place < bytes.count, isAtom[Int(bytes[place])] { place &+= 1 }
            guard place > word else { return nil }
            if at >= 0, place &- word > longestLabel { return nil }
            guard place < bytes.count else { break }
            switch bytes[place] {
            case UInt8(ascii: "@") where at < 0: at = place
            case UInt8(ascii: "."): break
            default: return nil
            }
            place &+= 1
            word = place
        }
        return at > 0 && bytes.count &- at <= longestDomain ? at : nil
    }

    /// Which bytes may stand in an atom (RFC 5322, atext).
    private static let isAtom: InlineArray<256, Bool> = .init { byte in
        byte > 0x20 && byte < 0x7F && !Syntax.specials.contains(UInt8(byte))
    }
}
