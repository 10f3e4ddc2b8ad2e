// What a server session is told before it starts, and what it asks of its driver.

import Bytes

/// The settings of a server session.
public struct ServerOptions: Sendable {
    /// How much a client may say.
    public struct Limits: Sendable {
        /// Bytes of a command line, its end not counted.
        public var lineLength = 8192
        /// Octets of a message, line ends as CRLF; announced by SIZE (RFC 1870).
        public var messageSize: UInt64 = 32 << 20
        /// Recipients of a message.
        public var recipients = 10_000
        /// Recipients that wait for the driver's decision at a time; the commands behind them wait.
        public var undecidedRecipients = 100
        /// Lines in a row that are no command, before the connection is closed; a message or RCPT begins the count anew.
        public var badCommands = 100
        /// Commands other than MAIL's, RCPT's and a message's, in a row, before the connection is closed.
        public var idleCommands = 1000

        /// The limits named at each.
        public init() {}
    }

    /// The protocol.
    public var dialect: Dialect
    /// The server's name, in its greeting and its answer to LHLO.
    public let host: [UInt8]
    /// What follows the name in the greeting.
    public var greeting: String
    /// What is announced beside SIZE.
    public var extensions: Capabilities.Extensions
    /// How much a client may say.
    public var limits = Limits()
    /// What ends a line.
    public var lineEnd = MessageDecoder.LineEnd.strict
    /// What is said when the server is told to end.
    public var farewell = "the server is ending"
    /// Whether MAIL and RCPT that a client sends behind the end of a message are handed out before that message is answered;
    /// the driver then has two transactions at a time, and `ServerAction` says which of them is meant.
    public var takesNextEnvelope = false

    /// What every session can do by itself.
    public static let commonExtensions: Capabilities.Extensions = [
        .pipelining, .eightBitMIME, .smtpUTF8, .enhancedStatusCodes,
    ]

    /// Makes settings.
    ///
    /// - Parameters:
    ///   - host: the server's name, one word of printable ASCII; every other byte of it is shown as `?`.
    ///   - extensions: `commonExtensions`, and where the driver passes on what they ask for also
    ///     `.deliveryStatusNotifications` and `.chunking`; others are not known here and never announced.
    public init(
        dialect: Dialect = .lmtp, host: String, greeting: String = "ready",
        extensions: Capabilities.Extensions = commonExtensions
    ) {
        self.dialect = dialect
        self.host = host.utf8.map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        self.greeting = greeting
        self.extensions = extensions
    }
}

/// What a server session asks of its driver.
///
/// A transaction is `.sender`, any number of `.recipient`, `.beginMessage`, any number of `.message`, `.endMessage`; at any
/// place before the last it may be given up by `.discard`. What is to be said to the client is in none of them: the driver
/// takes it by `ServerSession.takeOutput`.
///
/// With `ServerOptions.takesNextEnvelope` another `.sender` may follow `.endMessage` while replies to that message are due.
/// From then on all actions are about the later transaction, but for `.close`, which ends both; the numbers of recipients tell
/// apart whom `recipientReply` is about.
public enum ServerAction: Sendable {
    /// MAIL: to be answered by `senderDecided`. The recipients follow.
    case sender(Envelope)
    /// RCPT: to be answered by `recipientDecided` with this number, at any time and in any order.
    case recipient(Int, EnvelopeRecipient)
    /// A message comes: to be answered by `messageDecided`.
    case beginMessage
    /// The next bytes of the message, line ends as they came, doubled dots undone.
    case message([UInt8])
    /// The message is whole: each accepted recipient is to be answered by `recipientReply`.
    case endMessage
    /// The transaction is given up, by the client or for a limit: nothing of it may be delivered.
    case discard
    /// The connection is to be closed, after what is to be said. Comes once, as the last.
    case close
}

/// What a server session waits for; the driver has a time-out for each (RFC 5321 4.5.3.2.7).
public enum ServerPhase: Sendable, Hashable {
    /// The next command as a whole: its time begins when `commandCount` changes, not with each byte.
    case command
    /// The next bytes of a message.
    case message
}
