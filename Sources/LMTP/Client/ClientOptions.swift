// What a session is told before it starts.

import Bytes
import MailSyntax

/// The settings of a client session.
public struct ClientOptions: Sendable {
    /// When STARTTLS is used (RFC 3207).
    public enum TLSPolicy: Sendable {
        /// Not at all.
        case never
        /// Where the peer offers it; a peer that refuses it is spoken to in the clear.
        case opportunistic
        /// Always: without it nothing is sent.
        case required
    }

    /// The protocol.
    public var dialect: Dialect
    /// The name given in LHLO or EHLO.
    public let helloName: [UInt8]
    /// When to use TLS.
    public var tls: TLSPolicy = .never
    /// How to authenticate; nil for not at all.
    public var authentication: Authentication?
    /// Whether commands may be sent together where the peer allows it (RFC 2920).
    public var usesPipelining = true
    /// Whether BDAT is used in place of DATA where the peer has it and the length is exact (RFC 3030).
    public var prefersChunking = false
    /// Whether 8-bit messages are sent as they are to a peer that does not announce 8BITMIME.
    public var forcesEightBit = false
    /// Whether every message is sent as seven bits.
    public var forcesSevenBit = false
    /// Whether the dialogue is kept for `ClientSession.takeTranscript`.
    public var recordsTranscript = false

    /// Makes settings with the defaults named at each.
    ///
    /// - Throws: `InvalidHelloName` when the name is not one word of printable ASCII.
    public init(dialect: Dialect, helloName: [UInt8]) throws(InvalidHelloName) {
        guard !helloName.isEmpty, helloName.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw InvalidHelloName(name: helloName)
        }
        self.dialect = dialect
        self.helloName = helloName
    }
}

/// A greeting name that is not one word of printable ASCII.
public struct InvalidHelloName: Error, Sendable, CustomStringConvertible {
    /// The name.
    public let name: [UInt8]

    /// The form of messages.
    public var description: String {
        "greeting name '\(printable(name))' is not one word of printable ASCII: set hostname to a domain name"
    }
}

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
    /// Something was said about the transaction that is passed on (`ClientSession.relay`).
    case relayed(RelayTransaction.Event)
    /// The transaction that is passed on has left the session: nil where it came to its end, else what ended the session,
    /// and `RelayTransaction.interrupt` makes what is still to be told of it.
    indirect case relayEnded(RelayTransaction, ClientFailure?)
    /// Close the connection; the session is over. Nil after a polite QUIT.
    indirect case close(ClientFailure?)

    /// The action's name and size.
    public var description: String {
        switch self {
        case .send(let bytes): "send \(bytes.count) bytes"
        case .sendBody(let id, _): "send the message of transaction \(id.rawValue)"
        case .startTLS: "start TLS"
        case .finished(let report): "finished transaction \(report.id.rawValue)"
        case .relayed: "an answer about the transaction that is passed on"
        case .relayEnded(_, let failure): "end of the transaction that is passed on" + (failure.map { ": \($0)" } ?? "")
        case .close(let failure): "close" + (failure.map { ": \($0)" } ?? "")
        }
    }

    /// The same as `description`.
    public var debugDescription: String { description }

    /// Nothing beyond the description.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

// What a session waits for; the driver has a time-out for each (RFC 5321 4.5.3.2).

/// What a session is waiting for.
public enum ClientPhase: String, Sendable, CaseIterable {
    /// The connection.
    case connect = "the connection"
    /// The server's greeting.
    case greeting = "the greeting"
    /// The reply to LHLO, EHLO or HELO.
    case hello = "the reply to the hello command"
    /// The reply to STARTTLS.
    case startTLS = "the reply to STARTTLS"
    /// The TLS handshake.
    case tlsHandshake = "the TLS handshake"
    /// A reply within AUTH.
    case authentication = "the reply to AUTH"
    /// The reply to MAIL.
    case mail = "the reply to MAIL"
    /// The reply to RCPT.
    case recipient = "the reply to RCPT"
    /// The reply to DATA.
    case data = "the reply to DATA"
    /// The driver writes the message; the time-out is one block's.
    case body = "the message to be taken"
    /// A reply to the end of the message.
    case final = "the reply to the end of the message"
    /// The reply to RSET.
    case reset = "the reply to RSET"
    /// The reply to QUIT.
    case quit = "the reply to QUIT"
}

// Why a session ended before its work was done. None of it is a verdict on a recipient: all of it defers.

