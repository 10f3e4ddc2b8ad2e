// Transactions: what is sent when, how finals are matched to recipients, and how they end.

import LMTP
import Testing

private let dialects: [Dialect] = [.lmtp, .smtp]

@Suite struct TransactionTests {
    @Test(arguments: [0, 1], [true, false])
    func sixRecipientsOfWhichRCPTRefusesTwoAndTheFinalsTwoMore(_ split: Int, _ isPipelined: Bool) throws {
        var peer = ScriptedPeer()
        if !isPipelined { peer.keywords = [] }
        peer.script = [
            .rcpt: ["250 a", "250 b", "250 c", "450 d", "550 e", "250 f"].map { .line($0) },
            .final: ["250 a", "450 b", "550 c", "250 f"].map { .line($0) },
        ]
        let result = converse(try options(), peer, [envelope("a", "b", "c", "d", "e", "f")], split: split)
        #expect(result.outcomes() == [.delivered, .deferred, .failed, .deferred, .failed, .delivered])
        let report = try #require(result.reports.first)
        #expect(
            report.recipients.map { string($0.reply.bytes) } == ["250 a", "450 b", "550 c", "450 d", "550 e", "250 f"])
        #expect(report.recipients.map(\.subject) == [.message, .message, .message, .recipient, .recipient, .message])
        #expect(result.closings == [nil])
    }

    @Test func theSameRecipientTwiceHasTwoFinalsByOrder() throws {
        var peer = ScriptedPeer()
        peer.script[.final] = [.line("250 2.0.0 <a> saved"), .line("552 5.2.2 <a> quota")]
        let result = converse(try options(), peer, [envelope("a", "a")])
        #expect(result.outcomes() == [.delivered, .failed])
    }

    @Test func aPipelinedEnvelopeIsOneWriteAlongWithTheEndBeforeIt() throws {
        let envelopes = (0..<10).map { envelope("u\($0)") }
        let result = converse(try options(), ScriptedPeer(), envelopes, body: Array("hi\n".utf8))
        #expect(result.reports.map(\.id.rawValue) == Array(0..<10))
        #expect((0..<10).allSatisfy { result.outcomes($0) == [.delivered] })
        // LHLO, the first envelope and message, the second envelope, then one write a message, and QUIT.
        #expect(result.writes.count == 14)
        #expect(string(result.writes[1]) == "MAIL FROM:<s@example.org>\r\nRCPT TO:<u0>\r\nDATA\r\n")
        #expect(string(result.writes[2]) == "hi\r\n.\r\n")
        #expect(string(result.writes[4]) == "hi\r\n.\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<u2>\r\nDATA\r\n")
        #expect(string(result.writes[12]) == "hi\r\n.\r\n")
        #expect(result.peer.messages.count == 10)
        #expect(result.reads == 15)
    }

    @Test func anEnvelopeQueuedWhileAFinalReplyIsAwaitedIsSentAtOnce() throws {
        var session = ClientSession(options: try options())
        session.connected()
        session.hear("220 x", "250-x\r\n250 PIPELINING")
        // The first message shows how the server words its final replies.
        for final in ["250 stored\r\n", ""] {
            _ = session.enqueue(envelope("a"))
            _ = session.nextAction()
            session.receive(Array("250 x\r\n250 x\r\n354 x\r\n".utf8).span)
            while case .send? = session.nextAction() {}
            session.bodyWritten(octets: 3)
            guard case .send(let end)? = session.nextAction() else { throw Unexpected() }
            #expect(string(end) == ".\r\n")
            session.receive(Array(final.utf8).span)
            if !final.isEmpty { while session.nextAction() != nil {} }
        }
        _ = session.enqueue(envelope("b"))
        guard case .send(let next)? = session.nextAction() else { throw Unexpected() }
        #expect(string(next).hasSuffix("RCPT TO:<b>\r\nDATA\r\n"))
        #expect(session.waitingFor == .final)
    }

    @Test func notPipelinedOneCommandAWrite() throws {
        var peer = ScriptedPeer()
        peer.keywords = []
        let result = converse(try options(), peer, [envelope("a", "b"), envelope("c")])
        let sent = result.writes.map { string($0) }
        let mail = "MAIL FROM:<s@example.org>\r\n"
        #expect(
            sent == [
                "LHLO client.example\r\n", mail, "RCPT TO:<a>\r\n", "RCPT TO:<b>\r\n", "DATA\r\n", "x\r\n.\r\n", mail,
                "RCPT TO:<c>\r\n", "DATA\r\n", "x\r\n.\r\n", "QUIT\r\n",
            ])
    }

    @Test func pipeliningCanBeSwitchedOff() throws {
        let result = converse(try options { $0.usesPipelining = false }, ScriptedPeer(), [envelope("a")])
        #expect(result.writes.count == 6)
    }

    @Test(arguments: dialects, [true, false])
    func rsetAfterATransactionWithoutAMessageAndTheNextOneGoesOn(_ dialect: Dialect, _ isPipelined: Bool) throws {
        var peer = ScriptedPeer(dialect: dialect)
        if !isPipelined { peer.keywords = [] }
        peer.script[.rcpt] = [.line("550 5.1.1 no"), .line("250 ok")]
        let result = converse(try options(dialect), peer, [envelope("a"), envelope("b")])
        #expect(result.outcomes(0) == [.failed])
        #expect(result.outcomes(1) == [.delivered])
        #expect(result.peer.commands.filter { $0 == "RSET" }.count == 1)
        #expect(result.peer.commands.filter { $0 == "DATA" }.count == (isPipelined ? 2 : 1))
        #expect(result.peer.messages.count == 1)
    }

    @Test(arguments: [true, false])
    func noRSETAfterMAILWasRefused(_ isPipelined: Bool) throws {
        var peer = ScriptedPeer()
        if !isPipelined { peer.keywords = [] }
        peer.script[.mail] = [.line("552 5.2.3 too large"), .line("250 ok")]
        let result = converse(try options(), peer, [envelope("a", "b"), envelope("c")])
        #expect(result.outcomes(0) == [.failed, .failed])
        #expect(result.reports[0].recipients.allSatisfy { $0.subject == .mail && $0.reply.code == 552 })
        #expect(result.outcomes(1) == [.delivered])
        #expect(!result.peer.commands.contains("RSET"))
    }

    @Test(arguments: dialects)
    func anEmptyMessageEndsAGoAheadForNobody(_ dialect: Dialect) throws {
        var peer = ScriptedPeer(dialect: dialect)
        peer.script[.rcpt] = [.line("550 5.1.1 no"), .line("550 5.1.1 no"), .line("250 ok")]
        peer.script[.data] = [.line("354 go")]
        peer.script[.final] = [.line("554 5.5.1 nobody"), .line("250 ok")]
        let result = converse(try options(dialect), peer, [envelope("a", "b"), envelope("c")])
        #expect(result.outcomes(0) == [.failed, .failed])
        #expect(result.peer.messages.first == [])
        // Over SMTP one reply is due and the session goes on; over LMTP nobody knows how many.
        #expect(result.outcomes(1) == (dialect == .smtp ? [.delivered] : [.deferred]))
        #expect(result.peer.commands.last == "QUIT")
        if dialect == .lmtp { #expect(result.reports.last?.wasAttempted == false) }
    }

    @Test(arguments: [UInt64(20_000), 20_001])
    func mailGoesAloneWhereTheMessageIsLongerThanThePeerAnnounced(_ octets: UInt64) throws {
        var peer = ScriptedPeer()
        peer.keywords = ["PIPELINING", "SIZE 20000"]
        let isTooLong = octets > 20_000
        if isTooLong { peer.script[.mail] = [.line("552 5.2.3 too long"), .line("250 ok")] }
        var long = envelope("a", "b")
        long.length = .estimate(octets)
        let result = converse(try options(), peer, [long, envelope("c")])
        #expect(result.outcomes() == (isTooLong ? [.failed, .failed] : [.delivered, .delivered]))
        #expect(result.outcomes(1) == [.delivered])
        #expect(result.peer.commands.filter { $0.hasPrefix("RCPT") }.count == (isTooLong ? 1 : 3))
        #expect(result.peer.commands.contains("MAIL FROM:<s@example.org> SIZE=\(octets)"))
    }

    @Test func aMessageThatCannotBeReadOnEndsTheSession() throws {
        var session = ClientSession(options: try options())
        session.hear("220 x", "250-x\r\n250 PIPELINING")
        _ = session.enqueue(envelope("a"))
        session.drainSends()
        session.receive(Array("250 x\r\n250 x\r\n354 x\r\n".utf8).span)
        session.bodyFailed("input/output error")
        guard case .finished(let report)? = session.nextAction() else { throw Unexpected() }
        #expect(report.recipients.map(\.outcome) == [.deferred])
        #expect(report.recipients[0].reply.description.contains("input/output error"))
        guard case .close(.messageUnreadable)? = session.nextAction() else { throw Unexpected() }
    }

    @Test func afterTheEndNothingCanBeBegunAndItIsSaidSo() throws {
        var session = ClientSession(options: try options())
        session.connectionFailed("connection refused")
        #expect(session.isClosed)
        guard case .close(.connectionFailed)? = session.nextAction() else { throw Unexpected() }
        _ = session.enqueue(envelope("a"))
        guard case .finished(let report)? = session.nextAction() else { throw Unexpected() }
        #expect(report.recipients.map(\.outcome) == [.deferred])
        #expect(report.recipients[0].reply.isLocal)
        #expect(!report.wasAttempted)
        #expect(report.exchanges(recipient: 0).isEmpty)
        #expect(session.waitingFor == nil)
    }

    @Test(arguments: ["250 what", "421 4.4.1 idle", "junk"])
    func aReplyBetweenTransactionsEndsTheSession(_ text: String) throws {
        var session = ClientSession(options: try options())
        session.hear("220 x", "250 x")
        #expect(session.isIdle)
        session.receive(Array("\(text)\r\n".utf8).span)
        guard case .close(.some)? = session.nextAction() else { throw Unexpected() }
    }
}

struct Unexpected: Error {}
