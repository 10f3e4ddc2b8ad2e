// What a server said last at each point of a transaction: it says the same words to message after message, and words
// that are known need not be read again.

/// The latest reply to MAIL, RCPT, DATA and a message.
struct LastReplies: Sendable {
    private var mail: Reply?
    private var recipient: Reply?
    private var data: Reply?
    private var final: Reply?

    /// Longer replies are not kept.
    private static let lengthLimit = 512

    /// The latest reply at that point; nil where there is none, or it is of no use here.
    subscript(stage: TransactionState.Stage) -> Reply? {
        switch stage {
        case .mail: mail
        case .recipient: recipient
        case .data: data
        case .final: final
        case .body, .emptyMessage, .reset: nil
        }
    }

    /// Keeps a reply that was read at that point.
    mutating func note(_ reply: Reply, at stage: TransactionState.Stage) {
        guard reply.bytes.count <= Self.lengthLimit, !reply.isTruncated else { return }
        switch stage {
        case .mail: mail = reply
        case .recipient: recipient = reply
        case .data: data = reply
        case .final: final = reply
        case .body, .emptyMessage, .reset: break
        }
    }
}
