// An address as an envelope carries it, read strictly: RFC 5321 and 5322 with RFC 6531's UTF-8, and the older forms
// that ZMailer routes (SEMANTICS 7). Blanks and comments around words go, as ZMailer's envelope parser drops them.

public import Bytes

/// An address that was found valid, in the form in which it is routed.
public struct EnvelopeAddress: Sendable, Hashable {
    /// What kind of address it is.
    public enum Form: Sendable, Hashable {
        /// `local@domain`; the place of the `@` that ends the local part.
        case mailbox(at: Int)
        /// A local part by itself, `%` and `!` forms and the local forms of ZMailer among them.
        case local
        /// A quoted string by itself; `text` is what the quotes hold, unescaped.
        case quotedLocal
        /// A source route, `@host,@host:local@domain`.
        case route
        /// `@[channel]:local@domain`, which lets whoever writes it choose a channel.
        case channelLiteral
        /// `:include:file`.
        case include
        /// `<>`: no address at all, the null sender.
        case null
    }

    /// The address without the blanks and comments around its words.
    public let text: [UInt8]
    /// The kind of address.
    public let form: Form

    /// Reads an address; one pair of angle brackets around it is taken off.
    ///
    /// - Throws: `AddressError` for whatever is not valid, and for `<>` with the reason `.empty`, unless allowed.
    public init(_ bytes: Span<UInt8>, allowsNull: Bool = false) throws(AddressError) {
        var parser = MailboxParser()
        try parser.readAddress(bytes, allowsNull: allowsNull)
        text = parser.text
        form = parser.form
    }

    /// The form of an address, whose text is put at the end of a block; the block's new end is the text's.
    ///
    /// - Throws: as the initialiser does; the block is then as it was.
    public static func read(
        _ bytes: Span<UInt8>, allowsNull: Bool = false, into block: inout TextArena
    ) throws(AddressError) -> Form {
        // The usual case, without an allocation.
        let plain = block.append(bytes)
        if let at = PlainMailbox.atSign(plain, of: block) { return .mailbox(at: at) }
        block.removeAll(from: plain.lowerBound)
        let address = try EnvelopeAddress(bytes, allowsNull: allowsNull)
        block.append(address.text)
        return address.form
    }

    /// Reads an address from an array.
    public init(_ bytes: [UInt8], allowsNull: Bool = false) throws(AddressError) {
        try self.init(bytes.span, allowsNull: allowsNull)
    }
}

// The grammar of a single address: RFC 5321 Mailbox and A-d-l, and ZMailer's local forms. One pass, front to back.

/// Reads one address from a position on, into its routed form.
struct MailboxParser {
    var text: [UInt8] = []
    var form = EnvelopeAddress.Form.local
    var position = 0
    /// The place of a `::`, which only an address without a domain may have.
    var decnet: Int?

    /// Characters that may stand in a local part although RFC 5322 calls them special: ZMailer takes them for text.
    var tolerated = ByteSet("])\\")

    mutating func readAddress(_ bytes: Span<UInt8>, allowsNull: Bool) throws(AddressError) {
        try Syntax.skipBlanksAndComments(bytes, &position)
        let opening = position
        let bracketed = position < bytes.count && bytes[position] == UInt8(ascii: "<")
        if bracketed {
            position += 1
            try Syntax.skipBlanksAndComments(bytes, &position)
        }
        text.reserveCapacity(bytes.count)
        if position == bytes.count || (bracketed && bytes[position] == UInt8(ascii: ">")) {
            guard allowsNull else { throw AddressError(.empty, at: position) }
            form = .null
        } else if bytes[position] == UInt8(ascii: "@") {
            try readRoute(bytes)
        } else {
            try readMailbox(bytes)
        }
        try Syntax.skipBlanksAndComments(bytes, &position)
        if bracketed {
            guard position < bytes.count else { throw AddressError(.unterminated("<"), at: opening) }
            guard bytes[position] == UInt8(ascii: ">") else { throw unexpected(bytes) }
            position += 1
            try Syntax.skipBlanksAndComments(bytes, &position)
        }
        guard position == bytes.count else { throw unexpected(bytes) }
    }

    /// What is wrong with the byte at the position, where the address should have ended.
    func unexpected(_ bytes: Span<UInt8>) -> AddressError {
        let byte = bytes[position]
        if byte == UInt8(ascii: "@") { return AddressError(.severalAtSigns, at: position) }
        if ASCII.isControl(byte) { return AddressError(.controlCharacter, at: position) }
        if Syntax.specials.contains(byte) { return AddressError(.unquotedSpecial(byte), at: position) }
        return AddressError(.unquotedBlank, at: max(position - 1, 0))
    }

    // MARK: Source routes

