// What a session asks of its driver.

/// The number of a transaction within its session, given by `ClientSession.enqueue`.
public struct TransactionID: Sendable, Hashable {
    /// Counted from 0.
    public let rawValue: Int
}

/// How a message is to be written to the connection.
public struct BodyTransfer: Sendable, Hashable {
    /// How its end is marked.
    public let framing: MessageEncoder.Framing
    /// Whether the message is converted by `SevenBitConversion` first.
    public let convertsToSevenBit: Bool
}

/// What the driver is to do next.
///
/// Bytes to send may hold secrets, so no description shows them; `ClientSession.takeTranscript` is what a log may show.
public enum ClientAction: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Write these bytes; flush only when no action is left.
    case send([UInt8])
    /// Write the message of this transaction by `MessageEncoder` (the end of data is no part of it), then call
    /// `ClientSession.bodyWritten`.
    case sendBody(TransactionID, BodyTransfer)
    /// Begin a TLS handshake, then call `tlsEstablished` or `tlsFailed`.
    case startTLS
    /// A transaction has ended, in whatever way: every recipient has an outcome.
    case finished(TransactionReport)
    /// Close the connection; the session is over. Nil after a polite QUIT.
    indirect case close(ClientFailure?)

    /// The action's name and size.
    public var description: String {
        switch self {
        case .send(let bytes): "send \(bytes.count) bytes"
        case .sendBody(let id, _): "send the message of transaction \(id.rawValue)"
        case .startTLS: "start TLS"
        case .finished(let report): "finished transaction \(report.id.rawValue)"
        case .close(let failure): "close" + (failure.map { ": \($0)" } ?? "")
        }
    }

    /// The same as `description`.
    public var debugDescription: String { description }

    /// Nothing beyond the description.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
