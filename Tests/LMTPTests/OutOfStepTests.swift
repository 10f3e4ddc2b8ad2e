// What a broken count of replies does: missing, surplus, early and late ones, and lost connections.

import LMTP
import Testing

private let dialects: [Dialect] = [.lmtp, .smtp]

@Suite struct OutOfStepTests {
    @Test func aMAILRefusalWithAnAcceptedRecipientAndA354NeverSendsAMessage() throws {
        var peer = ScriptedPeer()
        peer.acceptsWithoutMail = true
        peer.script = [.mail: [.line("550 no")], .rcpt: [.line("250 ok")], .data: [.line("354 go")]]
        // The 354 is in its place, so no reply is missing: MAIL was refused. An end of data would now deliver an empty
        // message, QUIT would be a line of it.
        let result = converse(try options(), peer, [envelope("a", "b"), envelope("c")])
        #expect(result.outcomes() == [.failed, .failed])
        #expect(result.outcomes(1) == [.deferred])
        #expect(result.peer.messages.isEmpty)
        #expect(result.peer.commands.last == "DATA")
        #expect(result.closings.first.map { $0 != nil } == true)
    }

    @Test(arguments: ["250 a", "550 b", "450 c"])
    func anAcceptedRecipientAfterAMAILRefusalAndNo354IsNoVerdict(_ reply: String) throws {
        var peer = ScriptedPeer()
        peer.acceptsWithoutMail = true
        peer.script = [.mail: [.line("550 no")], .rcpt: [.line("250 ok")], .data: [.line(reply)]]
        let result = converse(try options(), peer, [envelope("a")])
        #expect(result.outcomes() == [.deferred])
        #expect(result.peer.messages.isEmpty)
    }

    @Test(arguments: [
        (0, [RecipientReport.Outcome.deferred, .deferred, .deferred]), (1, [.failed, .deferred, .deferred]),
        (2, [.failed, .delivered, .deferred]),
    ])
    func fewerFinalsThanRecipientsDeferTheRest(_ count: Int, _ expected: [RecipientReport.Outcome]) throws {
        for (queued, end) in [
            (0, Answer.stall()), (1, .stall()), (0, .close), (1, .close), (0, .line("421 4.3.0 bye")),
        ] {
            var peer = ScriptedPeer()
            peer.script[.final] = [.line("552 5.2.3 too large"), .line("250 ok")].prefix(count) + [end]
            let all = [envelope("a", "b", "c")] + (0..<queued).map { envelope("q\($0)") }
            let result = converse(try options(), peer, all)
            #expect(result.outcomes(0) == expected)
            for number in 0..<queued {
                #expect(result.outcomes(number + 1) == [.deferred])
                #expect(result.reports.last?.wasAttempted == false)
            }
        }
    }

    @Test(arguments: dialects)
    func aSingleFinalThatNeverComesIsNotReplacedByTheNextEnvelopesReplies(_ dialect: Dialect) throws {
        var peer = ScriptedPeer(dialect: dialect)
        peer.finalCount = 0
        peer.finalCountIsForFirstMessage = true
        let result = converse(try options(dialect), peer, [envelope("a"), envelope("b"), envelope("c")])
        #expect(result.outcomes(0) == [.deferred])
        #expect(result.reports[0].wasAttempted)
        #expect(result.outcomes(1) == [.deferred])
        #expect(result.outcomes(2) == [.deferred])
        #expect(result.closings.first.map { $0 != nil } == true)
    }

    @Test(arguments: dialects, [Answer.close, .stall(), .line("450 4.3.0 not now"), .line("250 2.1.5 ok")])
    func whatLooksLikeTheReplyToTheNextMAILIsNoFinalReply(_ dialect: Dialect, _ next: Answer) throws {
        var peer = ScriptedPeer(dialect: dialect)
        peer.script[.mail] = [.line("250 2.1.0 ok")]
        peer.script[.rcpt] = [.line("250 2.1.5 ok"), .line("250 2.1.5 ok"), next]
        peer.script[.final] = [.line("250 2.0.0 stored"), .silence]
        let result = converse(try options(dialect), peer, [envelope("a"), envelope("b"), envelope("c")])
        #expect(result.outcomes(0) == [.delivered])
        #expect(result.outcomes(1) == [.deferred])
        #expect(result.outcomes(2) == [.deferred])
        #expect(result.peer.messages.count == 2)
    }

    @Test(arguments: dialects)
    func nothingIsSentAheadToAServerWhoseFinalRepliesLookLikeThoseToMAIL(_ dialect: Dialect) throws {
        var peer = ScriptedPeer(dialect: dialect)
        peer.script[.mail] = [.line("250 2.0.0 Ok")]
        peer.script[.final] = [.line("250 2.0.0 Ok")]
        let result = converse(try options(dialect), peer, (0..<5).map { envelope("u\($0)") })
        #expect((0..<5).allSatisfy { result.outcomes($0) == [.delivered] })
        #expect(result.writes.allSatisfy { !string($0).contains(".\r\nMAIL") })
    }

