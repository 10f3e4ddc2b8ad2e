// What is to be delivered to whom, but for the message itself (RFC 5321 2.3.1), and how the commands of a transaction say it.

import Bytes
public import MailSyntax

/// The envelope of one message: one transaction.
public struct Envelope: Sendable {
    /// What the message's bytes need of the way they go.
    public enum BodyType: Sendable {
        /// ASCII alone.
        case sevenBit
        /// Bytes above 0x7F too, or nobody has looked.
        case eightBit
    }

    /// What is known of the message's length on the wire, dot-stuffing not counted.
    public enum Length: Sendable, Hashable {
        /// Nothing: no SIZE is sent.
        case unknown
        /// About so many octets, for SIZE (RFC 1870 allows an estimate).
        case estimate(UInt64)
        /// Exactly so many octets with every line end CRLF, as `MessageEncoder` counts them: BDAT may be used.
        case exact(UInt64)
    }

    /// The sender's address without brackets; empty for the null sender.
    public var sender: [UInt8]
    /// The recipients, in the order in which they are sent.
    public var recipients: [EnvelopeRecipient]
    /// What the message's bytes are.
    public var bodyType: BodyType
    /// How long the message is.
    public var length: Length
    /// Whether the message's header is internationalised (RFC 6531), so that SMTPUTF8 is asked for even where all
    /// addresses are ASCII.
    public var hasInternationalizedHeader: Bool
    /// RET: how much to return; nil to say nothing.
    public var returnedContent: ReturnedContent?
    /// ENVID: the sender's own name for the message; nil to say nothing.
    public var envelopeID: XText?

    /// Makes an envelope; what is not named is left unsaid.
    public init(
        sender: [UInt8], recipients: [EnvelopeRecipient], bodyType: BodyType = .eightBit, length: Length = .unknown,
        hasInternationalizedHeader: Bool = false, returnedContent: ReturnedContent? = nil, envelopeID: XText? = nil
    ) {
        self.sender = sender
        self.recipients = recipients
        self.bodyType = bodyType
        self.length = length
        self.hasInternationalizedHeader = hasInternationalizedHeader
        self.returnedContent = returnedContent
        self.envelopeID = envelopeID
    }
}

/// One recipient of an envelope.
public struct EnvelopeRecipient: Sendable {
    /// The address without brackets: a route's user, verbatim.
    public var address: [UInt8]
    /// NOTIFY; nil where nobody asked.
    public var notify: NotifyConditions?
    /// ORCPT; nil where nobody gave one.
    public var originalRecipient: OriginalRecipient?
    /// Whether to ask a Cyrus store to deliver past the quota.
    public var ignoresQuota: Bool

    /// Makes a recipient.
    ///
    /// Where the peer announces DSN and neither `notify` nor `originalRecipient` is given, ZMailer's defaults are sent:
    /// `NOTIFY=FAILURE` and the address itself as ORCPT.
    public init(
        _ address: [UInt8], notify: NotifyConditions? = nil, originalRecipient: OriginalRecipient? = nil,
        ignoresQuota: Bool = false
    ) {
        self.address = address
        self.notify = notify
        self.originalRecipient = originalRecipient
        self.ignoresQuota = ignoresQuota
    }
}

// The two protocols that both halves speak.

/// The protocol spoken on a connection.
public enum Dialect: Sendable {
    /// RFC 2033: LHLO, and a final reply for each accepted recipient.
    case lmtp
    /// RFC 5321: EHLO, and one final reply.
    case smtp
}

// Writes the commands of a transaction: MAIL and RCPT with those parameters, and only those, that the peer announced.

/// The wire form of a transaction's commands at one peer.
struct CommandWriter: Sendable {
    /// What the peer announced.
    let extensions: Capabilities.Extensions
    /// Whether the message is converted to seven bits on its way, so that neither its type nor its length is as given.
    let isConverted: Bool
    /// Whether an address needs SMTPUTF8.
    let hasInternationalizedAddress: Bool

