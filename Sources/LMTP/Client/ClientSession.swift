// The client's side of one connection: LMTP (RFC 2033), or SMTP (RFC 5321) to a fixed next hop. A value that is told
// events and asked for actions; it owns no socket, file or clock.
//
// The driver's loop:
//   1. tell an event (`connected`, `receive`, `bodyWritten`, `timedOut`, ...);
//   2. carry out `nextAction()` until it is nil, joining all bytes to be sent;
//   3. flush; run a timer for `waitingFor`, begun anew whenever that changes or a reply was read whole (`replyCount`):
//      a reply that comes a byte at a time has no more time than any other.
//
// This file holds the session's state, its events and its actions. The dialogue up to the first transaction, and the end, are
// in ClientSession+Opening.swift, transactions in ClientSession+Transactions.swift, those that are passed on while they come in
// ClientSession+Relay.swift.

import Bytes

/// A client session, as a value without input or output.
///
/// Transactions are queued by `enqueue` and end with one `ClientAction.finished` each, whatever happens: no recipient is
/// ever without an outcome. Where the peer allows pipelining, the envelope goes out in one write, and the end of a
/// message takes the next envelope along.
///
/// A failed session defers: only a peer's 5yz reply to a transaction's command, or an address that cannot be sent, fails
/// a recipient, and only a final 2yz counts as delivery.
public struct ClientSession: Sendable, CustomStringConvertible, CustomReflectable {
    enum State: Sendable {
        case connecting
        case greeting
        /// The flag: HELO was sent, because EHLO was refused.
        case hello(isFallback: Bool)
        case startTLS
        case tlsHandshake
        indirect case authentication(AuthenticationExchange)
        case ready
        /// QUIT was sent; so many more replies are passed over.
        indirect case quitting(ClientFailure?, repliesLeft: Int)
        case closed
    }

    struct QueuedTransaction: Sendable {
        let id: TransactionID
        let envelope: Envelope
    }

    let options: ClientOptions
    var state = State.connecting
    private var parser = ReplyParser()
    private var lastReplies = LastReplies()
    /// Bytes of commands not yet handed out.
    var output: [UInt8] = []
    var actions = FIFO<ClientAction>()
    var queue = FIFO<QueuedTransaction>()
    /// The transaction whose reply is due next.
    var current: TransactionState?
    /// The transaction whose envelope went out with the end of the current one's message.
    var successor: TransactionState?
    /// A transaction that has its final reply, kept until the first 354 after it proves that no reply was missing.
    var held: TransactionState?
    /// The transaction that is passed on while it comes; there is no other then.
    var relayed: RelayTransaction?
    /// The transaction that went along with the end of its message.
    var nextRelay: RelayTransaction?
    /// A transaction that has its last reply, kept until the count of replies is proved; whether that reply turned out to be
    /// another's.
    var heldRelay: RelayTransaction?, isHeldRelayWithdrawn = false
    /// What was said last to a message that was passed on, and to the MAIL of one.
    var lastRelayedFinal: Reply?, lastReplyToMail: Reply?
    /// Whether this server's final replies can be told from its replies to MAIL; nil before one of each was read.
    var tellsFinalReplies: Bool?
    /// How many recipients of a message this server was seen to take; nil before it refused one for their number.
    var recipientLimit: Int?
    var isQuitRequested = false
    /// Whether nothing more is to be sent.
    var isStopping = false
    /// How many replies were read whole, for a clock that gives each its time.
    public private(set) var replyCount = 0
    /// Why no transaction can be begun any more.
    var ending: ClientFailure?
    /// Pieces of output made so far, and pieces handed to the driver.
    var packedCount = 0
    var sentCount = 0
    /// The piece of output with the command whose reply is due; a reply before it was handed out answers nothing.
    var duePiece = 0
    var successorPiece = 0
    private var transactionCount = 0
    var transcript: [TranscriptLine] = []

    /// What the peer announced; nothing before its answer to LHLO or EHLO, and again nothing after STARTTLS.
    public internal(set) var capabilities = Capabilities()
    /// Whether TLS has been established.
    public internal(set) var isEncrypted = false

    /// Makes a session that waits for its connection.
    public init(options: ClientOptions) {
        self.options = options
    }

    /// What the session waits for, to be limited in time; nil when it waits for work, or is over.
    public var waitingFor: ClientPhase? {
        switch state {
        case .connecting: .connect
        case .greeting: .greeting
        case .hello: .hello
        case .startTLS: .startTLS
        case .tlsHandshake: .tlsHandshake
        case .authentication: .authentication
        case .ready: relayed.map(\.phase) ?? current?.phase
        case .quitting: .quit
        case .closed: nil
        }
    }

