// A transaction that is passed on while it comes: what a server answers at each place, and what becomes of each recipient.

import Bytes
import LMTP
import MailSyntax
import Testing
import ZRouteTestKit

/// What came of a transaction that was passed on.
private struct RelayRun {
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

private func relayOptions(_ dialect: Dialect = .lmtp, pipelining: Bool = true) throws -> ClientOptions {
    var options = try ClientOptions(dialect: dialect, helloName: Array("relay".utf8))
    options.usesPipelining = pipelining
    return options
}

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
