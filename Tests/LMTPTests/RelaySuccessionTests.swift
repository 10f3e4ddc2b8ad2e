// Transactions that are passed on one after another: which replies are whose, and what goes to another connection.

import Bytes
import LMTP
import MailSyntax
import Testing
import ZRouteTestKit

@Suite struct RelaySuccessionTests {
    @Test func whatEndsUnansweredGoesToAnotherSession() throws {
        var peer = ScriptedPeer()
        peer.script = [.mail: [.close]]
        let first = RelayRun(peer, options: try relayOptions())
        var again = try #require(first.retries.first)
        again.restart()
        #expect(again.attempts == 1)
        var session = ClientSession(options: try relayOptions())
        session.connected()
        session.relay(again)
        var sent: [UInt8] = []
        for reply in ["220 x\n", "250-x\n250 PIPELINING\n"] {
            session.receive(wire(reply).span)
            while let action = session.nextAction(sendingInto: &sent) { _ = action }
        }
        #expect(string(sent).contains("RCPT TO:<a@b>\r\nRCPT TO:<b@b>\r\nRCPT TO:<c@b>\r\n"))
        // What was answered is not asked again.
        peer.script = [.rcpt: [.line("250 ok"), .close]]
        #expect(RelayRun(peer, options: try relayOptions()).retries.isEmpty)
    }

    @Test func aReplyTooManyEndsTheConnectionBeforeTheNextTransaction() throws {
        var session = ClientSession(options: try relayOptions())
        session.connected()
        var heard: [String] = []
        func exchange(_ replies: String) {
            session.receive(wire(replies).span)
            while let action = session.nextAction() {
                switch action {
                case .relayed(.recipient(_, let reply)), .relayed(.final(_, let reply)): heard.append("\(reply.code)")
                case .relayEnded(var transaction, let failure):
                    if let failure { transaction.interrupt(by: failure) }
                    while case .recipient(_, let reply)? = transaction.nextEvent() { heard.append("\(reply.code)") }
                default: break
                }
            }
        }
        func begin() {
            var transaction = RelayTransaction(Envelope(sender: [], recipients: []))
            _ = transaction.add(EnvelopeRecipient(Array("a@b".utf8)))
            session.relay(transaction)
        }
        exchange("220 x\n")
        exchange("250-x\n250 PIPELINING\n")
        begin()
        exchange("")
        exchange("250 2.1.0 sender\n250 2.1.5 recipient\n")
        session.changeRelay {
            $0.beginMessage()
            $0.write(wire("x\n"))
            $0.endMessage()
        }
        exchange("")
        exchange("354 go\n")
        exchange("250 2.6.0 delivered\n")
        begin()
        exchange("")
        // One more than there were recipients, which comes late and looks like the reply to MAIL.
        exchange("250 2.6.0 delivered\n250 2.1.0 sender\n550 5.1.1 none\n")
        #expect(heard == ["250", "250", "451"])
        #expect(session.isClosed)
    }

    /// A server that begins to say something before the end of a message is sent no end, which would make an answer of it.
    @Test(arguments: ["2", "250 2.6.0 delivered\r", "250-2.6.0 x\r\n"], ["0 early\r\n", "\n250 2.6.0 y\r\n"])
    func whatBeginsBeforeTheEndOfAMessageIsNoAnswerToIt(_ beginning: String, _ rest: String) throws {
        var session = ClientSession(options: try relayOptions())
        session.connected()
        var written: [UInt8] = []
        var finals: [Reply] = []
        func exchange(_ replies: String) {
            session.receive(Array(replies.utf8).span)
            while let action = session.nextAction(sendingInto: &written) {
                guard case .relayEnded(var transaction, let failure?) = action else { continue }
                transaction.interrupt(by: failure)
                while let event = transaction.nextEvent() {
                    if case .final(_, let reply) = event { finals.append(reply) }
                }
            }
        }
        exchange("220 x\r\n")
        exchange("250-x\r\n250 PIPELINING\r\n")
        var transaction = RelayTransaction(Envelope(sender: [], recipients: []))
        _ = transaction.add(EnvelopeRecipient(Array("a@b".utf8)))
        transaction.beginMessage()
        session.relay(transaction)
        exchange("")
        // The invitation, and the beginning of what nobody asked for, at once.
        exchange("250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n" + beginning)
        let standing = session.standing()
        #expect(standing.isHeldUp)
        session.changeRelay {
            $0.write(wire("x\n"))
            $0.endMessage()
        }
        exchange("")
        #expect(string(written).hasSuffix("DATA\r\n"))
        exchange(rest)
        // Whatever it was, it is no verdict; one that never ends has the time of a block of a message.
        if !session.isClosed { session.timedOut() }
        exchange("")
        #expect(session.isClosed && string(written).hasSuffix("DATA\r\n"))
        #expect(finals.map(\.code) == [451])
    }

