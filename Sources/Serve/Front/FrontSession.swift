// The front's side of one client: the server's half of LMTP, the stores behind it, and the spool. A value that is told events
// and asked for actions; it owns no socket, file or clock.
//
// The driver's loop:
//   1. tell an event (`receive`, `resolved`, `storeSaid`, `spoolSaid`, ...);
//   2. carry out `nextAction()` until it is nil, and send what `takeOutput` gives;
//   3. read on while `wantsInput`; run a timer for `waitingFor`.
//
// A message passes and is not held: `wantsInput` is false while a store, or the spool, has not taken what it was given. A
// store that takes nothing for too long ends with its connection, and the others go on. What becomes of a message that did
// not come whole is decided here once: each store that has a part of it loses its connection (`StoreAction.abandon`).
//
// A client that sends the next envelope behind the end of a message has two transactions: the message waits for its replies
// (`ended`), the envelope is asked about already (`transaction`). Every event names the one that it is about by a number.
//
// This file has the session and the client's side of it; FrontSession+Stores.swift has recipients, stores and the spool,
// FrontSession+Message.swift the message.

import Bytes
package import Delivery
package import LMTP
import MailSyntax
package import Routing

/// A session of the front, as a value without input or output.
package struct FrontSession: Sendable {
    /// Names a question that `resolved` answers.
    package struct Ticket: Sendable, Hashable {
        let transaction: Int
        let recipient: Int
    }

    /// What is to be done.
    package enum Action: Sendable {
        /// Find out where an address leads, and tell `resolved`.
        case resolve(Ticket, [UInt8], Resolver.Request)
        /// Something for the store transaction of this number.
        case store(Int, StoreAction)
        /// Something for the submission of this number.
        case spool(Int, SpoolAction)
        /// Tell an administrator what to mend, once.
        case report(String)
        /// Close the connection, after what is to be said. Comes once, as the last.
        case close
    }

    /// What is to be done with a store; the first is `begin`, the last `endMessage` or `abandon`.
    package enum StoreAction: Sendable {
        /// Begin a transaction there, with its first recipient; where another of this number is not answered there, the
        /// envelope may go along with the end of its message.
        indirect case begin(Destination, Envelope, EnvelopeRecipient, after: Int?)
        /// Ask for another recipient.
        case recipient(EnvelopeRecipient)
        /// Have it invite the message; no recipient follows.
        case beginMessage
        /// Send more of the message, which is encoded for DATA.
        case message([UInt8])
        /// End the message.
        case endMessage
        /// Give the transaction up, so that nothing of it is delivered.
        case abandon
    }

    /// What is to be done with a submission; the first is `begin`, the last `commit` or `discard`.
    package enum SpoolAction: Sendable {
        /// Begin one with these bytes.
        case begin([UInt8])
        /// Write more.
        case write([UInt8])
        /// Make it durable and put it in its place.
        case commit
        /// Forget it.
        case discard
    }

    /// What is said of a submission.
    package enum SpoolEvent: Sendable {
        /// So many bytes more have been written.
        case wrote(Int)
        /// It is durable and in its place.
        case committed
        /// It cannot be written, for this reason, and is gone.
        case failed(String)
    }

    let settings: FrontSettings
    /// How channels are served; what is said of it from now on holds for the recipients that follow.
    package var plan: DeliveryPlan
    let hasSpool: Bool
    /// Seconds since 1970, for the Received field.
    let clock: @Sendable () -> Int64
    /// Leads the identifiers of the messages, so that they differ from those of other sessions.
    let name: String
    var session: ServerSession
    var actions: [Action?] = []
    private var nextActionIndex = 0
    var transaction: FrontTransaction?
    /// The transaction before, whose message is whole and not answered.
    var ended: FrontTransaction?
    private var transactionCount = 0
    var date = ReceivedDate()
    var storeCount = 0
    var tally = FrontTally()
    /// Whether the client says nothing more.
    private var isInputClosed = false

    /// Makes a session that waits for its connection.
    ///
    /// - Parameters:
    ///   - name: leads the identifiers of its messages.
    ///   - hasSpool: whether `Action.spool` can be carried out.
    package init(
        _ settings: FrontSettings, plan: DeliveryPlan, hasSpool: Bool, name: String,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.settings = settings
        self.plan = plan
        self.hasSpool = hasSpool
        self.name = name
        self.clock = clock
        session = ServerSession(options: settings.session)
    }

    // MARK: State

    /// So many bytes at the most wait to be written into the spool.
    static let spoolLimit = 256 << 10

    /// Whether the driver is to read on.
    package var wantsInput: Bool { session.wantsInput && !isBlocked }

    /// Whether the message waits for a store or the spool to take what there is of it.
    package var isBlocked: Bool {
        // Looked at where it lies: it is large, and asked for with everything that happens.
        guard transaction?.isMessageBegun == true, transaction?.isMessageWhole == false else { return false }
        return transaction?.spool.pendingBytes ?? 0 >= Self.spoolLimit || transaction?.hasBlockedStore == true
    }

    /// What is awaited of the client, to be limited in time; nil while it waits for us.
    package var waitingFor: ServerPhase? { isBlocked ? nil : session.waitingFor }

    /// How many commands were read whole, for a clock that gives each its time.
    package var commandCount: Int { session.commandCount }

    /// Whether the session is over.
    package var isClosed: Bool { session.isClosed }

    /// Whether a client is told 421 now rather than after its transaction.
    package var isWithinTransaction: Bool { session.isWithinTransaction }

    // MARK: Events from the client

    /// The connection is made: the client is greeted.
    package mutating func connected() {
        session.connected()
        carryOut()
    }

    /// Bytes have come from the client.
    package mutating func receive(_ bytes: borrowing Span<UInt8>) {
        session.receive(bytes)
        carryOut()
        inviteAlong()
    }

    /// The client says nothing more, and listens: Exim ends its side behind QUIT, and waits for what becomes of its message.
    ///
    /// What it has said is worked off; the session ends where more of it would be needed.
    package mutating func inputClosed() {
        isInputClosed = true
        carryOut()
    }

    /// The client has closed the connection, or it broke.
    package mutating func connectionClosed() {
        session.connectionClosed()
        carryOut()
    }

    /// The time allowed for `waitingFor` has passed.
    package mutating func timedOut() {
        session.timedOut()
        carryOut()
    }

    /// The front is to end: the session ends at once, or after the transaction that it is in.
    package mutating func finish() {
        session.finish()
        carryOut()
    }

    // MARK: Actions

    /// What is to be done next; nil when an event is awaited.
    package mutating func nextAction() -> Action? {
        guard nextActionIndex < actions.count else {
            if nextActionIndex > 0 {
                actions.removeAll(keepingCapacity: actions.capacity <= 64)
                nextActionIndex = 0
            }
            return nil
        }
        nextActionIndex += 1
        return actions[nextActionIndex - 1].take()
    }

    /// Whether what is to be said can wait: a client that names a recipient without waiting for the reply to MAIL hears
    /// both together.
    package var mayWaitWithOutput: Bool { session.isAwaitingFirstRecipient }

    /// Appends what is to be said to the client to a buffer.
    package mutating func takeOutput(into buffer: inout [UInt8]) { session.takeOutput(into: &buffer) }

    /// What was counted since the last call.
    package mutating func takeTally() -> FrontTally {
        defer { tally = FrontTally() }
        return tally
    }

    /// Does what the client's side asks for.
    mutating func carryOut() {
        carryOutActions()
        if isInputClosed, session.waitingFor != nil {
            session.connectionClosed()
            carryOutActions()
        }
        // Everybody has heard what became of it.
        if ended != nil, !session.hasTwoTransactions { forgetEnded() }
        if transaction?.isMessageWhole == true, !session.isWithinTransaction {
            transaction = nil
            tally.answered += 1
        }
    }

    private mutating func forgetEnded() {
        guard ended.take() != nil else { return }
        tally.answered += 1
    }

    private mutating func carryOutActions() {
        while let action = session.nextAction() {
            switch action {
            case .sender(let envelope):
                transactionCount += 1
                tally.transactions += 1
                // The one before that is answered by now, or there would be no third.
                forgetEnded()
                ended = transaction
                transaction = FrontTransaction(number: transactionCount, envelope: envelope)
                session.senderDecided(Self.senderAccepted)
            case .recipient(let number, let recipient): ask(number, recipient)
            case .beginMessage: beginMessage()
            case .message(let bytes): pass(bytes)
            case .endMessage: endMessage()
            case .discard: discard()
            case .close:
                // A message that came whole is the stores'; nobody is left to hear of it.
                transaction = nil
                ended = nil
                actions.append(.close)
            }
        }
    }

    private static let senderAccepted = Reply(local: 250, .init(2, 1, 0), "ok")
}
