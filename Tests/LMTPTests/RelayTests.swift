// A transaction that is passed on while it comes: what a server answers at each place, and what becomes of each recipient.

import Bytes
import LMTP
import MailSyntax
import Testing
import ZRouteTestKit

@Suite struct RelayTests {
    /// A server, its answers, and what a client should hear of three recipients.
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        var dialect = Dialect.lmtp
        var script: [Step: [Answer]] = [:]
        /// The codes of the replies to RCPT, and to the message.
        let answers: [UInt16]
        let finals: [UInt16]
        /// Whether the connection can take another message afterwards.
        var isReusable = true
        /// How many messages the server took.
        var messages = 1
    }

    static let cases: [Case] = [
        Case(description: "all taken", answers: [250, 250, 250], finals: [250, 250, 250]),
        Case(
            description: "each answered by itself",
            script: [
                .rcpt: [.line("250 2.1.5 ok"), .line("550 5.1.1 none"), .line("250 2.1.5 ok")],
                .final: [.line("250 2.1.5 x"), .line("452 4.2.2 full")],
            ], answers: [250, 550, 250], finals: [250, 0, 452]),
        Case(
            description: "nobody taken: RSET, no DATA", script: [.rcpt: [.line("550 5.1.1 none")]],
            answers: [550, 550, 550], finals: [0, 0, 0], messages: 0),
        Case(
            description: "MAIL refused", script: [.mail: [.line("552 5.3.4 too large")]], answers: [552, 552, 552],
            finals: [0, 0, 0], messages: 0),
        Case(
            description: "DATA refused", script: [.data: [.line("451 4.3.0 disk")]], answers: [250, 250, 250],
            finals: [451, 451, 451], messages: 0),
        Case(
            description: "one reply for all, SMTP", dialect: .smtp, script: [.final: [.line("554 5.7.1 no")]],
            answers: [250, 250, 250], finals: [554, 554, 554]),
        Case(
            description: "421 at RCPT", script: [.rcpt: [.line("250 ok"), .line("421 4.3.2 ending")]],
            answers: [250, 421, 421], finals: [421, 0, 0], isReusable: false, messages: 0),
        Case(
            description: "closed at DATA", script: [.data: [.close]], answers: [250, 250, 250],
            finals: [451, 451, 451],
            isReusable: false, messages: 0),
        Case(
            description: "closed after the first final", script: [.final: [.line("250 2.1.5 x"), .close]],
            answers: [250, 250, 250], finals: [250, 451, 451], isReusable: false),
        Case(
            description: "silent at the second final", script: [.final: [.line("250 2.1.5 x"), .stall()]],
            answers: [250, 250, 250], finals: [250, 451, 451], isReusable: false),
        Case(
            description: "503 to RCPT", script: [.rcpt: [.line("503 5.5.1 what")]], answers: [451, 451, 451],
            finals: [0, 0, 0], isReusable: false, messages: 0),
        Case(
            description: "354 to RCPT", script: [.rcpt: [.line("250 ok"), .line("354 go")]], answers: [250, 451, 451],
            finals: [451, 0, 0], isReusable: false, messages: 0),
        Case(
            description: "250 to DATA", script: [.data: [.line("250 2.0.0 ok")]], answers: [250, 250, 250],
            finals: [451, 451, 451], isReusable: false, messages: 0),
        Case(
            description: "no reply at all", script: [.mail: [.raw("nonsense\r\n")]], answers: [451, 451, 451],
            finals: [0, 0, 0], isReusable: false, messages: 0),
        Case(
            description: "refused connection", script: [.greeting: [.line("554 5.3.2 no")]], answers: [451, 451, 451],
            finals: [0, 0, 0], isReusable: false, messages: 0),
    ]

    @Test(arguments: counted("a reply at each place of a transaction that is passed on", cases), [true, false])
    func repliesArePassedOn(_ example: Case, isPipelined: Bool) throws {
        for oneByOne in [false, true] {
            var peer = ScriptedPeer(dialect: example.dialect)
            peer.script = example.script
            let run = RelayRun(
                peer, options: try relayOptions(example.dialect, pipelining: isPipelined), oneByOne: oneByOne)
            let asked = 0..<run.askedCount
            #expect(asked.map { run.answers[$0]?.first?.code ?? 0 } == Array(example.answers[asked]))
            #expect(asked.map { run.finals[$0]?.first?.code ?? 0 } == Array(example.finals[asked]))
            #expect(oneByOne || run.askedCount == 3)
            #expect(run.answers.values.allSatisfy { $0.count == 1 } && run.finals.values.allSatisfy { $0.count == 1 })
            #expect(run.isIdle == example.isReusable)
            #expect(run.peer.messages.count == example.messages)
            #expect(run.peer.messages.allSatisfy { $0.starts(with: wire("Subject: x\n\nhello\n")) })
            let wasInvited = run.peer.commands.contains("DATA")
            #expect(wasInvited == example.answers.contains(250) || example.answers.contains { $0 == 421 || $0 == 451 })
        }
    }

    /// DATA goes along with recipients that are not answered yet, in one write, and each reply means what it means otherwise.
    @Test(arguments: counted("a reply at each place of a transaction whose DATA goes along", cases), [true, false])
    func theMessageIsInvitedAlong(_ example: Case, isPipelined: Bool) throws {
        var peer = ScriptedPeer(dialect: example.dialect)
        peer.script = example.script
        let run = RelayRun(
            peer, options: try relayOptions(example.dialect, pipelining: isPipelined), invitesAlong: true)
        #expect((0..<3).map { run.answers[$0]?.first?.code ?? 0 } == example.answers)
        #expect((0..<3).map { run.finals[$0]?.first?.code ?? 0 } == example.finals)
        #expect(run.answers.values.allSatisfy { $0.count == 1 } && run.finals.values.allSatisfy { $0.count == 1 })
        #expect(run.peer.messages.count == example.messages)
        #expect(run.endings.count == 1)
        if example.script[.greeting] == nil {
            let envelope = run.writes.map(string).first { $0.hasPrefix("MAIL") }
            #expect(envelope?.hasSuffix("RCPT TO:<c@b>\r\nDATA\r\n") == isPipelined)
        }
    }

    /// A server that takes DATA after it has refused every recipient waits for a message, and never gets one.
    @Test(arguments: ["354 go", "503 5.5.1 nobody", "554 5.5.1 nobody", "250 ok"])
    func aMessageForNobodyIsNeverBegun(_ reply: String) throws {
        for step in [Step.rcpt, .mail] {
            var peer = ScriptedPeer()
            peer.script = [step: [.line("550 5.1.1 none")], .data: [.line(reply)]]
            if step == .mail { peer.script[.rcpt] = [.line("503 5.5.1 no sender")] }
            let run = RelayRun(peer, options: try relayOptions(), invitesAlong: true)
            #expect((0..<3).map { run.answers[$0]?.first?.code } == [550, 550, 550])
            #expect(run.finals.isEmpty && run.peer.messages.isEmpty && run.endings.count == 1)
            #expect(run.isIdle == reply.hasPrefix("5") && run.isClosed == !run.isIdle)
        }
    }

    /// Every place of the dialogue with everything that can go wrong there; the client stays or goes.
    @Test(arguments: [Dialect.lmtp, .smtp], [true, false])
    func nothingIsBelievedOrCutShort(_ dialect: Dialect, isPipelined: Bool) throws {
        let faults: [Answer] = [
            .close, .stall(), .stall("25"), .silence, .line("421 4.3.2 ending"), .line("250 2.0.0 ok"), .line("354 go"),
            .line("451 4.3.0 later"), .line("550 5.1.1 never"), .line("503 5.5.1 order"), .line("150 what"),
            .raw("x\r\n"),
            .raw("250 2.0.0 ok\r\n250 2.0.0 again\r\n"),
        ]
        var count = 0
        for step in [Step.greeting, .hello, .mail, .rcpt, .data, .final, .rset] {
            // Of replies to a message that one is missing from, nobody can tell whose it was.
            for fault in faults where step != .final || !fault.isSilence {
                for use in 0..<(step == .rcpt || step == .final ? 3 : 1) {
                    for extent in RelayRun.Extent.allCases {
                        for (oneByOne, along) in [(false, false), (true, false), (false, true)] {
                            count += 1
                            var peer = ScriptedPeer(dialect: dialect)
                            let usual: Answer = .line(step == .final ? "250 2.1.5 delivered" : "250 2.1.5 ok")
                            peer.script = [step: Array(repeating: usual, count: use) + [fault, usual]]
                            let run = RelayRun(
                                peer, options: try relayOptions(dialect, pipelining: isPipelined), extent: extent,
                                oneByOne: oneByOne, invitesAlong: along)
                            check(
                                run, extent,
                                "\(step) \(use): \(fault), client: \(extent), one by one: \(oneByOne), DATA along: \(along)"
                            )
                        }
                    }
                }
            }
        }
        print(
            "faults at every place of a transaction that is passed on (\(dialect), \(isPipelined)): \(count) dialogues")
    }

    private func check(_ run: RelayRun, _ extent: RelayRun.Extent, _ what: String) {
        #expect(run.endings.count == 1, "\(what)")
        for index in 0..<run.askedCount {
            let answers = run.answers[index] ?? []
            let finals = run.finals[index] ?? []
            #expect(answers.count <= 1 && finals.count <= 1, "\(what)")
            if extent == .whole {
                #expect(answers.count == 1, "\(what)")
                #expect(finals.count == (answers.first?.severity == .success ? 1 : 0), "\(what)")
            }
            if finals.contains(where: { $0.severity == .success }) {
                #expect(run.peer.verdicts[RelayRun.addresses[index]] == 2, "\(what): believed, and not delivered")
            }
        }
        // A message that the client did not end is none that a server ever saw the end of.
        #expect(extent == .whole || run.peer.messages.isEmpty, "\(what): a message that was cut short")
        // Either the connection serves the next, or it is closed, as it is after a failure.
        let hasFailed = run.endings.first.flatMap { $0 } != nil
        #expect(run.isClosed || (run.isIdle && !hasFailed), "\(what)")
    }

    @Test func parametersGoWhereTheyAreAnnounced() throws {
        for (keywords, mail, recipient) in [
            (["PIPELINING"], "MAIL FROM:<s@x>", "RCPT TO:<a@b>"),
            (
                ["8BITMIME", "SIZE", "DSN", "SMTPUTF8"],
                "MAIL FROM:<s@x> BODY=8BITMIME SIZE=77 SMTPUTF8 ENVID=id RET=HDRS",
                "RCPT TO:<a@b> NOTIFY=SUCCESS ORCPT=rfc822;o@x"
            ),
        ] {
            var envelope = Envelope(sender: Array("s@x".utf8), recipients: [], length: .estimate(77))
            envelope.hasInternationalizedHeader = true
            envelope.returnedContent = .headers
            envelope.envelopeID = .init(encoded: Array("id".utf8))
            var transaction = RelayTransaction(envelope)
            _ = transaction.add(
                EnvelopeRecipient(
                    Array("a@b".utf8), notify: .success, originalRecipient: .init(address: Array("o@x".utf8))))
            var session = ClientSession(options: try relayOptions())
            var peer = ScriptedPeer()
            peer.keywords = keywords
            peer.greet()
            session.connected()
            session.relay(transaction)
            for _ in 0..<10 {
                session.receive(peer.takeOutbox().span)
                while let action = session.nextAction() {
                    if case .send(let bytes) = action { peer.receive(bytes) }
                }
            }
            #expect(peer.commands.contains(mail) && peer.commands.contains(recipient), "\(peer.commands)")
        }
    }
}

extension Answer {
    fileprivate var isSilence: Bool { if case .silence = self { true } else { false } }
}
