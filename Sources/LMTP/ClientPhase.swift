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
