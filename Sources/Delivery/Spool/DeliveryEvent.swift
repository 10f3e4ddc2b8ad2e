// What happens while a spool is delivered, for logs and results.

public import LMTP
import MailAddress
public import Spool

/// Something that happened.
public enum DeliveryEvent: Sendable {
    /// A recipient's attempt ended.
    case attempt(DeliveryAttempt)
    /// Recipients stay queued because of the configuration: which message and channel, the reason, and whether that is a
    /// fault of the configuration.
    case kept(MessageName, channel: [UInt8], host: [UInt8], reason: String, isFault: Bool)
    /// A report was submitted, under this name in router/.
    case reported(MessageName, report: MessageName, to: [UInt8])
    /// A report that nobody may get was put aside for the postmaster, under this path.
    case putAside(MessageName, path: String)
    /// A message is done and gone.
    case removed(MessageName)
    /// The spool's directories are not where they were, or are there again: in words.
    case place(String)
    /// Something worth knowing that is no failure yet, or not any more.
    case notice(String)
    /// Something a person should look at.
    case trouble(MessageName?, String)
}

/// One recipient's attempt and how it ended.
public struct DeliveryAttempt: Sendable {
    /// The message.
    public let message: MessageName
    /// The sender; empty for the null sender.
    public let sender: [UInt8]
    /// The recipient as the sender wrote it, where that is known; else as the route tells it.
    public let originalRecipient: [UInt8]
    /// The size of the message as it was submitted, in bytes.
    public let size: Int
    /// The route, fields as in the control file.
    public let address: ControlAddress
    /// The verdict.
    public let outcome: RecipientReport.Outcome
    /// The server's words, or ours.
    public let reply: Reply
    /// Where; nil where no server was asked.
    public let endpoint: Endpoint?

    /// An attempt for a recipient of a control file.
    init(
        message: MessageName, recipient: ControlRecipient, size: Int, outcome: RecipientReport.Outcome, reply: Reply,
        endpoint: Endpoint?
    ) {
        self.message = message
        sender = recipient.envelopeSender
        originalRecipient = recipient.addressKnownToSender.address
        self.size = size
        address = recipient.address
        self.outcome = outcome
        self.reply = reply
        self.endpoint = endpoint
    }
}
