// Which bytes may stand between `<` and `>` of MAIL and RCPT (RFC 5321 4.1.2). An address is sent verbatim, so one that
// would end its command early must never get that far.

/// Why an address cannot be put into a command.
public enum CommandPathError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A control character, such as CR, LF or NUL.
    case controlCharacter
    /// A blank, `<` or `>` outside a quoted string.
    case unquotedSpecial
    /// A quoted string without end.
    case openQuote
    /// Bytes above 0x7F that are no UTF-8.
    case invalidUTF8
    /// No byte at all where a recipient is due.
    case empty

    /// The form of messages.
    public var description: String {
        switch self {
        case .controlCharacter: "it holds a control character"
        case .unquotedSpecial: "it holds a blank, < or > outside quotes"
        case .openQuote: "its quoted string has no end"
        case .invalidUTF8: "it is neither ASCII nor UTF-8"
        case .empty: "it is empty"
        }
    }
}

/// What a valid address needs of the peer.
enum CommandPathKind {
    case ascii
    case utf8
}

/// Judges the bytes of an address.
///
/// Only what would break the command line is refused; whether the address means anything is for the peer to say.
func validateCommandPath(_ address: [UInt8]) throws(CommandPathError) -> CommandPathKind {
    // Nearly every address is of this kind, and needs no closer look.
    if address.allSatisfy({ $0 &- 0x21 < 0x5E && $0 != 0x22 && $0 != 0x3C && $0 != 0x3E }) { return .ascii }
    var isQuoted = false
    var isEscaped = false
    var isASCII = true
    for byte in address {
        if byte < 0x20 || byte == 0x7F { throw .controlCharacter }
        if byte >= 0x80 { isASCII = false }
        if isEscaped {
            isEscaped = false
        } else if isQuoted {
            // Outside quotes a backslash protects nothing: peers disagree about it.
            if byte == 0x5C { isEscaped = true } else if byte == 0x22 { isQuoted = false }
        } else if byte == 0x22 {
            isQuoted = true
        } else if byte == 0x20 || byte == 0x3C || byte == 0x3E {
            throw .unquotedSpecial
        }
    }
    if isQuoted { throw .openQuote }
    if isASCII { return .ascii }
    guard String(validating: address, as: UTF8.self) != nil else { throw .invalidUTF8 }
    return .utf8
}