    /// `MAIL FROM:<sender>` and its parameters, without line end.
    func appendMail(_ envelope: Envelope, to output: inout [UInt8]) {
        output.append("MAIL FROM:<")
        output.append(contentsOf: envelope.sender)
        output.append(UInt8(ascii: ">"))
        if !isConverted {
            if extensions.contains(.eightBitMIME), envelope.bodyType == .eightBit { output.append(" BODY=8BITMIME") }
            appendSize(envelope.length, to: &output)
        }
        if extensions.contains(.smtpUTF8), hasInternationalizedAddress || envelope.hasInternationalizedHeader {
            output.append(" SMTPUTF8")
        }
        guard extensions.contains(.deliveryStatusNotifications) else { return }
        // RFC 3461 4.4 limits ENVID to 100 characters; a longer one is no name any peer must take.
        if let envelopeID = envelope.envelopeID, (1...100).contains(envelopeID.bytes.count) {
            output.append(" ENVID=")
            output.append(contentsOf: envelopeID.bytes)
        }
        if let content = envelope.returnedContent {
            output.append(" RET=")
            output.append(contentsOf: content.rawValue.utf8)
        }
    }

    private func appendSize(_ length: Envelope.Length, to output: inout [UInt8]) {
        guard extensions.contains(.size) else { return }
        switch length {
        case .unknown: return
        case .estimate(let octets), .exact(let octets):
            output.append(" SIZE=")
            output.append(decimal: octets)
        }
    }

    /// `RCPT TO:<address>` and its parameters, without line end.
    func appendRecipient(_ recipient: EnvelopeRecipient, to output: inout [UInt8]) {
        output.append("RCPT TO:<")
        output.append(contentsOf: recipient.address)
        output.append(UInt8(ascii: ">"))
        if extensions.contains(.deliveryStatusNotifications) { appendNotification(recipient, to: &output) }
        if extensions.contains(.ignoreQuota), recipient.ignoresQuota { output.append(" IGNOREQUOTA") }
    }

    private func appendNotification(_ recipient: EnvelopeRecipient, to output: inout [UInt8]) {
        var notify = recipient.notify
        var original = recipient.originalRecipient
        if notify == nil, original == nil {
            notify = .failure
            // As ZMailer's agent has it, which knows no type but rfc822: that is for ASCII alone (RFC 6533 3).
            if recipient.address.allSatisfy({ $0 < 0x80 }) { original = OriginalRecipient(address: recipient.address) }
        }
        if let notify {
            output.append(" NOTIFY=")
            output.append(contentsOf: notify.wire.utf8)
        }
        // RFC 3461 4.2 limits ORCPT to 500 characters.
        if let original, original.parameter.count <= 500 {
            output.append(" ORCPT=")
            output.append(contentsOf: original.parameter)
        }
    }
}

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
            if byte == UInt8(ascii: "\\") { isEscaped = true } else if byte == UInt8(ascii: "\"") { isQuoted = false }
        } else if byte == UInt8(ascii: "\"") {
            isQuoted = true
        } else if byte == ASCII.space || byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") {
            throw .unquotedSpecial
        }
    }
    if isQuoted { throw .openQuote }
    if isASCII { return .ascii }
    guard String(validating: address, as: UTF8.self) != nil else { throw .invalidUTF8 }
    return .utf8
}

// What a server's capabilities make of an address.

extension Capabilities {
    /// Judges an address: the reply that refuses it where it cannot be sent to this server, and whether it needs SMTPUTF8.
    ///
    /// - Parameter shown: the address that the reply names.
    func refusal(
        of address: [UInt8], isSender: Bool, shown: [UInt8]
    ) -> (reply: Reply?, isInternationalized: Bool) {
        var who: String { "\(isSender ? "sender" : "recipient") '\(printable(shown))'" }
        do throws(CommandPathError) {
            guard isSender || !address.isEmpty else { throw .empty }
            guard try validateCommandPath(address) == .utf8 else { return (nil, false) }
            guard !extensions.contains(.smtpUTF8) else { return (nil, true) }
            let needs = address == shown ? "needs" : "goes to a mailbox whose address needs"
            let text = "\(who) \(needs) SMTPUTF8, which the server does not offer"
            return (Reply(local: 553, .init(5, 6, 7), text), true)
        } catch {
            let cannot = address == shown ? "cannot be sent" : "goes to a mailbox whose address cannot be sent"
            let text = "\(who) \(cannot): \(error)"
            return (Reply(local: 553, .init(5, 1, isSender ? 7 : 3), text), false)
        }
    }
}