    /// What is said to a message and to the envelope that went along with its end.
    struct Succession: Sendable, CustomTestStringConvertible {
        let replies: [String]
        /// What the recipients of both are told, in the order in which they are: of the message, of RCPT.
        let told: [String]
        let isOpen: Bool

        init(_ replies: String, told: String, isOpen: Bool = false) {
            self.replies = replies.split(separator: "|").map { "\($0)\n" }
            self.told = told.split(separator: " ").map(String.init)
            self.isOpen = isOpen
        }

        var testDescription: String { replies.joined().debugDescription }
    }

    static let successions = [
        Succession("250 2.6.0 taken|250 2.1.0 ok|250 2.1.5 ok|354 go", told: "250 250", isOpen: true),
        Succession("452 4.2.2 full|250 2.1.0 ok|250 2.1.5 ok|354 go", told: "452 250", isOpen: true),
        // The next one is refused: RSET proves the count.
        Succession(
            "250 2.6.0 taken|250 2.1.0 ok|550 5.1.1 no|503 5.5.1 nobody|250 2.0.0 reset", told: "250 550", isOpen: true),
        Succession(
            "250 2.6.0 taken|452 4.3.1 no|503 5.5.1 no|503 5.5.1 no|250 2.0.0 reset", told: "250 452", isOpen: true),
        // It goes before that: what was answered stands, and nothing was of the next one.
        Succession("250 2.6.0 taken", told: "250 451"),
        Succession("250 2.6.0 taken|250 2.1.0 ok|250 2.1.5 ok", told: "250 451"),
        Succession("250 2.6.0 taken|250 2.1.0 ok|550 5.1.1 no|503 5.5.1 nobody", told: "250 451"),
        Succession("421 4.3.2 ending", told: "421 421"),
        // The reply to the message is missing: that of MAIL stands in its place.
        Succession("250 2.1.0 ok|250 2.1.5 ok|354 go", told: "451 451"),
        Succession("550 5.7.1 sender|503 5.5.1 no|503 5.5.1 no", told: "451 451"),
        Succession("550 5.7.1 sender|550 5.5.1 no|550 5.5.1 no", told: "451 451"),
        Succession("250 2.7.0 other|354 go", told: "451 451"),
        Succession("250 2.7.0 other|250 2.1.5 ok|354 go", told: "451 451"),
        // There is one too many: the message has its own.
        Succession("250 2.6.0 taken|250 2.6.0 taken|250 2.1.0 ok|250 2.1.5 ok|354 go", told: "250 451"),
        Succession("354 go|250 2.6.0 taken", told: "451 451"),
    ]

    @Test(arguments: counted("replies to a message and the envelope along with its end", successions), [false, true])
    func noReplyIsTakenForAnotherMessages(_ example: Succession, isByteByByte: Bool) throws {
        var session = ClientSession(options: try relayOptions())
        session.connected()
        var told: [String] = []
        func carryOut() {
            while let action = session.nextAction() {
                switch action {
                case .relayed(.recipient(_, let reply)), .relayed(.final(_, let reply)): told.append("\(reply.code)")
                case .relayEnded(var transaction, let failure?):
                    transaction.interrupt(by: failure)
                    while let event = transaction.nextEvent() {
                        switch event {
                        case .recipient(_, let reply), .final(_, let reply): told.append("\(reply.code)")
                        case .began, .invited: break
                        }
                    }
                default: break
                }
            }
        }
        func exchange(_ replies: String) {
            for piece in isByteByByte ? wire(replies).map({ [$0] }) : [wire(replies)] {
                session.receive(piece.span)
                carryOut()
            }
        }
        func envelope(_ address: String) -> RelayTransaction {
            var transaction = RelayTransaction(Envelope(sender: [], recipients: []))
            _ = transaction.add(EnvelopeRecipient(Array(address.utf8)))
            transaction.beginMessage()
            return transaction
        }
        func end() {
            session.changeRelay {
                $0.write(wire("x\n"))
                $0.endMessage()
            }
        }
        exchange("220 x\n")
        exchange("250-x\n250 PIPELINING\n")
        session.relay(envelope("a@b"))
        carryOut()
        exchange("250 2.1.0 ok\n250 2.1.5 ok\n354 go\n")
        end()
        // What its replies to messages look like is not known yet.
        let isEarly = session.mayRelayNext(envelope("b@b"))
        #expect(!isEarly)
        carryOut()
        exchange("250 2.6.0 taken\n")
        session.relay(envelope("b@b"))
        carryOut()
        exchange("250 2.1.0 ok\n250 2.1.5 ok\n354 go\n")
        end()
        let isSafe = session.mayRelayNext(envelope("c@b"))
        #expect(isSafe)
        session.relayNext(envelope("c@b"))
        carryOut()
        told = []
        for reply in example.replies { exchange(reply) }
        #expect(!session.isClosed || !example.isOpen)
        if !example.isOpen {
            session.connectionClosed("closed")
            carryOut()
        }
        #expect(told == example.told)
    }
}
