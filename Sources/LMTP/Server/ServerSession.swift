// The server's side of one connection: LMTP (RFC 2033), or SMTP (RFC 5321). A value that is told events and asked for
// actions, as the client's side is; it owns no socket, file or clock.
//
// The driver's loop:
//   1. tell an event (`connected`, `receive`, `recipientDecided`, `timedOut`, ...);
//   2. carry out `nextAction()` until it is nil; a decision that is made on the spot may be told at once;
//   3. send what `takeOutput` gives; close where `.close` came;
//   4. read on while `wantsInput`, and while what was sent before has left; run a timer for `waitingFor`.
//
// How decisions that come late and commands that come early meet. RCPT commands are handed out as they come, up to a
// limit, and their replies said in order. Everything else waits until all before it is answered: DATA is answered by who
// was accepted, and the reply after a message belongs to it alone. What waits is kept as it came, at most what was
// received at once beyond `inputLimit`, as `wantsInput` then asks the driver to read no more.
//
// This file holds the session's state, its events and its actions. ServerSession+Input.swift cuts what comes into commands
// and messages, ServerSession+Commands.swift answers.

import Bytes

/// A server session, as a value without input or output.
///
/// A message is handed on as it comes and never held; what a client can make the session keep is limited by
/// `ServerOptions.Limits` and `wantsInput`.
public struct ServerSession: Sendable {
    enum State: Sendable {
        /// Not connected yet.
        case connecting
        /// A command is awaited, or is being read.
        case command
        /// The driver is to decide on MAIL.
        case sender
        /// The driver is to decide on DATA, or on a first BDAT with its octets and whether it is the last.
        case goAhead(Chunk?)
        /// A message, up to its dot.
        case data(MessageDecoder)
        /// A chunk of a message.
        case chunk(Chunk)
        /// The driver is to say what became of the message.
        case finals
        case closed
    }

    /// What is left of a BDAT command.
    struct Chunk: Sendable {
        var left: UInt64
        let size: UInt64
        let isLast: Bool
        /// What is said at its end in place of the usual; its octets are passed over.
        var refusal: StaticString?
    }

    /// From so many bytes on that wait for a decision, nothing more is to be read.
    static let inputLimit = 64 << 10

    let options: ServerOptions
    var state = State.connecting
    var output: [UInt8] = []
    var actions = FIFO<ServerAction>()
    /// What came and cannot be looked at before a decision is made, from `inputStart` on.
    private var input: [UInt8] = []
    private var inputStart = 0
    /// The command line that is being read.
    var line: [UInt8] = []
    /// Whether the line that is being read passed the limit.
    var isLineTooLong = false
    /// A command that waits for the decisions on recipients before it.
    var heldCommand: ServerCommand?
    /// What was read of a message and is not handed on yet.
    var message: [UInt8] = []
    var transaction: ServerTransaction?
    /// The transaction whose message is whole and not answered, while the envelope of the next one is taken.
    private(set) var ended: ServerTransaction?
    /// What is to be said before `output`, which waits as long as there is `ended`: what is about that one.
    private var earlierOutput: [UInt8] = []
    /// Whether the sender that the driver is to decide on may have recipients beyond ASCII.
    var senderAllowsUTF8 = false
    var badCommandCount = 0
    var idleCommandCount = 0
    private var isFinishing = false

    /// The name that the client gave; nil before LHLO or EHLO.
    public internal(set) var clientName: [UInt8]?
    /// How many commands were read whole, for a clock that gives each its time.
    public internal(set) var commandCount = 0

    /// Makes a session that waits for its connection.
    public init(options: ServerOptions) {
        self.options = options
    }

    // MARK: State

    /// Whether the session is over: no event changes it.
    public var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Whether a transaction is under way, from the reply to MAIL to the last reply to its message.
    public var isWithinTransaction: Bool { transaction != nil || ended != nil }

    /// Whether a message is not answered while the envelope of the next one is taken.
    public var hasTwoTransactions: Bool { ended != nil }

    /// Whether the client has named recipients and none of them is decided on.
    public var isAwaitingFirstRecipient: Bool {
        transaction.map { $0.undecidedCount > 0 && $0.undecidedCount == $0.askedCount } ?? false
    }

