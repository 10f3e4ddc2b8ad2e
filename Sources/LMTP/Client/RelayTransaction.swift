// A transaction that is passed on while it comes: its recipients one by one, its message piece by piece, its replies at once.
//
// A value of its own until a session takes it (ClientSession+Transactions.swift), so that it can go to another session where the
// first one ends before it answered anything. How far replies can be trusted: the message is invited only once every RCPT
// is answered, and nothing follows the end of the message before its last reply. A reply that cannot belong to the
// command whose turn it is ends the session; whoever was accepted until then is deferred.

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
    private enum Command: Sendable {
        case mail, recipient(Int), data, reset
    }

    /// What a recipient was told.
    private enum Progress: Sendable {
        case unsent, sent, refused, accepted, settled
    }

    /// The envelope without its recipients.
    public let envelope: Envelope
    private var recipients: [(recipient: EnvelopeRecipient, progress: Progress)] = []
    private(set) var stage = Stage.envelope
    private var outstanding = FIFO<(command: Command, piece: Int)>()
    private var events = FIFO<Event>()
    private var writer: CommandWriter?
    private var dialect = Dialect.lmtp
    private var isPipelined = false
    private var nextUnsent = 0
    private var mailReply: Reply?
    /// The piece of the session's output with the end of the message.
    private var endPiece = 0
    /// What came of the message before it was invited.
    private var early: [UInt8] = []
    private var isMessageWanted = false
    private var isMessageEnded = false
    private var isAbandoned = false
    /// Whether the server has answered anything of it.
    public private(set) var isAnswered = false
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

    private mutating func tell(_ index: Int, _ reply: Reply) {
        recipients[index].progress = reply.severity == .success ? .accepted : .refused
        events.append(.recipient(index, reply))
    }

    private mutating func settle(_ index: Int, _ reply: Reply) {
        recipients[index].progress = .settled
        events.append(.final(index, reply))
    }

    private mutating func settleAccepted(_ reply: Reply) {
        for index in recipients.indices where recipients[index].progress == .accepted { settle(index, reply) }
    }

    private func nextAccepted(from start: Int) -> Int? {
        recipients[start...].firstIndex { $0.progress == .accepted }
    }
}

// What a session sends of it, and what it makes of the replies.

extension RelayTransaction {
    /// What a session knows that sends it.
    struct Way {
        let capabilities: Capabilities
        let dialect: Dialect
        let isPipelined: Bool
    }

    /// What comes of an event.
    enum Step {
        /// It goes on.
        case wait
        /// It is over, and the session may take another.
        case finished
        /// It is given up, and what was sent of its message must never be taken for a whole one.
        case close
        /// The reply does not fit the command it must belong to.
        case misfit(String)
    }

    /// What is waited for; nil while nothing is, but more of the transaction.
    var phase: ClientPhase? {
        switch replyStage {
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .reset: .reset
        case .final: .final
        default: stage == .body ? .body : nil
        }
    }

    /// Sends what can be sent.
    ///
    /// - Parameter piece: the number of the piece of output that is written to.
    mutating func advance(_ way: Way, into output: inout [UInt8], piece: Int) -> Step {
        if writer == nil { begin(way, into: &output, piece: piece) }
        if isAbandoned { return giveUp(into: &output, piece: piece) }
        switch stage {
        case .envelope:
            sendRecipients(way, into: &output, piece: piece)
            guard isMessageWanted, nextUnsent == recipients.count else { return .wait }
            guard outstanding.isEmpty ? nextAccepted(from: 0) != nil : mayInviteAlong else {
                return outstanding.isEmpty ? reset(into: &output, piece: piece) : .wait
            }
            send("DATA", .data, into: &output, piece: piece)
            stage = .invitation
        case .body:
            output.append(early.span)
            early = []
            guard isMessageEnded else { return .wait }
            output.append(".\r\n")
            endPiece = piece
            stage = .finals(nextAccepted(from: 0) ?? 0)
        case .invitation, .finals, .ending, .over: break
        }
        return .wait
    }

    /// Whether DATA may go along with what is not answered.
    private var mayInviteAlong: Bool {
        isPipelined && mailReply.map { $0.severity == .success } ?? true
            && recipients.contains { $0.progress == .sent || $0.progress == .accepted }
    }

    private mutating func begin(_ way: Way, into output: inout [UInt8], piece: Int) {
        dialect = way.dialect
        isPipelined = way.isPipelined
        let sender = way.capabilities.refusal(of: envelope.sender, isSender: true, shown: envelope.sender)
        var isInternationalized = sender.isInternationalized
        if recipients.contains(where: { !$0.recipient.address.allSatisfy { $0 < 0x80 } }) { isInternationalized = true }
        let extensions = way.capabilities.extensions
        let writer = CommandWriter(
            extensions: extensions, isConverted: false, hasInternationalizedAddress: isInternationalized)
        self.writer = writer
        events.append(.began(extensions))
        if let refusal = sender.reply {
            // As if the server had said so.
            mailReply = refusal
            return
        }
        guard !isAbandoned else { return }
        writer.appendMail(envelope, to: &output)
        output.append("\r\n")
        outstanding.append((.mail, piece))
    }

