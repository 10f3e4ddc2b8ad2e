// One transaction that is passed on to a scripted server, to its end.

import Bytes
import LMTP
import MailSyntax
import Testing
import ZRouteTestKit

/// What came of a transaction that was passed on.
struct RelayRun {
    var peer: ScriptedPeer
    /// The replies to RCPT and to the message, by the index of the recipient, in the order in which they were told.
    var answers: [Int: [Reply]] = [:], finals: [Int: [Reply]] = [:]
    var endings: [ClientFailure?] = []
    var writes: [[UInt8]] = []
    var isClosed = false
    var isIdle = false
    var retries: [RelayTransaction] = []
    /// How many recipients there were before it ended.
    private(set) var askedCount = 0

    /// How far the client comes before it is gone.
    enum Extent: Int, CaseIterable, Sendable {
        case nothing, recipients, beginning, piece, whole
    }

    static let addresses = ["a@b", "b@b", "c@b"]

    init(
        _ peer: ScriptedPeer, options: ClientOptions, extent: Extent = .whole, oneByOne: Bool = false,
        invitesAlong: Bool = false, body: [UInt8] = wire("Subject: x\n\nhello\n..two\n")
    ) {
        self.peer = peer
        var session = ClientSession(options: options)
        self.peer.greet()
        session.connected()
        var transaction = RelayTransaction(Envelope(sender: Array("s@x".utf8), recipients: []))
        var left = Self.addresses[...]
        if let first = left.popFirst() { _ = transaction.add(EnvelopeRecipient(Array(first.utf8))) }
        if !oneByOne { while let next = left.popFirst() { _ = transaction.add(EnvelopeRecipient(Array(next.utf8))) } }
        // What is wished for before its session takes it is as what comes together.
        if invitesAlong, !oneByOne, extent.rawValue >= Extent.beginning.rawValue { transaction.beginMessage() }
        session.relay(transaction)
        converse(&session)
        while endings.isEmpty, let next = left.popFirst() {
            session.changeRelay { _ = $0.add(EnvelopeRecipient(Array(next.utf8))) }
            converse(&session)
        }
        askedCount = Self.addresses.count - left.count
        let steps: [(Extent, (inout RelayTransaction) -> Void)] = [
            (.beginning, { $0.beginMessage() }),
            (.piece, { $0.write(Array(body.prefix(7))) }),
            (.whole, { $0.write(Array(body.dropFirst(7))) }),
            (.whole, { $0.endMessage() }),
        ]
        for (place, step) in steps where place.rawValue <= extent.rawValue {
            session.changeRelay(step)
            converse(&session)
        }
        if extent != .whole { session.changeRelay { $0.abandon() } }
        converse(&session)
        if session.waitingFor != nil { session.timedOut() }
        converse(&session)
        isClosed = session.isClosed
        isIdle = session.isIdle
    }

    private mutating func converse(_ session: inout ClientSession) {
        for _ in 0..<1000 {
            var write: [UInt8] = []
            while let action = session.nextAction() {
                switch action {
                case .send(let bytes): write += bytes
                case .relayed(.recipient(let index, let reply)): answers[index, default: []].append(reply)
                case .relayed(.final(let index, let reply)): finals[index, default: []].append(reply)
                case .relayed(.began), .relayed(.invited): break
                case .relayEnded(let transaction, let failure):
                    endings.append(failure)
                    if let failure { interrupt(transaction, failure) }
                case .close: isClosed = true
                case .sendBody, .startTLS, .finished: Issue.record("\(action) was never asked for")
                }
            }
            if !write.isEmpty {
                writes.append(write)
                peer.receive(write)
            }
            let inbox = peer.takeOutbox()
            if !inbox.isEmpty {
                session.receive(inbox.span)
            } else if peer.isClosed, !session.isClosed {
                session.connectionClosed("closed")
            } else if write.isEmpty {
                return
            }
        }
        Issue.record("the conversation has no end")
    }

    private mutating func interrupt(_ transaction: RelayTransaction, _ failure: ClientFailure) {
        if transaction.canBeRetried { retries.append(transaction) }
        var transaction = transaction
        transaction.interrupt(by: failure)
        while let event = transaction.nextEvent() {
            switch event {
            case .recipient(let index, let reply): answers[index, default: []].append(reply)
            case .final(let index, let reply): finals[index, default: []].append(reply)
            case .began, .invited: break
            }
        }
    }
}

/// Options of a client that passes transactions on.
func relayOptions(_ dialect: Dialect = .lmtp, pipelining: Bool = true) throws -> ClientOptions {
    var options = try ClientOptions(dialect: dialect, helloName: Array("relay".utf8))
    options.usesPipelining = pipelining
    return options
}
