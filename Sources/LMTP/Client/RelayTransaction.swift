// A transaction that is passed on while it comes: its recipients one by one, its message piece by piece, its replies at once.
//
// A value of its own until a session takes it (ClientSession+Relay.swift), so that it can go to another session where the
// first one ends before it answered anything. How far replies can be trusted: the message is invited only once every RCPT
// is answered, and nothing follows the end of the message before its last reply, but for the envelope of the next one where
// that is safe. A reply that cannot belong to the command whose turn it is ends the session; whoever was accepted until then
// is deferred. What a session sends, and what it makes of replies, is in RelayTransaction+Replies.swift.

import Bytes
import MailSyntax

/// A transaction whose parts are given and answered one by one.
///
/// Wishes are noted (`add`, `beginMessage`, `write`, `endMessage`, `abandon`), and sent by the session as the server's
/// replies allow. Each recipient has one `Event.recipient`, and one `Event.final` if that was positive and the message was
/// not abandoned.
public struct RelayTransaction: Sendable {
    /// What is told about it.
    public enum Event: Sendable {
        /// A session has taken it; the server can do this.
        case began(Capabilities.Extensions)
        /// The reply to RCPT of the recipient at this index, or what stands in its place.
        case recipient(Int, Reply)
        /// The server has invited the message.
        case invited
        /// What became of the message for the recipient at this index.
        case final(Int, Reply)
    }

    enum Stage: Sendable, Equatable {
        /// MAIL and RCPT are sent as they come.
        case envelope
        /// DATA was sent.
        case invitation
        /// The message is sent as it comes.
        case body
        /// The end of the message was sent; over LMTP the reply of the recipient at this index is due.
        case finals(Int)
        /// RSET was sent.
        case ending
        case over
    }

    /// A command that was sent and not answered.
    enum Command: Sendable {
        case mail, recipient(Int), data, reset
    }

    /// What a recipient was told.
    enum Progress: Sendable {
        case unsent, sent, refused, accepted, settled
    }

    /// The envelope without its recipients.
    public let envelope: Envelope
    var recipients: [(recipient: EnvelopeRecipient, progress: Progress)] = []
    var stage = Stage.envelope
    var outstanding = FIFO<(command: Command, piece: Int)>()
    var events = FIFO<Event>()
    var writer: CommandWriter?
    var dialect = Dialect.lmtp
    var isPipelined = false
    var nextUnsent = 0
    var mailReply: Reply?
    /// Whether it was sent before the message ahead of it had its last reply, so that a reply too many or too few there would be
    /// misread here, until a 354 in its place, or the reply to RSET, proves the count: nothing is told of it until then.
    var isUnconfirmed = false
    /// The piece of the session's output with the end of the message.
    var endPiece = 0
    /// What came of the message before it was invited.
    var early: [UInt8] = []
    var isMessageWanted = false
    var isMessageEnded = false
    var isAbandoned = false
    /// Whether the server has answered anything of it.
    public internal(set) var isAnswered = false
    /// How many sessions ended before they answered anything of it.
    public private(set) var attempts = 0

    /// Makes a transaction.
    ///
    /// - Parameter envelope: its recipients are left out: they follow by `add`.
    public init(_ envelope: Envelope) {
        self.envelope = envelope
    }

    // MARK: Wishes

    /// Adds a recipient, and gives its index.
    public mutating func add(_ recipient: EnvelopeRecipient) -> Int {
        recipients.append((recipient, .unsent))
        return recipients.count - 1
    }

    /// Asks for the message to be invited; no recipient may follow.
    ///
    /// DATA goes along with recipients that are not answered yet, where the server allows it: whoever had it from a client
    /// together with them does not have that client wait for their replies.
    public mutating func beginMessage() { isMessageWanted = true }

    /// Gives the next bytes of the message, as `MessageEncoder` makes them for DATA.
    ///
    /// What comes before `Event.invited` is kept: whoever reads the message should read no more of it until then.
    public mutating func write(_ bytes: [UInt8]) {
        if early.isEmpty { early = bytes } else { early += bytes }
    }

    /// Ends the message.
    public mutating func endMessage() { isMessageEnded = true }

    /// Gives the transaction up: by RSET, or, where a message was begun and not ended, by the end of the session.
    ///
    /// A message that was sent to its end is the server's; its replies are told as ever.
    public mutating func abandon() { isAbandoned = true }

    /// The next thing to be told.
    public mutating func nextEvent() -> Event? { events.popFirst() }

    /// Whether the whole message was sent, so that only replies are due.
    public var isEnded: Bool {
        if case .finals = stage { true } else { stage == .over }
    }

    // MARK: Ends

    /// Whether it can go to another session: nothing was answered, and nothing was sent of a message.
    public var canBeRetried: Bool { !isAnswered && (stage == .envelope || stage == .invitation) }

    /// Makes it ready for another session.
    public mutating func restart() {
        attempts += 1
        stage = .envelope
        for index in recipients.indices where recipients[index].progress == .sent {
            recipients[index].progress = .unsent
        }
        outstanding = FIFO()
        nextUnsent = 0
        mailReply = nil
        writer = nil
        isUnconfirmed = false
    }

    /// Ends it because its session did, or it never had one: whoever has no verdict is deferred.
    public mutating func interrupt(by failure: ClientFailure) {
        let reply = failure.reply
        for index in recipients.indices {
            switch recipients[index].progress {
            case .unsent, .sent: tell(index, reply)
            case .accepted: settle(index, reply)
            case .refused, .settled: break
            }
        }
        stage = .over
        early = []
    }

    /// Takes back what was read of it and not told: it turned out to belong to other commands, or nothing proves that it did not.
    mutating func withdrawUntold() {
        events = FIFO()
        for index in recipients.indices { recipients[index].progress = .unsent }
    }

    /// Takes back what was read about its message and not told, for the same reasons.
    mutating func withdrawFinals() {
        events = FIFO()
        for index in recipients.indices where recipients[index].progress == .settled {
            recipients[index].progress = .accepted
        }
    }

    mutating func tell(_ index: Int, _ reply: Reply) {
        recipients[index].progress = reply.severity == .success ? .accepted : .refused
        events.append(.recipient(index, reply))
    }

    mutating func settle(_ index: Int, _ reply: Reply) {
        recipients[index].progress = .settled
        events.append(.final(index, reply))
    }

    mutating func settleAccepted(_ reply: Reply) {
        for index in recipients.indices where recipients[index].progress == .accepted { settle(index, reply) }
    }

    func nextAccepted(from start: Int) -> Int? {
        recipients[start...].firstIndex { $0.progress == .accepted }
    }
}