    /// Whether the client has asked for its message to be taken, behind recipients that are not all decided on.
    public var isMessageWaiting: Bool { if case .data? = heldCommand { true } else { false } }

    /// Whether the driver is to read on.
    public var wantsInput: Bool { !isClosed && input.count - inputStart < Self.inputLimit }

    /// What is awaited of the client, to be limited in time; nil while the driver has a decision to make, or it is over.
    public var waitingFor: ServerPhase? {
        switch state {
        case .command: ended != nil || transaction.map { $0.undecidedCount > 0 } ?? false ? nil : .command
        case .data, .chunk: .message
        case .connecting, .sender, .goAhead, .finals, .closed: nil
        }
    }

    // MARK: Events from the connection

    /// The connection is made: the client is greeted.
    public mutating func connected() {
        guard case .connecting = state else { return }
        if isFinishing { return sayFarewell() }
        output.append("220 ")
        output.append(contentsOf: options.host)
        output.append(contentsOf: " \(options.greeting)\r\n".utf8)
        state = .command
    }

    /// Bytes have come from the client, in pieces of any size.
    public mutating func receive(_ bytes: borrowing Span<UInt8>) {
        connected()
        guard !isClosed else { return }
        guard inputStart == input.count else {
            input.append(bytes)
            return resume()
        }
        var position = 0
        consume(bytes, from: &position)
        guard !isClosed, position < bytes.count else { return }
        input.removeAll(keepingCapacity: true)
        inputStart = 0
        input.append(bytes.extracting(position...))
    }

    /// Goes on with what waited for a decision.
    private mutating func resume() {
        guard !isClosed, heldCommand != nil || inputStart < input.count else { return }
        var waiting: [UInt8] = []
        swap(&waiting, &input)
        var position = inputStart
        consume(waiting.span, from: &position)
        guard !isClosed else { return }
        if position == waiting.count {
            // A long one is not kept: it was there for once.
            waiting.removeAll(keepingCapacity: waiting.capacity <= Self.inputLimit)
            position = 0
        } else if position >= Self.inputLimit {
            waiting.removeFirst(position)
            position = 0
        }
        inputStart = position
        swap(&waiting, &input)
    }

    /// The client has closed the connection, or it broke.
    public mutating func connectionClosed() {
        close()
    }

    /// The time allowed for `waitingFor` has passed.
    public mutating func timedOut() {
        guard waitingFor != nil else { return }
        say("421 4.4.2 nothing came in time")
        close()
    }

    /// The server is to end: the session ends at once, or after the transaction that it is in.
    public mutating func finish() {
        isFinishing = true
        guard !isWithinTransaction, case .command = state else { return }
        sayFarewell()
    }

    private mutating func sayFarewell() {
        output.append("421 4.3.2 ")
        output.append(contentsOf: "\(options.farewell)\r\n".utf8)
        close()
    }

    // MARK: Decisions

    /// The answer to `ServerAction.sender`; 2yz accepts it.
    public mutating func senderDecided(_ reply: Reply) {
        guard case .sender = state else { return }
        let reply = reply.asVerdict
        output.append(reply)
        state = .command
        if reply.severity == .success {
            transaction = ServerTransaction(allowsUTF8: senderAllowsUTF8, firstNumber: ended?.nextNumber ?? 0)
            idleCommandCount = 0
        } else if isFinishing, ended == nil {
            return sayFarewell()
        }
        resume()
    }

    /// The answer to `ServerAction.recipient` with this number; 2yz accepts it.
    public mutating func recipientDecided(_ number: Int, _ reply: Reply) {
        transaction?.decide(number, reply.asVerdict)
        while let reply = transaction?.nextRecipientReply() { output.append(reply) }
        resume()
    }

    /// The answer to `ServerAction.beginMessage`.
    ///
    /// - Parameter refusal: a reply that refuses it; nil to let it come.
    public mutating func messageDecided(_ refusal: Reply? = nil) {
        guard case .goAhead(let chunk) = state else { return }
        if let refusal, case let refusal = refusal.asVerdict, refusal.severity != .success {
            refuseMessage(refusal, chunk)
        } else if let chunk {
            state = .chunk(chunk)
        } else {
            output.append("354 go ahead\r\n")
            state = .data(MessageDecoder(lineEnd: options.lineEnd))
        }
        resume()
    }

