// What a session is told before it starts.

import MailAddress

/// The settings of a client session.
public struct ClientOptions: Sendable {
    /// The protocol spoken.
    public enum Dialect: Sendable {
        /// RFC 2033: LHLO, and a final reply for each accepted recipient.
        case lmtp
        /// RFC 5321: EHLO, and one final reply.
        case smtp
    }

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
