// Transactions: what is sent when, how finals are matched to recipients, and what a broken count of replies does.

import LMTP
import Testing

private let dialects: [ClientOptions.Dialect] = [.lmtp, .smtp]

struct TransactionTests {
    @Test("six recipients, of which RCPT refuses two and the finals two more", arguments: [0, 1], [true, false])
    func mixed(_ split: Int, _ isPipelined: Bool) throws {
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

    @Test("the same recipient twice has two finals, by order")
    func twice() throws {
        var peer = ScriptedPeer()
        peer.script[.final] = [.line("250 2.0.0 <a> saved"), .line("552 5.2.2 <a> quota")]
        let result = converse(try options(), peer, [envelope("a", "a")])
        #expect(result.outcomes() == [.delivered, .failed])
    }

    @Test("pipelined: the envelope is one write, the end of a message takes the next envelope along")
    func writes() throws {
        let envelopes = (0..<10).map { envelope("u\($0)") }
        let result = converse(try options(), ScriptedPeer(), envelopes, body: Array("hi\n".utf8))
        #expect(result.reports.map(\.id.rawValue) == Array(0..<10))
        #expect((0..<10).allSatisfy { result.outcomes($0) == [.delivered] })
        // LHLO, the first envelope, then one write a message, and QUIT.
        #expect(result.writes.count == 13)
        #expect(string(result.writes[1]) == "MAIL FROM:<s@example.org>\r\nRCPT TO:<u0>\r\nDATA\r\n")
        #expect(string(result.writes[2]) == "hi\r\n.\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<u1>\r\nDATA\r\n")
        #expect(string(result.writes[11]) == "hi\r\n.\r\n")
        #expect(result.peer.messages.count == 10)
        #expect(result.reads == 14)
    }

    @Test("an envelope queued while a final reply is awaited is sent at once")
    func queuedLate() throws {
        var session = ClientSession(options: try options())
        session.connected()
        session.hear("220 x", "250-x\r\n250 PIPELINING")
        _ = session.enqueue(envelope("a"))
        _ = session.nextAction()
        session.receive(Array("250 x\r\n250 x\r\n354 x\r\n".utf8).span)
        _ = session.nextAction()
        session.bodyWritten(octets: 3)
        guard case .send(let end)? = session.nextAction() else { throw Unexpected() }
        #expect(string(end) == ".\r\n")
        _ = session.enqueue(envelope("b"))
        guard case .send(let next)? = session.nextAction() else { throw Unexpected() }
        #expect(string(next).hasSuffix("RCPT TO:<b>\r\nDATA\r\n"))
        #expect(session.waitingFor == .final)
    }

    @Test("not pipelined: one command a write")
    func stepByStep() throws {
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

    @Test("pipelining can be switched off")
    func withoutPipelining() throws {
        let result = converse(try options { $0.usesPipelining = false }, ScriptedPeer(), [envelope("a")])
        #expect(result.writes.count == 6)
    }

    @Test("RSET after a transaction without a message, and the next one goes on", arguments: dialects, [true, false])
    func resets(_ dialect: ClientOptions.Dialect, _ isPipelined: Bool) throws {
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

    @Test("no RSET after MAIL was refused", arguments: [true, false])
    func noReset(_ isPipelined: Bool) throws {
        var peer = ScriptedPeer()
        if !isPipelined { peer.keywords = [] }
        peer.script[.mail] = [.line("552 5.2.3 too large"), .line("250 ok")]
        let result = converse(try options(), peer, [envelope("a", "b"), envelope("c")])
        #expect(result.outcomes(0) == [.failed, .failed])
        #expect(result.reports[0].recipients.allSatisfy { $0.subject == .mail && $0.reply.code == 552 })
        #expect(result.outcomes(1) == [.delivered])
        #expect(!result.peer.commands.contains("RSET"))
    }

    @Test("354 though no recipient was accepted: an empty message ends it", arguments: dialects)
    func lonelyGoAhead(_ dialect: ClientOptions.Dialect) throws {
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

    @Test("a MAIL refusal with an accepted recipient and a 354 never sends a message")
    func acceptedAfterRefusedMail() throws {
        var peer = ScriptedPeer()
        peer.acceptsWithoutMail = true
        peer.script = [.mail: [.line("550 no")], .rcpt: [.line("250 ok")], .data: [.line("354 go")]]
        let result = converse(try options(), peer, [envelope("a")])
        #expect(result.outcomes() == [.deferred])
        #expect(result.peer.messages.isEmpty)
        #expect(result.closings.first.map { $0 != nil } == true)
    }

    @Test(
        "fewer finals than recipients: what came stands, the rest is deferred",
        arguments: [
            (0, [RecipientReport.Outcome.deferred, .deferred, .deferred]), (1, [.failed, .deferred, .deferred]),
            (2, [.failed, .delivered, .deferred]),
        ])
    func fewFinals(_ count: Int, _ expected: [RecipientReport.Outcome]) throws {
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

    @Test("a single final that never comes is not replaced by the next envelope's replies", arguments: dialects)
    func missingFinal(_ dialect: ClientOptions.Dialect) throws {
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

    @Test("a final too many: the verdict stands, the connection is not used again", arguments: dialects, [0, 1])
    func surplusFinal(_ dialect: ClientOptions.Dialect, _ queued: Int) throws {
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

    @Test("verdicts shifted by a surplus reply never reach the next transaction's recipients")
    func shiftedVerdicts() throws {
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

    @Test("a transaction refused behind a good one is decided when RSET proves the count")
    func refusedBehindGood() throws {
        var peer = ScriptedPeer()
        peer.script[.rcpt] = [.line("250 ok"), .line("550 5.1.1 no"), .line("250 ok")]
        let result = converse(try options(), peer, [envelope("a"), envelope("b"), envelope("c")])
        #expect((0..<3).map { result.outcomes($0) } == [[.delivered], [.failed], [.delivered]])
        #expect(result.reports.map(\.id.rawValue) == [0, 1, 2])
        #expect(result.closings == [nil])
    }

    @Test("a lost connection after a final that was read does not take it back", arguments: [Answer.close, .stall()])
    func lostAfterFinal(_ end: Answer) throws {
        var peer = ScriptedPeer()
        peer.script[.mail] = [.line("250 ok"), end]
        let result = converse(try options(), peer, [envelope("a"), envelope("b")])
        #expect(result.outcomes(0) == [.delivered])
        #expect(result.outcomes(1) == [.deferred])
        #expect(result.reports[1].wasAttempted == false)
    }

    @Test("a reply that is missing from a pipelined envelope makes no verdict", arguments: [Step.mail, .rcpt, .data])
    func missingReply(_ step: Step) throws {
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

    @Test("a reply that comes before its command was sent is a protocol error")
    func earlyReplies() throws {
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

    @Test("503 to an address is about the session, not the address", arguments: [Step.mail, .rcpt], [true, false])
    func badSequence(_ step: Step, _ isPipelined: Bool) throws {
        var peer = ScriptedPeer()
        if !isPipelined { peer.keywords = [] }
        peer.script[step] = [.line("503 5.5.1 authenticate first")]
        let result = converse(try options(), peer, [envelope("a", "b")])
        #expect(result.outcomes() == [.deferred, .deferred])
    }

    @Test("a missing final in front of a refused envelope is not taken from its replies")
    func missingFinalBeforeRefusal() throws {
        var peer = ScriptedPeer()
        peer.finalCount = 0
        peer.script[.rcpt] = [.line("250 ok"), .line("550 5.1.1 no")]
        let result = converse(try options(), peer, [envelope("a"), envelope("b")])
        #expect(result.outcomes(0) == [.deferred])
        #expect(result.outcomes(1) == [.deferred])
    }

    @Test("a reply before the message has ended is no verdict", arguments: ["250 ok", "552 5.2.3 big", "421 bye", "x"])
    func earlyFinal(_ early: String) throws {
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

    @Test("a message that cannot be read on ends the session")
    func unreadableBody() throws {
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

    @Test("BDAT in place of DATA, with the exact length, undotted", arguments: dialects, [true, false])
    func chunking(_ dialect: ClientOptions.Dialect, _ isPipelined: Bool) throws {
        var peer = ScriptedPeer(dialect: dialect)
        peer.keywords = ["CHUNKING"] + (isPipelined ? ["PIPELINING"] : [])
        var first = envelope("a", "b")
        first.length = .exact(6)
        let result = converse(
            try options(dialect) { $0.prefersChunking = true }, peer, [first, first], body: Array(".\nx\n".utf8))
        #expect(result.outcomes(0) == [.delivered, .delivered])
        #expect(result.outcomes(1) == [.delivered, .delivered])
        #expect(result.peer.messages.map { string($0) } == [".\r\nx\r\n", ".\r\nx\r\n"])
        #expect(result.peer.commands.filter { $0 == "BDAT 6 LAST" }.count == 2)
        #expect(result.writes.count == (isPipelined ? 6 : 10))
        #expect(string(result.reports[0].dialogue(recipient: 0)).contains("\r<<- BDAT 6 LAST\r->> 250 "))
    }

    @Test("a message of another length than BDAT announced is never ended")
    func wrongLength() throws {
        var peer = ScriptedPeer()
        peer.keywords = ["CHUNKING"]
        var first = envelope("a")
        first.length = .exact(100)
        let result = converse(try options { $0.prefersChunking = true }, peer, [first])
        #expect(result.outcomes() == [.deferred])
        #expect(result.peer.messages.isEmpty)
    }

    @Test("without an exact length, or the peer's word, or the option, there is no BDAT")
    func noChunking() throws {
        for (length, keyword, isWanted) in [
            (Envelope.Length.estimate(6), "CHUNKING", true), (.exact(6), "X", true), (.exact(6), "CHUNKING", false),
        ] {
            var peer = ScriptedPeer()
            peer.keywords = [keyword]
            var first = envelope("a")
            first.length = length
            let result = converse(try options { $0.prefersChunking = isWanted }, peer, [first])
            #expect(result.outcomes() == [.delivered])
            #expect(result.peer.commands.contains("DATA"))
        }
    }

    @Test("after the end nothing can be begun, and it is said so")
    func enqueueAfterEnd() throws {
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

    @Test("a reply between transactions ends the session", arguments: ["250 what", "421 4.4.1 idle", "junk"])
    func idleReply(_ text: String) throws {
        var session = ClientSession(options: try options())
        session.hear("220 x", "250 x")
        #expect(session.isIdle)
        session.receive(Array("\(text)\r\n".utf8).span)
        guard case .close(.some)? = session.nextAction() else { throw Unexpected() }
    }
}

struct Unexpected: Error {}