/// Why a session cannot go on.
public enum ClientFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The connection could not be made, for the driver's reason.
    case connectionFailed(String)
    /// The peer closed the connection, or it broke, while this was awaited; nil between transactions.
    case closed(ClientPhase?, String)
    /// Nothing came in time.
    case timedOut(ClientPhase)
    /// The peer said 421: it is closing the connection.
    case serviceUnavailable(Reply)
    /// The greeting was no 220.
    case greetingRefused(Reply)
    /// LHLO or EHLO was refused.
    case helloRefused(Reply)
    /// TLS is required and the peer does not offer it.
    case tlsNotOffered
    /// TLS is required and STARTTLS was refused.
    case tlsRefused(Reply)
    /// The TLS handshake failed, for the driver's reason.
    case tlsFailed(String)
    /// No mechanism is offered that is known here; the peer's list.
    case noAuthenticationMechanism([String])
    /// AUTH was refused for good (5yz): the credentials are wrong, or not for this server.
    case authenticationFailed(Reply)
    /// AUTH was refused for now (4yz).
    case authenticationDeferred(Reply)
    /// The peer broke the protocol.
    case protocolError(String)
    /// The client stops: what was not sent to its end is given up.
    case stopped
    /// The message could not be read, or not be converted, for the driver's reason, after it was begun.
    case messageUnreadable(String)

    /// The cause as a reply in which each undecided recipient's deferral is told: the peer's own where it is a 4yz.
    var reply: Reply {
        switch self {
        case .serviceUnavailable(let reply), .authenticationDeferred(let reply): reply
        case .greetingRefused(let reply), .helloRefused(let reply), .tlsRefused(let reply):
            reply.severity == .transientFailure ? reply : Reply(local: 451, .init(4, 3, 0), description)
        case .connectionFailed: Reply(local: 451, .init(4, 4, 1), description)
        case .closed, .timedOut: Reply(local: 451, .init(4, 4, 2), description)
        case .tlsNotOffered: Reply(local: 454, .init(4, 7, 4), description)
        case .tlsFailed: Reply(local: 454, .init(4, 7, 5), description)
        case .noAuthenticationMechanism: Reply(local: 454, .init(4, 7, 4), description)
        case .authenticationFailed: Reply(local: 454, .init(4, 7, 8), description)
        case .protocolError: Reply(local: 451, .init(4, 5, 0), description)
        case .stopped: Reply(local: 451, .init(4, 3, 2), description)
        case .messageUnreadable: Reply(local: 451, .init(4, 3, 0), description)
        }
    }

    /// The form of messages: the cause, and the remedy where it is in an operator's hands.
    public var description: String {
        switch self {
        case .connectionFailed(let reason): "cannot connect: \(reason)"
        case .closed(let phase, let reason):
            "connection lost" + (phase.map { " while waiting for \($0.rawValue)" } ?? "") + ": \(reason)"
        case .timedOut(let phase): "timed out waiting for \(phase.rawValue)"
        case .serviceUnavailable(let reply): "server closes the connection: \(reply)"
        case .greetingRefused(let reply): "server refuses connections: \(reply)"
        case .helloRefused(let reply):
            "server refuses the hello command: \(reply); does it speak this protocol? A store that speaks LMTP needs the option -M"
        case .tlsNotOffered: "TLS is required but the server does not offer STARTTLS"
        case .tlsRefused(let reply): "TLS is required but the server refuses STARTTLS: \(reply)"
        case .tlsFailed(let reason): "TLS handshake failed: \(reason)"
        case .noAuthenticationMechanism(let offered):
            "server offers no AUTH mechanism of CRAM-MD5, PLAIN, LOGIN that can be used"
                + " (it offers: \(offered.isEmpty ? "none" : offered.map { printable($0.utf8) }.joined(separator: " ")))"
        case .authenticationFailed(let reply): "authentication failed, check the secrets file: \(reply)"
        case .authenticationDeferred(let reply): "authentication is not possible now: \(reply)"
        case .protocolError(let what): "protocol error: \(what)"
        case .stopped: "delivery was told to stop before the message was sent"
        case .messageUnreadable(let reason): "the message could not be sent to its end: \(reason)"
        }
    }
}

// The dialogue as a log may show it.

/// One line of a session's dialogue, secrets replaced by `***`.
public struct TranscriptLine: Sendable, Hashable {
    /// Who said it.
    public enum Speaker: Sendable {
        /// This side.
        case client
        /// The peer.
        case server
    }

    /// Who said it.
    public let speaker: Speaker
    /// The line without its end; a message's body is not among the lines.
    public let bytes: [UInt8]
}
