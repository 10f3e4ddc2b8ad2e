// A transaction that is passed on while it comes: a store that says anything at any moment, and a client that wishes at any moment what
// it may wish.

import LMTP
import MailSyntax

/// Plays an input.
///
/// The first byte chooses the settings. Of the others those below `ServerWords.first` are what the client wishes and what
/// befalls the connection, the next sixteen whole replies, and all else is what the store says byte by byte.
func fuzzRelay(_ bytes: [UInt8]) {
    guard let settings = bytes.first, var run = RelayRun(settings) else { return }
    for byte in bytes.dropFirst() { run.take(byte) }
    run.finish()
}

/// A run over an input, with what must always hold checked at each event.
private struct RelayRun {
    /// What a recipient was told.
    private struct Told {
        let address: [UInt8]
        var answer: Reply?, final: Reply?
    }

    private let options: ClientOptions
    private var session: ClientSession
    private var ledger: ReplyLedger
    private var inbox: [UInt8] = []
    /// Whether what the store says waits until this is over.
    private var isHeld = false
    private var recipients: [Told] = []
    private var count = 0
    private var isUnderWay = false
    private var isBegun = false, isInvited = false, isEnded = false, isAbandoned = false
    private var written = 0
    /// How many messages were whole when the transaction was given up; nil where it was not, or was whole before.
    private var wholeWhenAbandoned: Int?
    /// A transaction whose session ended before anything of it was answered.
    private var retry: RelayTransaction?

    init?(_ settings: UInt8) {
        let dialect = settings & 1 == 0 ? Dialect.lmtp : .smtp
        guard var options = try? ClientOptions(dialect: dialect, helloName: Array("fuzz".utf8)) else { return nil }
        options.usesPipelining = settings & 2 == 0
        options.forcesEightBit = settings & 4 != 0
        self.options = options
        session = ClientSession(options: options)
        ledger = ReplyLedger(isLMTP: dialect == .lmtp)
        session.connected()
        begin()
    }

    // MARK: The input

    mutating func take(_ byte: UInt8) {
        switch byte {
        case 0x00:
            if isUnderWay, !isBegun, recipients.count < 8 {
                let recipient = nextRecipient()
                change { _ = $0.add(recipient) }
            }
        case 0x01:
            if isUnderWay, !isBegun {
                isBegun = true
                change { $0.beginMessage() }
            }
        case 0x02:
            // Whoever reads the message reads no more of it before it is invited.
            if isInvited, !isEnded, !isAbandoned {
                let piece = Array("a line\r\n..\r\n".utf8)
                written += piece.count
                change { $0.write(piece) }
            }
        case 0x03:
            if isUnderWay, isBegun, !isEnded {
                isEnded = true
                change { $0.endMessage() }
            }
        case 0x04:
            if isUnderWay, !isAbandoned {
                isAbandoned = true
                // Whether its end has left is known only once everything is sent.
                pump()
                if !isEnded { wholeWhenAbandoned = ledger.messageCount }
                change { $0.abandon() }
            }
        case 0x05: event { $0.timedOut() }
        case 0x06: event { $0.connectionClosed("closed") }
        case 0x07: begin()
        case 0x08: event { $0.quit() }
        case 0x0B: flood(ServerWords.endlessLine)
        case 0x0C: flood(ServerWords.endlessReply)
        case 0x0E:
            isHeld.toggle()
            hear()
        default:
            inbox += ServerWords.text(byte) ?? [byte]
            if !isHeld, byte == 0x0A || ServerWords.text(byte) != nil { hear() }
        }
    }

    mutating func finish() {
        isHeld = false
        hear()
        event { $0.timedOut() }
        if isUnderWay {
            isAbandoned = true
            if !isEnded { wholeWhenAbandoned = ledger.messageCount }
            change { $0.abandon() }
        }
        event { $0.timedOut() }
        event { $0.connectionClosed("closed") }
        precondition(!isUnderWay && session.isClosed, "a transaction outlives its connection")
    }

