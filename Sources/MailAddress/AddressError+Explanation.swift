// What people need to know of a fault in an address or a list beside its place: the word where it is, and what to do.

extension AddressError {
    /// The fault, the word where it is, and what to do about it.
    ///
    /// The form of messages: `a dot at the start, at the end or twice at byte 1, in 'J.'; ...`.
    ///
    /// - Parameters:
    ///   - text: what was read.
    ///   - isDomain: whether that is a domain alone.
    package func explanation(in text: Span<UInt8>, isDomain: Bool = false) -> String {
        let word = word(of: text)
        let remedy =
            reason == .misplacedDot
            ? dotRemedy(word: Array(word.bytes), offset: offset - word.start, isDomain: isDomain)
            : remedy(isEmpty: text.isEmpty)
        return "\(self)\(word.bytes.isEmpty ? "" : ", in '\(word.shown)'"); \(remedy)"
    }

    /// The word in which the fault is, or the last one before it.
    ///
    /// - Parameter text: what was read.
    package func faultyWord(of text: Span<UInt8>) -> [UInt8] { word(of: text).bytes }

    /// What to do about a dot, which depends on whether it is in a domain.
    private func dotRemedy(word: [UInt8], offset: Int, isDomain: Bool) -> String {
        let at = UInt8(ascii: "@")
        guard isDomain || word.prefix(max(offset, 0)).contains(at) else {
            return word.contains(at)
                ? "remove it, or put what stands before the @ in quotes"
                : "put a name with such a dot in quotes, as in \"J. Random\" <j@example.org>, or remove the dot"
        }
        guard word.last == UInt8(ascii: "."), offset >= word.count - 1 else { return "write one dot between two names" }
        return "domains have no final dot here: write '\(String(decoding: word.dropLast(), as: UTF8.self))'"
    }

    /// The longest word that is shown, in bytes.
    private static let longestWord = 60

    /// The word at the place of the fault, or the last one before it.
    private func word(of text: Span<UInt8>) -> (start: Int, bytes: [UInt8], shown: String) {
        func ends(_ byte: UInt8) -> Bool { ASCII.isBlank(byte) || byte == UInt8(ascii: ",") }
        var start = min(offset, text.count)
        if start == text.count || ends(text[start]) {
            while start > 0, ends(text[start - 1]) { start -= 1 }
        }
        var end = start
        while start > 0, !ends(text[start - 1]) { start -= 1 }
        while end < text.count, !ends(text[end]) { end += 1 }
        let shown = min(end, start + Self.longestWord)
        let text = [UInt8](copying: text.extracting(start..<end))
        let beginning = String(decoding: text.prefix(shown - start), as: UTF8.self)
        return (start, text, beginning + (shown < end ? "..." : ""))
    }

    private func remedy(isEmpty: Bool) -> String {
        switch reason {
        case .empty, .emptyMember:
            isEmpty
                ? "write at least one address"
                : "remove the comma that nothing stands beside, or write an address there"
        case .emptyLocalPart: "write a name before the @"
        case .emptyDomain: "write a domain after the @"
        case .misplacedDot: "remove it"
        case .controlCharacter: "remove it"
        case .invalidUTF8: "write it in UTF-8"
        case .unquotedBlank: "put a comma between two addresses, or quotes around one with a blank"
        case .unquotedSpecial(UInt8(ascii: ";")): "put a comma between two addresses"
        case .unquotedSpecial(UInt8(ascii: ">")): "write '<' before the address, or remove the '>'"
        case .unquotedSpecial: "put the word in quotes, or remove the character"
        case .joinedQuotedString: "put a comma or a blank between them"
        case .unterminated("("): "write ')' behind the comment"
        case .unterminated("<"): "write '>' behind the address"
        case .unterminated("["): "write ']' behind the address of the host"
        case .unterminated(":"): "write ';' behind the group, or a comma in the place of the ':'"
        case .unterminated(let opening): "write \(opening) at the end of it, too"
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