    /// Where a session stands once the actions that were due are carried out.
    public struct Standing: Sendable {
        /// As the session has them.
        public let waitingFor: ClientPhase?, isIdle: Bool, replyCount: Int
        /// Whether more of a message that is passed on waits because the server has begun to say something.
        public let isHeldUp: Bool

        /// Whether a transaction is under way, so that the opening is done.
        public var isPastOpening: Bool {
            switch waitingFor {
            case .mail, .recipient, .data, .body, .final, .reset: true
            default: false
            }
        }
    }

    /// Where the session stands.
    ///
    /// It changes nothing, and is asked as if it did: so it is done in place, where a look from another module would copy the
    /// session, which is large.
    public mutating func standing() -> Standing {
        Standing(
            waitingFor: waitingFor, isIdle: isIdle, replyCount: replyCount,
            isHeldUp: isWithinReply && relayed?.stage == .body)
    }

    /// Whether the session is over: no event changes it, no further action but those already due will come.
    public var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Whether part of a reply has been read.
    public var isWithinReply: Bool { parser.isWithinReply }

    /// Whether the session is over, or waits only for the answer to QUIT.
    public var isEnding: Bool {
        switch state {
        case .quitting, .closed: true
        default: false
        }
    }

    /// Whether the opening is done and no transaction is under way or queued.
    public var isIdle: Bool {
        guard case .ready = state else { return false }
        return current == nil && relayed == nil && queue.isEmpty
    }

    /// The session's state in a word; never its content, which may be secret.
    public var description: String {
        "session " + (isClosed ? "closed" : "waiting for \(waitingFor?.rawValue ?? "work")")
    }

    /// Nothing beyond the description.
    public var customMirror: Mirror { Mirror(self, children: []) }

    // MARK: Work

    /// Queues a transaction; it begins when the opening is done and those before it allow.
    ///
    /// - Returns: the number by which actions will speak of it.
    public mutating func enqueue(_ envelope: Envelope) -> TransactionID {
        let id = TransactionID(rawValue: transactionCount)
        transactionCount += 1
        if let ending = isStopping ? .stopped : ending {
            actions.append(.finished(unsent(QueuedTransaction(id: id, envelope: envelope), because: ending)))
        } else {
            queue.append(QueuedTransaction(id: id, envelope: envelope))
            advance()
        }
        return id
    }

    /// Asks for QUIT once everything queued has ended.
    public mutating func quit() {
        isQuitRequested = true
        advance()
    }

    // MARK: Events

    /// The connection is made.
    public mutating func connected() {
        if case .connecting = state { state = .greeting }
    }

    /// The connection could not be made.
    public mutating func connectionFailed(_ reason: String) {
        if case .connecting = state { fail(.connectionFailed(reason)) }
    }

    /// Bytes have come from the peer, in pieces of any size; within TLS, decrypted.
    public mutating func receive(_ bytes: borrowing Span<UInt8>) {
        connected()
        var position = 0
        while position < bytes.count, !isClosed {
            if case .tlsHandshake = state {
                // A reply smuggled in before TLS would be taken for one of the protected dialogue (CVE-2011-0411).
                fail(.protocolError("more than the reply to STARTTLS came before TLS"))
                break
            }
            do {
                guard let reply = try nextReply(in: bytes, from: &position) else { break }
                if options.recordsTranscript { record(reply) }
                replyCount &+= 1
                handle(reply)
            } catch {
                fail(.protocolError("\(error), while waiting for \(waitingFor?.rawValue ?? "work")"))
            }
        }
        advance()
    }

    private mutating func nextReply(
        in bytes: borrowing Span<UInt8>, from position: inout Int
    ) throws(ReplySyntaxError) -> Reply? {
        guard let stage = current?.stage ?? relayed?.replyStage else {
            return try parser.next(in: bytes, from: &position)
        }
        if let known = lastReplies[stage], parser.skip(known, in: bytes, from: &position) { return known }
        let reply = try parser.next(in: bytes, from: &position)
        if let reply { lastReplies.note(reply, at: stage) }
        return reply
    }

    /// The peer has closed the connection, or it broke.
    public mutating func connectionClosed(_ reason: String) {
        fail(.closed(waitingFor, reason))
    }

    /// The time allowed for `waitingFor` has passed.
    public mutating func timedOut() {
        guard let waitingFor else { return }
        fail(.timedOut(waitingFor))
    }

    /// The TLS handshake is done and the peer's certificate accepted.
    public mutating func tlsEstablished() {
        guard case .tlsHandshake = state else { return }
        isEncrypted = true
        // RFC 3207 4.2: what was learnt before is forgotten.
        capabilities = Capabilities()
        sayHello()
    }