    /// `@host` or `@host,@host`, then `:mailbox` (RFC 5321, A-d-l).
    mutating func readRoute(_ bytes: Span<UInt8>) throws(AddressError) {
        let start = position
        form = .route
        var hosts = 0
        while true {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "@") else {
                throw AddressError(.routeWithoutMailbox, at: start)
            }
            position += 1
            text.append(UInt8(ascii: "@"))
            try Syntax.skipBlanksAndComments(bytes, &position)
            let literal = position < bytes.count && bytes[position] == UInt8(ascii: "[")
            try readHost(bytes, of: start)
            hosts += 1
            try Syntax.skipBlanksAndComments(bytes, &position)
            guard position < bytes.count else { throw AddressError(.routeWithoutMailbox, at: start) }
            let separator = bytes[position]
            guard separator == UInt8(ascii: ",") || separator == UInt8(ascii: ":") else { throw unexpected(bytes) }
            position += 1
            text.append(separator)
            try Syntax.skipBlanksAndComments(bytes, &position)
            if separator == UInt8(ascii: ":") {
                if literal, hosts == 1 { form = .channelLiteral }
                break
            }
        }
        let kind = form
        guard position < bytes.count, bytes[position] != UInt8(ascii: "@") else {
            throw AddressError(.routeWithoutMailbox, at: start)
        }
        try readMailbox(bytes)
        guard case .mailbox = form else { throw AddressError(.routeWithoutMailbox, at: start) }
        form = kind
    }

    private mutating func readHost(_ bytes: Span<UInt8>, of start: Int) throws(AddressError) {
        do {
            try Syntax.readDomain(bytes, &position, into: &text)
        } catch {
            // `@domain` alone is a mailbox without its local part rather than a route without a host.
            throw error.reason == .emptyDomain && position == start + 1
                ? AddressError(.emptyLocalPart, at: start) : error
        }
    }

    // MARK: Mailboxes and bare local parts

    mutating func readMailbox(_ bytes: Span<UInt8>) throws(AddressError) {
        let first = bytes[position]
        if first == UInt8(ascii: ":") { return try readInclude(bytes) }
        let start = text.count
        let quoted = first == UInt8(ascii: "\"")
        // Local forms that name a command or a file are not made of words between dots.
        let isPath = first == UInt8(ascii: "|") || first == UInt8(ascii: "/")
        let dot: Int?
        if quoted {
            let opening = position
            try Syntax.skipQuotedString(bytes, &position)
            text.append(from: bytes, opening..<position)
            dot = nil
        } else {
            dot = try readDottedWords(bytes)
        }
        let end = position
        let blanks = try Syntax.skipBlanksAndComments(bytes, &position)
        guard position < bytes.count, bytes[position] == UInt8(ascii: "@") else {
            if quoted, position < bytes.count, position == end || !Syntax.specials.contains(bytes[position]) {
                throw AddressError(.joinedQuotedString, at: end)
            }
            if blanks, position < bytes.count, !Syntax.specials.contains(bytes[position]) { throw unexpected(bytes) }
            if let dot, !isPath { throw AddressError(.misplacedDot, at: dot) }
            form = quoted ? .quotedLocal : .local
            if quoted { try unquote(from: start, at: end) }
            return
        }
        if let dot { throw AddressError(.misplacedDot, at: dot) }
        if let decnet { throw AddressError(.unquotedSpecial(UInt8(ascii: ":")), at: decnet) }
        guard text.count > start else { throw AddressError(.emptyLocalPart, at: position) }
        form = .mailbox(at: text.count)
        text.append(UInt8(ascii: "@"))
        position += 1
        try Syntax.skipBlanksAndComments(bytes, &position)
        try Syntax.readDomain(bytes, &position, into: &text)
    }

    /// Atoms and dots up to a blank, a comment or a special.
    ///
    /// - Returns: the place of a dot that stands wrong, if one does; whether that matters depends on what follows.
    private mutating func readDottedWords(_ bytes: Span<UInt8>) throws(AddressError) -> Int? {
        let start = position
        var wrongDot: Int?
        var afterDot = true
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: ".") {
                if afterDot, wrongDot == nil { wrongDot = position }
                afterDot = true
                position += 1
            } else if byte >= 0x80 || (byte > 0x20 && byte != 0x7F && !Syntax.specials.contains(byte)) {
                afterDot = false
                try Syntax.skipCharacter(bytes, &position)
            } else if tolerated.contains(byte) {
                afterDot = false
                position += 1
            } else if byte == UInt8(ascii: ":"), isDECnetSeparator(bytes, after: start) {
                decnet = position
                position += 2
            } else if byte == UInt8(ascii: "\"") {
                throw AddressError(.joinedQuotedString, at: position)
            } else if ASCII.isControl(byte), byte != 0x09 {
                throw AddressError(.controlCharacter, at: position)
            } else {
                break
            }
        }
        if afterDot, position > start, wrongDot == nil { wrongDot = position - 1 }
        text.append(from: bytes, start..<position)
        return wrongDot
    }

    /// `node::user`: the only place where a colon stands in an address without brackets or quotes.
    private func isDECnetSeparator(_ bytes: Span<UInt8>, after start: Int) -> Bool {
        guard position > start, position + 2 < bytes.count, bytes[position + 1] == UInt8(ascii: ":") else {
            return false
        }
        let next = bytes[position + 2]
        return next > 0x20 && next != 0x7F && !Syntax.specials.contains(next)
    }

    /// `:include:file`, a bare path without a domain.
    mutating func readInclude(_ bytes: Span<UInt8>) throws(AddressError) {
        let start = position
        for expected in ":include:".utf8 {
            guard position < bytes.count, bytes[position] == expected else {
                throw AddressError(.unquotedSpecial(UInt8(ascii: ":")), at: start)
            }
            position += 1
        }
        let path = position
        while position < bytes.count {
            let byte = bytes[position]
            guard byte >= 0x80 || byte == UInt8(ascii: ".") || (byte > 0x20 && !Syntax.specials.contains(byte)) else {
                break
            }
            try Syntax.skipCharacter(bytes, &position)
        }
        guard position > path else { throw AddressError(.emptyLocalPart, at: position) }
        text.append(from: bytes, start..<position)
        form = .include
    }

    /// Takes the quotes and the backslashes off the quoted string that `text` holds from `start`.
    private mutating func unquote(from start: Int, at offset: Int) throws(AddressError) {
        text.replaceSubrange(start..., with: QuotedString.unquoted(text[start...]))
        guard text.count > start else { throw AddressError(.emptyLocalPart, at: offset) }
    }
}

// The shape of nearly every address: atoms and dots, one @, labels and dots, all of printable ASCII. It is told apart in
// one short pass; everything else, faulty addresses among it, is for the full grammar of MailboxParser.

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
