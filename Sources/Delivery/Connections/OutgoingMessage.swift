// One message on its way to one destination.

public import LMTP

/// What became of a message at its destination.
public struct DeliveryOutcome: Sendable {
    /// What was said, for each recipient.
    public let report: TransactionReport
    /// Whether the server has taken on the reports that the sender asked for (RFC 3461).
    public let isNotifiedByServer: Bool
}

/// A message with its recipients at one destination.
public struct OutgoingMessage: Sendable {
    /// The envelope.
    public let envelope: Envelope
    /// The message.
    public let content: MessageContent
    /// Called once, on the connections' thread: it must not block.
    public let completion: @Sendable (DeliveryOutcome) -> Void
    /// How many connections were lost before they answered anything about it.
    var attempts = 0

    /// A message to be delivered.
    public init(
        envelope: Envelope, content: MessageContent, completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.envelope = envelope
        self.content = content
        self.completion = completion
    }
}
