// What happens while a spool is delivered, for logs and results.

public import LMTP
public import Spool

/// Something that happened.
public enum DeliveryEvent: Sendable {
    /// A recipient's attempt ended.
    case attempt(DeliveryAttempt)
    /// Recipients stay queued because of the configuration: which message and channel, and the reason.
    case kept(MessageName, channel: [UInt8], host: [UInt8], reason: String)
    /// A report was submitted, under this name in router/.
    case reported(MessageName, report: MessageName, to: [UInt8])
    /// A report that nobody may get was put aside for the postmaster, under this path.
    case putAside(MessageName, path: String)
    /// A message is done and gone.
    case removed(MessageName)
    /// Something a person should look at.
    case trouble(MessageName?, String)
}

/// One recipient's attempt and how it ended.
public struct DeliveryAttempt: Sendable {
    /// The message.
    public let message: MessageName
    /// The route, fields as in the control file.
    public let address: ControlAddress
    /// The verdict.
    public let outcome: RecipientReport.Outcome
    /// The server's words, or ours.
    public let reply: Reply
    /// Where; nil where no server was asked.
    public let endpoint: Endpoint?
}
