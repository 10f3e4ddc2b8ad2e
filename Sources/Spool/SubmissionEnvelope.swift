// The envelope of a submitted message: the lines before its header, as ZMailer's programs write them into router/.

/// What the lines before the header say.
///
/// All values are the bytes of the line after its keyword, without the blanks around them.
public struct SubmissionEnvelope: Sendable, Hashable {
    /// Whether the message came from outside (`external`).
    public var isExternal = false
    /// Whether it reports an error (`channel error` or `errormsg`): routing then asks for its own default keys.
    public var isErrorMessage = false
    /// Who it was received from (`rcvdfrom`).
    public var receivedFrom: [UInt8]?
    /// The type of the body, such as `8BITMIME` (`bodytype`).
    public var bodyType: [UInt8]?
    /// The protocol it came by (`with`).
    public var with: [UInt8]?
    /// The transport it came by (`via`).
    public var via: [UInt8]?
    /// What identification said of the client (`identinfo`, `authinfo`).
    public var identityInformation: [UInt8]?
    /// The envelope identifier (`envid`; RFC 3461, 4.4), in xtext as given.
    public var envelopeIdentifier: [UInt8]?
    /// `FULL` or `HDRS` (`notaryret`; RFC 3461, 4.3).
    public var returnMode: [UInt8]?
    /// The sender as the envelope has it; nil where it has none.
    public var sender: Sender?
    /// The recipients in the order given.
    public var recipients: [Recipient] = []
    /// Lines that ZMailer knows and routing has no use for (`comment`, `fullname`, `loginname`, `user`, `verbose`,
    /// `channel` with another value than `error`), whole.
    public var others: [[UInt8]] = []

    /// The sender of an envelope.
    public enum Sender: Sendable, Hashable {
        /// The null sender: `channel error`, `errormsg` alone, or `from <>` (RFC 5321, 4.5.5).
        case null
        /// An address as it stands, without angle brackets; not examined.
        case address([UInt8])
    }

    /// One recipient of an envelope.
    public struct Recipient: Sendable, Hashable {
        /// The address as it stands, without angle brackets; not examined.
        public var address: [UInt8]
        /// The parameters of the `todsn` line before it, such as `NOTIFY=NEVER ORCPT=rfc822;a@b`.
        public var notification: [UInt8]?

        /// A recipient.
        public init(address: [UInt8], notification: [UInt8]? = nil) {
            self.address = address
            self.notification = notification
        }
    }

    /// An empty envelope.
    public init() {}
}