    private mutating func sendRecipients(_ way: Way, into output: inout [UInt8], piece: Int) {
        while nextUnsent < recipients.count {
            let index = nextUnsent
            if let mailReply, mailReply.severity != .success {
                if recipients[index].progress == .unsent { tell(index, mailReply) }
            } else if recipients[index].progress != .refused {
                guard isPipelined || outstanding.isEmpty else { return }
                sendRecipient(index, way, into: &output, piece: piece)
            }
            nextUnsent += 1
        }
    }

    private mutating func sendRecipient(_ index: Int, _ way: Way, into output: inout [UInt8], piece: Int) {
        let recipient = recipients[index].recipient
        let shown = recipient.originalRecipient?.address ?? recipient.address
        let judged = way.capabilities.refusal(of: recipient.address, isSender: false, shown: shown)
        if let refusal = judged.reply { return tell(index, refusal) }
        recipients[index].progress = .sent
        writer?.appendRecipient(recipient, to: &output)
        output.append("\r\n")
        outstanding.append((.recipient(index), piece))
    }

    private mutating func send(_ line: StaticString, _ command: Command, into output: inout [UInt8], piece: Int) {
        output.append(line)
        output.append("\r\n")
        outstanding.append((command, piece))
    }

    private mutating func giveUp(into output: inout [UInt8], piece: Int) -> Step {
        switch stage {
        case .envelope: return reset(into: &output, piece: piece)
        // Where nobody is accepted, what is said to DATA that went along decides.
        case .invitation: return nextAccepted(from: 0) == nil ? .wait : .close
        case .body: return .close
        case .finals, .ending: return .wait
        case .over: return .finished
        }
    }

    /// Ends it before its message: RSET, where the server may think that it is under way.
    private mutating func reset(into output: inout [UInt8], piece: Int) -> Step {
        guard outstanding.isEmpty else { return .wait }
        guard mailReply?.severity == .success else {
            stage = .over
            return .finished
        }
        send("RSET", .reset, into: &output, piece: piece)
        stage = .ending
        return .wait
    }

    // MARK: Replies

    /// Takes a reply.
    ///
    /// - Parameter sentCount: how many pieces of output have been handed out: what is not among them is not answered yet.
    /// - Parameter isForeignToMail: whether a reply to MAIL like this one seems to be one to a message.
    mutating func handle(_ reply: Reply, sentCount: Int, isForeignToMail: Bool) -> Step {
        isAnswered = true
        if case .finals(let index) = stage {
            guard sentCount >= endPiece, reply.severity != .preliminary, reply.severity != .intermediate else {
                return misfit(reply)
            }
            return handleFinal(reply, at: index)
        }
        guard let first = outstanding.popFirst(), first.piece <= sentCount else { return misfit(reply) }
        let isInvitation = if case .data = first.command { reply.code == 354 } else { false }
        guard reply.severity != .preliminary, reply.severity != .intermediate || isInvitation else {
            return misfit(reply)
        }
        switch first.command {
        case .mail:
            // 503, bad sequence, is no verdict: the server takes the session for another than it is here.
            guard reply.code != 503, reply.severity != .success || !isForeignToMail else { return misfit(reply) }
            mailReply = reply
        case .recipient(let index): return handleRecipient(reply, at: index)
        case .data:
            if isInvitation {
                // It went along with recipients of whom none was accepted: the server waits for a message to nobody.
                guard nextAccepted(from: 0) != nil else { return .close }
                stage = .body
                events.append(.invited)
            } else {
                guard reply.severity != .success else { return misfit(reply) }
                settleAccepted(reply)
                // The next step sends RSET: the server may think that the transaction is under way.
                stage = .envelope
                isAbandoned = true
            }
        case .reset:
            guard reply.severity == .success else { return misfit(reply) }
            stage = .over
            return .finished
        }
        return .wait
    }

    private mutating func handleRecipient(_ reply: Reply, at index: Int) -> Step {
        if let mailReply, mailReply.severity != .success {
            // A server that takes recipients after it refused MAIL would take a message too, or replies are missing.
            guard reply.severity != .success else { return misfit(reply) }
            tell(index, mailReply)
            return .wait
        }
        guard reply.code != 503 else { return misfit(reply) }
        tell(index, reply)
        return .wait
    }

    private mutating func handleFinal(_ reply: Reply, at index: Int) -> Step {
        if dialect == .smtp {
            settleAccepted(reply)
        } else {
            settle(index, reply)
            if let next = nextAccepted(from: index + 1) {
                stage = .finals(next)
                return .wait
            }
        }
        stage = .over
        return .finished
    }

    /// What the next reply is due to, in the words of a transaction that is sent as a whole.
    var replyStage: TransactionState.Stage? {
        switch outstanding.first?.command {
        case .mail: .mail
        case .recipient(let index): .recipient(index)
        case .data: .data
        case .reset: .reset
        case nil: if case .finals(let index) = stage { .final(index) } else { nil }
        }
    }

    private func misfit(_ reply: Reply) -> Step {
        .misfit("while waiting for \(phase?.rawValue ?? "more of a transaction"), got \(reply)")
    }
}
