// What can be wrong with an address, and at which byte.

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