    /// The TLS handshake failed, or the peer's certificate was not accepted.
    public mutating func tlsFailed(_ reason: String) {
        guard case .tlsHandshake = state else { return }
        fail(.tlsFailed(reason))
    }

    /// The message asked for by `ClientAction.sendBody` has been written to its end.
    ///
    /// - Parameter octets: how many octets of message that was, as `MessageEncoder.octetCount` says: where BDAT
    ///   announced a number, another one ends the session.
    public mutating func bodyWritten(octets: UInt64) {
        guard current?.stage == .body else { return }
        if let announced = current?.chunkSize {
            guard announced == octets else {
                return fail(.messageUnreadable("it has \(octets) octets where \(announced) were announced"))
            }
        } else {
            sendEndOfData()
        }
        current?.endBody()
        advance()
    }

    /// The message cannot be read to its end: the connection must go, since what was sent of it cannot be taken back.
    public mutating func bodyFailed(_ reason: String) {
        guard current?.stage == .body else { return }
        fail(.messageUnreadable(reason))
    }
}

// What a session asks of its driver, and the bytes that it sends, in the order in which they are to leave.

extension ClientSession {
    /// What is to be done next; nil when an event is awaited.
    public mutating func nextAction() -> ClientAction? {
        if actions.isEmpty, !output.isEmpty { actions.append(.send(takeOutput())) }
        let action = actions.popFirst()
        if case .send = action { sentCount += 1 }
        return action
    }

    /// What is to be done next, but for sending: whatever is to be sent before it is appended to a buffer.
    ///
    /// A driver that joins what it sends is spared an action and its bytes for each piece.
    public mutating func nextAction(sendingInto buffer: inout [UInt8]) -> ClientAction? {
        while let action = actions.popFirst() {
            guard case .send(let bytes) = action else { return action }
            buffer.append(bytes.span)
            sentCount += 1
        }
        if !output.isEmpty {
            buffer.append(output.span)
            output.removeAll(keepingCapacity: true)
            packedCount += 1
            sentCount += 1
        }
        return nil
    }

    /// The lines of the dialogue since the last call, if `ClientOptions.recordsTranscript` is set.
    public mutating func takeTranscript() -> [TranscriptLine] {
        defer { transcript = [] }
        return transcript
    }

    // MARK: Sending

    private mutating func takeOutput() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &output)
        packedCount += 1
        return taken
    }

    /// Makes the transaction whose envelope was sent along the current one.
    mutating func promoteSuccessor() {
        current = successor.take()
        duePiece = successorPiece
    }

    /// Puts an action after all bytes to be sent before it.
    mutating func act(_ action: consuming ClientAction) {
        if !output.isEmpty { actions.append(.send(takeOutput())) }
        actions.append(action)
    }

    /// Sends one line.
    ///
    /// - Parameter redacted: what a transcript shows in its place; nil where it may show the line itself.
    mutating func send(_ line: [UInt8], redacted: String? = nil) {
        output.append(contentsOf: line)
        output.append("\r\n")
        duePiece = packedCount + 1
        guard options.recordsTranscript else { return }
        transcript.append(TranscriptLine(speaker: .client, bytes: redacted.map { Array($0.utf8) } ?? line))
    }

    /// Sends the line that ends the data.
    mutating func sendEndOfData() {
        let start = output.count
        output.append(".\r\n")
        noteOutput(from: start)
    }

    /// Notes that the commands in the output from there on have been written, the next reply due being theirs.
    ///
    /// - Parameter isAhead: the reply is due only after those of the current transaction.
    mutating func noteOutput(from start: Int, isAhead: Bool = false) {
        if isAhead { successorPiece = packedCount + 1 } else { duePiece = packedCount + 1 }
        if options.recordsTranscript { noteLines(from: start) }
    }

    /// Notes lines of the output in the transcript.
    mutating func noteLines(from start: Int) {
        for line in output[start...].split(separator: ASCII.lineFeed) {
            transcript.append(TranscriptLine(speaker: .client, bytes: Array(line.dropLast())))
        }
    }

    mutating func record(_ reply: Reply) {
        transcript.append(contentsOf: reply.lines.map { TranscriptLine(speaker: .server, bytes: Array($0)) })
    }

    /// Drops what has not been handed out to be sent: the connection is about to be closed.
    mutating func discardUnsent() {
        output = []
        actions.keep { action in
            switch action {
            case .finished, .relayed, .relayEnded, .close: true
            case .send, .sendBody, .startTLS: false
            }
        }
    }
}
