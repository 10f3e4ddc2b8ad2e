// The two protocols that both halves speak.

/// The protocol spoken on a connection.
package enum Dialect: Sendable {
    /// RFC 2033: LHLO, and a final reply for each accepted recipient.
    case lmtp
    /// RFC 5321: EHLO, and one final reply.
    case smtp
}
