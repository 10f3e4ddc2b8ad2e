// What can be wrong with an address, and at which byte.

import Bytes

/// An address or address list that is not valid, with the place of the fault.
public struct AddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    public enum Reason: Sendable, Hashable {
        /// There is nothing, or nothing but blanks and comments.
        case empty
        /// Nothing stands before the `@`.
        case emptyLocalPart
        /// Nothing stands after the `@`.
        case emptyDomain
        /// A dot begins, ends or doubles inside a local part or a domain.
        case misplacedDot
        /// A control character (0x00–0x1F, 0x7F).
        case controlCharacter
        /// Bytes that are not UTF-8 (RFC 3629).
        case invalidUTF8
        /// A blank that is not in quotes.
        case unquotedBlank
        /// A character that has a meaning of its own and is not in quotes (RFC 5322, specials).
        case unquotedSpecial(UInt8)
        /// A quoted string next to an atom or to another quoted string.
        case joinedQuotedString
        /// A quoted string, comment or domain literal without its end.
        case unterminated(Character)
        /// A second `@` that is not in quotes.
        case severalAtSigns
        /// A domain of more than 255 bytes (RFC 5321 4.5.3.1.2).
        case domainTooLong
        /// A label of more than 63 bytes (RFC 1035 2.3.4).
        case labelTooLong
        /// A source route that leads to no mailbox.
        case routeWithoutMailbox
        /// A list member that is none: nothing between two commas, at either end, or in the whole list.
        case emptyMember
        /// An atom that begins with a percent sign, as a substitution that had no argument leaves it.
        case leadingPercent
        /// A word where a list needs a comma or its end.
        case unexpectedWord
        /// A list of more than so many members.
        case tooManyMembers(Int)
    }

    /// What is wrong.
    public let reason: Reason
    /// The place of the fault: a byte offset from 0.
    public let offset: Int

    /// Records a fault.
    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// The form of messages: `unquoted blank at byte 5`.
    public var description: String {
        let what =
            switch reason {
            case .empty: "no address"
            case .emptyLocalPart: "nothing before the @"
            case .emptyDomain: "nothing after the @"
            case .misplacedDot: "a dot at the start, at the end or twice"
            case .controlCharacter: "control character"
            case .invalidUTF8: "invalid UTF-8"
            case .unquotedBlank: "unquoted blank"
            case .unquotedSpecial(let byte): "unquoted '\(Character(Unicode.Scalar(byte)))'"
            case .joinedQuotedString: "quoted string joined to another word"
            case .unterminated(let opening): "no end of what '\(opening)' begins"
            case .severalAtSigns: "more than one unquoted @"
            case .domainTooLong: "domain longer than 255 bytes"
            case .labelTooLong: "label longer than 63 bytes"
            case .routeWithoutMailbox: "source route without a mailbox"
            case .emptyMember: "empty list member"
            case .leadingPercent: "word that begins with '%'"
            case .unexpectedWord: "word where a comma is due"
            case .tooManyMembers(let limit): "more than \(limit) addresses"
            }
        return "\(what) at byte \(offset)"
    }
}

// What people need to know of a fault in an address or a list beside its place: the word where it is, and what to do.

extension AddressError {
    /// The fault, the word where it is, and what to do about it.
    ///
    /// The form of messages: `a dot at the start, at the end or twice at byte 1, in 'J.'; ...`.
    ///
    /// - Parameters:
    ///   - text: what was read.
    ///   - isDomain: whether that is a domain alone.
    public func explanation(in text: Span<UInt8>, isDomain: Bool = false) -> String {
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
    public func faultyWord(of text: Span<UInt8>) -> [UInt8] { word(of: text).bytes }

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
