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
