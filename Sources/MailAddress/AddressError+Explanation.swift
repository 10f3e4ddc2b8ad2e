// What people need to know of a fault in an address or a list beside its place: the word where it is, and what to do.

extension AddressError {
    /// The fault, the word where it is, and what to do about it.
    ///
    /// The form of messages: `a dot at the start, at the end or twice at byte 1, in 'J.'; ...`.
    ///
    /// - Parameter text: what was read.
    package func explanation(in text: Span<UInt8>) -> String {
        let word = word(of: text)
        return "\(self)\(word.isEmpty ? "" : ", in '\(word)'"); \(remedy(isEmpty: text.isEmpty))"
    }

    /// The longest word that is shown, in bytes.
    private static let longestWord = 60

    /// The word at the place of the fault, or the last one before it.
    private func word(of text: Span<UInt8>) -> String {
        func ends(_ byte: UInt8) -> Bool { ASCII.isBlank(byte) || byte == UInt8(ascii: ",") }
        var start = min(offset, text.count)
        if start == text.count || ends(text[start]) {
            while start > 0, ends(text[start - 1]) { start -= 1 }
        }
        var end = start
        while start > 0, !ends(text[start - 1]) { start -= 1 }
        while end < text.count, !ends(text[end]) { end += 1 }
        let shown = min(end, start + Self.longestWord)
        return String(decoding: [UInt8](copying: text.extracting(start..<shown)), as: UTF8.self)
            + (shown < end ? "..." : "")
    }

    private func remedy(isEmpty: Bool) -> String {
        switch reason {
        case .empty, .emptyMember:
            isEmpty
                ? "write at least one address"
                : "remove the comma that nothing stands beside, or write an address there"
        case .emptyLocalPart: "write a name before the @"
        case .emptyDomain: "write a domain after the @"
        case .misplacedDot:
            "put a name with such a dot in quotes, as in \"J. Random\" <j@example.org>, or remove the dot"
        case .controlCharacter: "remove it"
        case .invalidUTF8: "write it in UTF-8"
        case .unquotedBlank: "put a comma between two addresses, or quotes around one with a blank"
        case .unquotedSpecial(UInt8(ascii: ";")): "put a comma between two addresses"
        case .unquotedSpecial: "put the word in quotes, or remove the character"
        case .joinedQuotedString: "put a comma or a blank between them"
        case .unterminated: "close it"
        case .severalAtSigns: "put a comma between two addresses"
        case .domainTooLong, .labelTooLong: "shorten it"
        case .routeWithoutMailbox: "write @host:user@domain"
        case .leadingPercent:
            "%N stands for something only in maps with the flag %, and only as far as the map gives it"
        case .tooManyMembers: "split the list, or raise expansionsize"
        case .unexpectedWord: "put a comma between two addresses, or <> around the address behind a name"
        }
    }
}
