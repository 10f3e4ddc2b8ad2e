// What is to be delivered to whom, but for the message itself: RFC 5321 2.3.1.

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
