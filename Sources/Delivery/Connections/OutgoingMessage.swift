// One message on its way to one destination.

public import LMTP

/// What became of a message at its destination, or of those of its recipients that one transaction took.
public struct DeliveryOutcome: Sendable {
    /// What was said, for each recipient of a transaction.
    public let report: TransactionReport
    /// Whether the server has taken on the reports that the sender asked for (RFC 3461).
    public let isNotifiedByServer: Bool
    /// The places of the report's recipients among those of the message as it was submitted; nil where they are all.
    private let places: [Int]?
    /// The recipients of the report whose outcome follows, as the server takes no more at a time.
    private let left: [Int]

    init(report: TransactionReport, isNotifiedByServer: Bool, places: [Int]? = nil, left: [Int] = []) {
        self.report = report
        self.isNotifiedByServer = isNotifiedByServer
        self.places = places
        self.left = left
    }

    /// Whether no other outcome of the message follows.
    public var isLast: Bool { left.isEmpty }

    /// The recipients whose outcome this is: their places in the report, and among those of the message as submitted.
    public var settled: [(inReport: Int, recipient: Int)] {
        var left = left[...]
        return report.recipients.indices.compactMap { index in
            if left.first == index {
                left.removeFirst()
                return nil
            }
            return (index, places?[index] ?? index)
        }
    }
}

/// A message with its recipients at one destination.
///
/// A class because it is handed on from queue to queue, and a reference is all that need move; it is immutable.
public final class OutgoingMessage: Sendable {
    /// The envelope.
    public let envelope: Envelope
    /// The message.
    public let content: MessageContent
    /// Called on the connections' thread, once, or more than once where the server does not take all recipients
    /// together, until an outcome is the last: it must not block.
    public let completion: @Sendable (DeliveryOutcome) -> Void
    /// How many connections were lost before they answered anything about it.
    let attempts: Int
    /// The places of the recipients among those of the message as it was submitted; nil where they are all.
    private let places: [Int]?

    /// A message to be delivered.
    public convenience init(
        envelope: Envelope, content: MessageContent, completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.init(envelope, content, attempts: 0, places: nil, completion)
    }

    private init(
        _ envelope: Envelope, _ content: MessageContent, attempts: Int, places: [Int]?,
        _ completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.envelope = envelope
        self.content = content
        self.attempts = attempts
        self.places = places
        self.completion = completion
    }

    /// The same message after one more connection was lost.
    func afterLostConnection() -> OutgoingMessage {
        OutgoingMessage(envelope, content, attempts: attempts + 1, places: places, completion)
    }

    /// Tells of a transaction's end.
    ///
    /// - Returns: the same message for the recipients that go in another transaction at once; nil where there are none.
    func complete(_ report: TransactionReport, isNotifiedByServer: Bool) -> OutgoingMessage? {
        let left = report.recipientsLeft
        completion(
            DeliveryOutcome(report: report, isNotifiedByServer: isNotifiedByServer, places: places, left: left))
        guard !left.isEmpty else { return nil }
        var rest = envelope
        rest.recipients = left.map { envelope.recipients[$0] }
        return OutgoingMessage(rest, content, attempts: 0, places: left.map { places?[$0] ?? $0 }, completion)
    }
}
