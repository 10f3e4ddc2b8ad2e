// An address as an envelope carries it, read strictly: RFC 5321 and 5322 with RFC 6531's UTF-8, and the older forms
// that ZMailer routes (SEMANTICS 7). Blanks and comments around words go, as ZMailer's envelope parser drops them.

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
        _ bytes: Span<UInt8>, allowsNull: Bool = false, into block: inout ByteBlock
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