    private mutating func begin() {
        guard !isUnderWay else { return }
        if session.isEnding || !session.isIdle {
            // Another connection.
            event { $0.connectionClosed("closed") }
            session = ClientSession(options: options)
            ledger = ReplyLedger(isLMTP: options.dialect == .lmtp)
            inbox = []
            session.connected()
        }
        isUnderWay = true
        isInvited = false
        if let again = retry.take() {
            session.relay(again)
        } else {
            (isBegun, isEnded, isAbandoned, written, wholeWhenAbandoned) = (false, false, false, 0, nil)
            recipients = []
            var transaction = RelayTransaction(Envelope(sender: Array("s@x".utf8), recipients: []))
            _ = transaction.add(nextRecipient())
            session.relay(transaction)
        }
        pump()
    }

    /// A recipient whom no other transaction has.
    private mutating func nextRecipient() -> EnvelopeRecipient {
        count += 1
        let address = Array("r\(count)@x".utf8)
        recipients.append(Told(address: address))
        return EnvelopeRecipient(address)
    }

    // MARK: The session

    private mutating func change(_ body: (inout RelayTransaction) -> Void) {
        session.changeRelay(body)
        pump()
    }

    private mutating func event(_ body: (inout ClientSession) -> Void) {
        body(&session)
        pump()
    }

    private mutating func hear() {
        guard !isHeld, !inbox.isEmpty, !session.isClosed else { return }
        let bytes = inbox
        inbox = []
        ledger.said(bytes)
        event { $0.receive(bytes.span) }
    }

    private mutating func flood(_ bytes: [UInt8]) {
        isHeld = false
        inbox += bytes
        hear()
        precondition(session.isClosed, "a reply without end is kept")
    }

    private mutating func pump() {
        while let action = session.nextAction() {
            switch action {
            case .send(let bytes): ledger.sent(bytes)
            case .relayed(let event): tell(event)
            case .relayEnded(let transaction, let failure): end(transaction, failure)
            case .close: break
            case .sendBody, .startTLS, .finished: preconditionFailure("\(action) was never asked for")
            }
        }
    }

    private mutating func tell(_ event: RelayTransaction.Event) {
        precondition(isUnderWay, "something is told after the end")
        switch event {
        case .began: break
        case .recipient(let index, let reply):
            precondition(recipients[index].answer == nil, "a recipient has two replies")
            recipients[index].answer = reply
            if reply.severity == .success {
                precondition(ledger.everAccepted.contains(recipients[index].address), "nobody accepted it")
            }
        case .invited:
            precondition(isBegun && !isInvited, "a message is invited that was not announced")
            precondition(recipients.allSatisfy { $0.answer != nil }, "a message is invited before all are answered")
            isInvited = true
        case .final(let index, let reply):
            let told = recipients[index]
            precondition(told.answer?.severity == .success, "a message for a recipient who was not accepted")
            precondition(told.final == nil, "a recipient has two final replies")
            recipients[index].final = reply
            if reply.severity == .success {
                precondition(ledger.delivered.contains(told.address), "nobody took the message")
                precondition(ledger.messageOctets == written, "a message of another length was taken")
            }
            if reply.severity == .permanentFailure, !reply.isLocal {
                precondition(ledger.failed.contains(told.address), "nobody refused the message")
            }
        }
    }

    private mutating func end(_ transaction: RelayTransaction, _ failure: ClientFailure?) {
        precondition(isUnderWay, "it ends twice")
        if failure != nil, transaction.canBeRetried, !isAbandoned, transaction.attempts < 2 {
            precondition(
                recipients.allSatisfy { $0.answer?.severity != .success }, "what was answered is to be asked again")
            var again = transaction
            again.restart()
            retry = again
            isUnderWay = false
            return
        }
        if let failure {
            var transaction = transaction
            transaction.interrupt(by: failure)
            while let event = transaction.nextEvent() { tell(event) }
        }
        isUnderWay = false
        if let wholeWhenAbandoned {
            precondition(ledger.messageCount == wholeWhenAbandoned, "a message that was given up was sent whole")
        }
        guard failure != nil || !isAbandoned else { return }
        for told in recipients {
            precondition(told.answer != nil, "a recipient has no reply")
            precondition(told.answer?.severity != .success || told.final != nil, "a recipient has no final reply")
        }
    }
}