    @Test(arguments: dialects, [0, 1])
    func afterAFinalTooManyTheConnectionIsNotUsedAgain(_ dialect: Dialect, _ queued: Int) throws {
        for surplus in ["250 ok", "450 later", "550 no"] {
            var peer = ScriptedPeer(dialect: dialect)
            peer.finalCount = 2
            peer.script[.final] = [.line("250 ok"), .line(surplus)]
            let all = [envelope("a")] + (0..<queued).map { envelope("q\($0)", "r\($0)") }
            let result = converse(try options(dialect), peer, all, quits: false)
            #expect(result.outcomes(0) == [.delivered], "\(surplus)")
            if queued > 0 { #expect(result.outcomes(1) == [.deferred, .deferred], "\(surplus)") }
            #expect(result.closings.count == 1)
            #expect(result.closings.first.map { $0 != nil } == true)
        }
    }

    @Test func verdictsShiftedByASurplusReplyReachNoOtherTransaction() throws {
        for rcpt in [["550 no", "250 ok"], ["250 ok", "550 no"], ["550 no", "550 no"]] {
            var peer = ScriptedPeer()
            peer.finalCount = 2
            peer.script[.rcpt] = [.line("250 ok")] + rcpt.map { .line($0) }
            peer.script[.final] = [.line("250 ok"), .line("250 ok")]
            let result = converse(try options(), peer, [envelope("a"), envelope("b", "c")])
            #expect(result.outcomes(0) == [.delivered])
            #expect(!result.outcomes(1).contains(.delivered))
            #expect(result.outcomes(1) == [.deferred, .deferred], "\(rcpt)")
        }
    }

    @Test func aTransactionRefusedBehindAGoodOneIsDecidedWhenRSETProvesTheCount() throws {
        var peer = ScriptedPeer()
        peer.script[.rcpt] = [.line("250 ok"), .line("550 5.1.1 no"), .line("250 ok")]
        let result = converse(try options(), peer, [envelope("a"), envelope("b"), envelope("c")])
        #expect((0..<3).map { result.outcomes($0) } == [[.delivered], [.failed], [.delivered]])
        #expect(result.reports.map(\.id.rawValue) == [0, 1, 2])
        #expect(result.closings == [nil])
    }

    @Test(arguments: [Answer.close, .stall()])
    func aLostConnectionAfterAFinalThatWasReadDoesNotTakeItBack(_ end: Answer) throws {
        var peer = ScriptedPeer()
        peer.script[.mail] = [.line("250 ok"), end]
        let result = converse(try options(), peer, [envelope("a"), envelope("b")])
        #expect(result.outcomes(0) == [.delivered])
        #expect(result.outcomes(1) == [.deferred])
        #expect(result.reports[1].wasAttempted == false)
    }

    @Test(arguments: [Step.mail, .rcpt, .data])
    func aReplyThatIsMissingFromAPipelinedEnvelopeMakesNoVerdict(_ step: Step) throws {
        for refused in [[true, true], [true, false], [false, true], [false, false]] {
            var peer = ScriptedPeer()
            peer.script[.rcpt] = refused.map { .line($0 ? "550 5.1.1 no" : "250 ok") }
            if step == .rcpt { peer.script[.rcpt]?[0] = .silence } else { peer.script[step] = [.silence] }
            if step == .mail { peer.script[.rcpt] = nil }
            let result = converse(try options(), peer, [envelope("a", "b")])
            // Without the reply to DATA those to RCPT are still the recipients' own.
            let stands = step == .data
            #expect(result.outcomes() == refused.map { stands && $0 ? .failed : .deferred }, "\(refused)")
            #expect(result.peer.messages.isEmpty)
        }
    }

    @Test func aReplyThatComesBeforeItsCommandWasSentIsAProtocolError() throws {
        let steps = ["220 x", "250-x\r\n250 PIPELINING", "250 x\r\n250 x\r\n354 x"]
        for count in 1...3 {
            var session = ClientSession(options: try options())
            _ = session.enqueue(envelope("a"))
            for step in steps.prefix(count).dropLast() { session.hear(step) }
            // The last reply and one that nothing has asked for, in one read.
            session.receive(Array("\(steps[count - 1])\r\n250 x\r\n".utf8).span)
            #expect(session.isClosed, "\(count)")
            guard case .finished(let report)? = session.nextAction() else { throw Unexpected() }
            #expect(report.recipients.map(\.outcome) == [.deferred])
        }
    }

    @Test(arguments: [Step.mail, .rcpt], [true, false])
    func theReply503ToAnAddressIsAboutTheSession(_ step: Step, _ isPipelined: Bool) throws {
        var peer = ScriptedPeer()
        if !isPipelined { peer.keywords = [] }
        peer.script[step] = [.line("503 5.5.1 authenticate first")]
        let result = converse(try options(), peer, [envelope("a", "b")])
        #expect(result.outcomes() == [.deferred, .deferred])
    }

    @Test func aMissingFinalInFrontOfARefusedEnvelopeIsNotTakenFromItsReplies() throws {
        var peer = ScriptedPeer()
        peer.finalCount = 0
        peer.script[.rcpt] = [.line("250 ok"), .line("550 5.1.1 no")]
        let result = converse(try options(), peer, [envelope("a"), envelope("b")])
        #expect(result.outcomes(0) == [.deferred])
        #expect(result.outcomes(1) == [.deferred])
    }

    @Test(arguments: ["250 ok", "552 5.2.3 big", "421 bye", "x"])
    func aReplyBeforeTheMessageHasEndedIsNoVerdict(_ early: String) throws {
        var session = ClientSession(options: try options())
        session.hear("220 x", "250-x\r\n250 PIPELINING")
        _ = session.enqueue(envelope("a"))
        session.drainSends()
        session.receive(Array("250 x\r\n250 x\r\n354 x\r\n".utf8).span)
        while case .send? = session.nextAction() {}
        #expect(session.waitingFor == .body)
        session.receive(Array("\(early)\r\n".utf8).span)
        session.bodyWritten(octets: 3)
        guard case .finished(let report)? = session.nextAction() else { throw Unexpected() }
        #expect(report.recipients.map(\.outcome) == [.deferred])
        guard case .close(.some)? = session.nextAction() else { throw Unexpected() }
        #expect(session.nextAction().map(\.description) == nil)
    }
}
