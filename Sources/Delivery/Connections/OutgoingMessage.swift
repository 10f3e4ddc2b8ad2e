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
///
/// A class because it is handed on from queue to queue, and a reference is all that need move; it is immutable.
public final class OutgoingMessage: Sendable {
    /// The envelope.
    public let envelope: Envelope
    /// The message.
    public let content: MessageContent
    /// Called once, on the connections' thread: it must not block.
    public let completion: @Sendable (DeliveryOutcome) -> Void
    /// How many connections were lost before they answered anything about it.
    let attempts: Int

    /// A message to be delivered.
    public convenience init(
        envelope: Envelope, content: MessageContent, completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.init(envelope, content, attempts: 0, completion)
    }

    private init(
        _ envelope: Envelope, _ content: MessageContent, attempts: Int,
        _ completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.envelope = envelope
        self.content = content
        self.attempts = attempts
        self.completion = completion
    }

    /// The same message after one more connection was lost.
    func afterLostConnection() -> OutgoingMessage {
        OutgoingMessage(envelope, content, attempts: attempts + 1, completion)
    }
}