    /// What became of the message for the accepted recipient with this number: its reply after the message.
    ///
    /// It may come before the message is whole; where all have theirs, the rest of the message is passed over.
    public mutating func recipientReply(_ number: Int, _ reply: Reply) {
        if ended?.isBefore(number) == false {
            ended?.decideFinal(number, reply.asVerdict)
            sayEarlierFinals()
            return resume()
        }
        switch state {
        case .finals:
            transaction?.decideFinal(number, reply.asVerdict)
            sayFinals()
            resume()
        case .data, .chunk: transaction?.decideFinal(number, reply.asVerdict)
        case .command where transaction?.isChunked == true: transaction?.decideFinal(number, reply.asVerdict)
        case .connecting, .command, .sender, .goAhead, .closed: break
        }
    }

    // MARK: Actions

    /// What is to be done next; nil when an event is awaited.
    public mutating func nextAction() -> ServerAction? { actions.popFirst() }

    /// Whether there is something to be said.
    public var hasOutput: Bool { !earlierOutput.isEmpty || (ended == nil && !output.isEmpty) }

    /// Appends what is to be said to a buffer.
    public mutating func takeOutput(into buffer: inout [UInt8]) {
        if !earlierOutput.isEmpty {
            buffer.append(earlierOutput.span)
            earlierOutput.removeAll(keepingCapacity: earlierOutput.capacity <= Self.inputLimit)
        }
        guard ended == nil else { return }
        buffer.append(output.span)
        output.removeAll(keepingCapacity: output.capacity <= Self.inputLimit)
    }

    // MARK: Ends

    /// Says a reply that needs no more than its text.
    mutating func say(_ reply: StaticString) {
        output.append(reply)
        output.append("\r\n")
    }

    /// Says what can be said of the replies to the message, and ends the transaction after the last.
    mutating func sayFinals() {
        while let reply = transaction?.nextFinal(options.dialect) { output.append(reply) }
        guard transaction?.isAnswered != false else { return }
        endTransaction()
    }

    /// Begins to take the envelope of the next transaction while the message of this one is not answered.
    ///
    /// What that envelope is answered waits behind the replies to the message. Nothing else is taken on, so that one message at
    /// a time is passed on.
    mutating func takeNextEnvelope() {
        ended = transaction.take()
        earlierOutput += output
        output.removeAll(keepingCapacity: true)
        state = .command
    }

    /// Says what can be said of the replies to the message before the envelope that is being taken.
    private mutating func sayEarlierFinals() {
        while let reply = ended?.nextFinal(options.dialect) { earlierOutput.append(reply) }
        guard ended?.isAnswered != false else { return }
        ended = nil
        badCommandCount = 0
        idleCommandCount = 0
        if isFinishing, transaction == nil, case .command = state { sayFarewell() }
    }

    /// Whether so much waits to be said behind the replies to a message that no more is taken before them.
    var isFullBehindMessage: Bool { ended != nil && output.count >= Self.inputLimit }

    /// Forgets a transaction that is answered.
    private mutating func endTransaction() {
        transaction = nil
        state = .command
        badCommandCount = 0
        idleCommandCount = 0
        if isFinishing { sayFarewell() }
    }

    /// Forgets the transaction before its end.
    mutating func discard() {
        message.removeAll(keepingCapacity: true)
        guard let given = transaction.take() else { return }
        if given.refusal == nil { actions.append(.discard) }
        if isFinishing, case .command = state { sayFarewell() }
    }

    /// Ends the session; nothing that is not whole may be delivered.
    mutating func close() {
        guard !isClosed else { return }
        let isAwaitingFinals = if case .finals = state { true } else { false }
        state = .closed
        input = []
        inputStart = 0
        line = []
        heldCommand = nil
        // The message is whole, and the driver's.
        if isAwaitingFinals { transaction = nil }
        if ended.take() != nil { output = [] }
        discard()
        actions.append(.close)
    }
}
