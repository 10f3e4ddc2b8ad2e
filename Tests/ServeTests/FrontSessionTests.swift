// The front as a value: who is asked for what, what is said to whom, and that nothing is believed, lost or cut short whatever
// happens at any place of any dialogue.

import LMTP
import Serve
import Testing
import ZRouteTestKit

@Suite struct FrontSessionTests {
    static let body = "From: <s@y.example>\nSubject: x\n\nhello\n..\n"

    private func begun(_ stage: FrontStage, _ recipients: [String]) -> [String] {
        stage.hear("LHLO c\nMAIL FROM:<s@y.example>\n")
        _ = stage.said()
        return recipients.map { recipient in
            stage.hear("RCPT TO:<\(recipient)@x.example>\n")
            return stage.said().trimmingSuffix("\n")
        }
    }

    /// The client is read until something waits for the store: whoever says DATA and waits stops no reading.
    @Test(arguments: [StagedFault.stall, .close, .say("354 go ahead")])
    func oneReadOfAMessageWaitsForItsInvitation(_ fault: StagedFault) throws {
        let stage = try FrontStage()
        stage.makeStore = { _ in
            var store = StagedStore()
            (store.place, store.fault) = (.data, fault)
            return store
        }
        #expect(begun(stage, ["a1"]) == ["250 2.1.5 a1@store"])
        stage.hear("DATA\n")
        #expect(stage.said() == "354 go ahead\n")
        #expect(stage.session.wantsInput)
        stage.hear("Subject: x\n")
        #expect(stage.session.isBlocked == (fault == .stall))
        #expect(stage.session.wantsInput == (fault != .stall))
        stage.passTime()
        #expect(stage.session.wantsInput)
        stage.hear("\nhello\n.\n")
        #expect(stage.said().hasPrefix(fault == .say("354 go ahead") ? "250 " : "451 "))
    }

    @Test func eachRecipientHasTheWordsOfItsStore() throws {
        let stage = try FrontStage()
        #expect(stage.said() == "220 front.example zroute ready\n")
        stage.hear("LHLO c\n")
        #expect(
            stage.said()
                == "250-front.example\n250-PIPELINING\n250-8BITMIME\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n250-DSN\n"
                + "250-CHUNKING\n250 SIZE 4294967296\n")
        let answers = begun(stage, ["a1", "none", "b1", "later", "a2", "list", "nothing", "capital"])
        #expect(
            answers == [
                "250 2.1.5 a1@store", "550 5.1.1 no such user here <none@x.example>", "250 2.1.5 b1@store",
                "451 4.3.0 where this address leads cannot be known now", "250 2.1.5 a2@store",
                "250 2.1.5 ok, it goes into the queue", "250 2.1.5 ok", "250 2.1.5 Capital@store",
            ])
        stage.hear("DATA\n\(Self.body).\nQUIT\n")
        #expect(
            stage.said() == """
                354 go ahead
                250 2.6.0 a1@store taken
                250 2.6.0 b1@store taken
                250 2.6.0 a2@store taken
                250 2.0.0 kept in the queue
                250 2.0.0 discarded, as its route says
                250 2.6.0 Capital@store taken
                221 2.0.0 bye

                """)
        #expect(stage.isClosed)
        // MAIL once for each store; the message whole, with our mark.
        #expect(stage.stores.map { $0.peer.commands.filter { $0.hasPrefix("MAIL") }.count } == [1, 1])
        let mark =
            "Received: from c\n\tby front.example (zroute) with LMTP id t.1;\n\tWed, 18 Nov 2026 11:06:40 +0000\n"
        for store in stage.stores {
            #expect(
                store.peer.messages.map { $0.replacing("\r\n", with: "\n") } == [
                    mark + Self.body.replacing("..", with: ".")
                ])
        }
        #expect(
            stage.committed == [
                "external\nrcvdfrom c\nwith LMTP\nbodytype 8BITMIME\nfrom <s@y.example>\nto <list@x.example>\nenv-end\n"
                    + Self.body.replacing("..", with: ".")
            ])
    }

    @Test func withoutASpoolOnlyStoresTakeMail() throws {
        let stage = try FrontStage(hasSpool: false)
        #expect(
            begun(stage, ["list", "elsewhere", "a1"]) == [
                "451 4.3.5 it comes to several mailboxes, which takes a spool: set POSTOFFICE here",
                "451 4.3.5 no store is known for its channel, and there is no spool to keep it in",
                "250 2.1.5 a1@store",
            ])
        #expect(stage.reports.count == 1 && stage.reports.allSatisfy { $0.contains("no clause with a command") })
    }

    @Test func aFailingMapIsNoAbsence() throws {
        var site = FrontSite()
        site.failing = ["fqdnroutes"]
        let stage = try FrontStage(site)
        #expect(begun(stage, ["a1", "none", "unheard-of"]).allSatisfy { $0.hasPrefix("451 4.3.0") })
    }

    @Test func oneMailboxIsAskedOnceAndHasOneCopy() throws {
        let stage = try FrontStage()
        #expect(begun(stage, ["a1", "also-a1"]) == ["250 2.1.5 a1@store", "250 2.1.5 a1@store"])
        stage.hear("DATA\n\(Self.body).\n")
        #expect(stage.said() == "354 go ahead\n250 2.6.0 a1@store taken\n250 2.6.0 a1@store taken\n")
        #expect(stage.stores.first?.peer.commands.filter { $0.hasPrefix("RCPT") }.count == 1)
    }

    @Test func aStoreWithoutRecipientsHasRSETAndNoDATA() throws {
        let stage = try FrontStage()
        stage.makeStore = { StagedStore(place: $0 == "a" ? .recipient : nil, fault: .say("550 5.2.1 closed")) }
        #expect(begun(stage, ["a1", "b1"]) == ["550 5.2.1 closed", "250 2.1.5 b1@store"])
        stage.hear("DATA\n\(Self.body).\n")
        #expect(stage.said() == "354 go ahead\n250 2.6.0 b1@store taken\n")
        #expect(stage.stores[0].peer.commands.suffix(1) == ["RSET"])
        #expect(stage.stores[0].session.isIdle)
    }

    @Test func nobodyAcceptedIsNoMessage() throws {
        let stage = try FrontStage()
        _ = begun(stage, ["none", "later"])
        stage.hear("DATA\n")
        #expect(stage.said() == "503 5.5.1 no valid recipients\n")
    }

    @Test func oneReplyOfAnSMTPServerIsThatOfAll() throws {
        let stage = try FrontStage()
        _ = begun(stage, ["s1"])
        stage.hear("DATA\n\(Self.body).\n")
        #expect(stage.said() == "354 go ahead\n250 2.6.0 s1@store taken\n")
        #expect(stage.stores[0].peer.commands.first == "EHLO here.example")
    }

    /// What the message needs and the store has, and what becomes of it.
    @Test(arguments: [
        (["8BITMIME", "SMTPUTF8"], "", "\u{E9}", "250 2.6.0 a1@store taken"),
        ([], "", "e", "250 2.6.0 a1@store taken"),
        ([], "", "\u{E9}", "554 5.6.3"),
        ([], " BODY=8BITMIME", "e", "250 2.6.0 a1@store taken"),
        (["8BITMIME"], " SMTPUTF8", "e", "250 2.6.0 a1@store taken"),
        (["8BITMIME"], " SMTPUTF8", "\u{E9}", "554 5.6.9"),
        (["8BITMIME", "SMTPUTF8"], " SMTPUTF8", "\u{E9}", "250 2.6.0 a1@store taken"),
    ])
    func whatAStoreCannotTakeIsRefused(_ keywords: [String], _ parameters: String, _ text: String, _ reply: String)
        throws
    {
        let stage = try FrontStage()
        stage.makeStore = { _ in
            var store = StagedStore()
            store.keywords = keywords
            return store
        }
        stage.hear("LHLO c\nMAIL FROM:<s@y.example>\(parameters)\nRCPT TO:<a1@x.example>\n")
        _ = stage.said()
        stage.hear("DATA\nSubject: \(text)\n\n\(text)\n.\n")
        #expect(stage.said().hasPrefix("354 go ahead\n\(reply)"))
        #expect(stage.stores[0].peer.messages.isEmpty == reply.hasPrefix("5"))
    }

    @Test func anAddressBeyondASCIIGoesWhereItIsTaken() throws {
        for (keywords, reply) in [(["SMTPUTF8"], "250 2.1.5"), ([], "553 5.6.7")] {
            let stage = try FrontStage()
            stage.makeStore = { _ in
                var store = StagedStore()
                store.keywords = keywords
                return store
            }
            // One of each kind: they do not share a transaction, so that neither is refused for the other.
            let answers = begun(stage, ["a1", "utf8"])
            #expect(answers[0] == "250 2.1.5 a1@store" && answers[1].hasPrefix(reply), "\(answers)")
        }
    }

    @Test func parametersAreHandedOn() throws {
        let stage = try FrontStage()
        stage.hear(
            "LHLO c\nMAIL FROM:<s@y.example> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=e1\n"
                + "RCPT TO:<a1@x.example> NOTIFY=NEVER ORCPT=rfc822;o@z\nRCPT TO:<b1@x.example>\n"
                + "RCPT TO:<list@x.example> NOTIFY=SUCCESS,DELAY\n")
        #expect(
            stage.stores[0].peer.commands.suffix(2) == [
                "MAIL FROM:<s@y.example> BODY=8BITMIME SIZE=1200 ENVID=e1 RET=HDRS",
                "RCPT TO:<a1@store> NOTIFY=NEVER ORCPT=rfc822;o@z",
            ])
        #expect(
            stage.stores[1].peer.commands.last == "RCPT TO:<b1@store> NOTIFY=FAILURE ORCPT=rfc822;b1@x.example")
        stage.hear("DATA\n\(Self.body).\n")
        #expect(
            stage.committed.first?.hasPrefix(
                "external\nrcvdfrom c\nwith LMTP\nbodytype 8BITMIME\nfrom <s@y.example>\nenvid e1\nnotaryret HDRS\n"
                    + "todsn NOTIFY=SUCCESS,DELAY\nto <list@x.example>\nenv-end\n") == true)
    }

    @Test(arguments: ["Received: x\n", "RECEIVED :\tx\n y\n", "received:\n"])
    func aMessageInACircleIsRefused(_ field: String) throws {
        for (count, isLoop) in [(5, false), (6, true)] {
            let stage = try FrontStage { $0.mostHops = 5 }
            _ = begun(stage, ["a1", "b1", "list", "nothing"])
            stage.hear("DATA\n")
            _ = stage.said()
            stage.hear(String(repeating: field, count: count) + "X-Received: no\n\nReceived: no\n.\n")
            let finals = stage.said().split(separator: "\n")
            #expect(finals.count == 4 && finals.allSatisfy { $0.hasPrefix("554 5.4.6") == isLoop }, "\(finals)")
            #expect(stage.stores.allSatisfy { $0.peer.messages.isEmpty == isLoop })
            #expect(stage.committed.isEmpty == isLoop)
            // The session goes on.
            stage.hear("NOOP\n")
            #expect(stage.said() == "250 2.0.0 ok\n")
        }
    }

    @Test func whatIsTooLargeIsCutShortForNobody() throws {
        let stage = try FrontStage { $0.messageSize = 50 }
        _ = begun(stage, ["a1", "list"])
        stage.hear("DATA\n" + String(repeating: "x", count: 60) + "\n.\n")
        #expect(stage.said() == "354 go ahead\n552 5.3.4 message too large\n552 5.3.4 message too large\n")
        #expect(stage.stores[0].peer.messages.isEmpty && stage.stores[0].session.isClosed)
        #expect(stage.committed.isEmpty && stage.discardCount == 1)
    }

    @Test func chunksAreOneMessage() throws {
        let stage = try FrontStage()
        _ = begun(stage, ["a1", "list"])
        stage.hear("BDAT 5\nab\n.BDAT 2 LAST\n\n")
        #expect(
            stage.said() == "250 2.0.0 5 octets\n250 2.6.0 a1@store taken\n250 2.0.0 kept in the queue\n")
        #expect(stage.stores[0].peer.messages.map { $0.hasSuffix("+0000\r\nab\r\n.\r\n") } == [true])
        #expect(stage.committed.map { $0.hasSuffix("env-end\nab\n.\n") } == [true])
    }

    @Test func theSpoolIsDurableBeforeItIsSaid() throws {
        let stage = try FrontStage()
        stage.isSpoolLate = true
        _ = begun(stage, ["a1", "list"])
        stage.hear("DATA\n\(Self.body).\n")
        #expect(stage.said() == "354 go ahead\n250 2.6.0 a1@store taken\n")
        stage.settleSpool()
        #expect(stage.said() == "250 2.0.0 kept in the queue\n")
        stage.spoolFails = true
        stage.isSpoolLate = false
        _ = begun(stage, ["list", "a1"])
        stage.hear("DATA\n\(Self.body).\n")
        #expect(
            stage.said() == "354 go ahead\n451 4.3.1 it cannot be written to the queue now\n250 2.6.0 a1@store taken\n")
    }

    @Test func answersThatComeLateBelongToTheirTransaction() throws {
        let stage = try FrontStage()
        stage.isResolvingLate = true
        stage.hear("LHLO c\nMAIL FROM:<>\nRCPT TO:<a1@x.example>\n")
        _ = stage.said()
        let (ticket, address, request) = stage.lateQuestions[0]
        stage.vanish()
        stage.session.resolved(ticket, try stage.site.resolve(address, request))
        #expect(stage.stores.isEmpty && stage.session.nextAction() == nil)
    }

    /// A client that asks for everything at once has its stores asked so.
    @Test func whatComesTogetherGoesTogether() throws {
        let stage = try FrontStage()
        stage.makeStore = { host in
            host == "b" ? StagedStore(place: .recipient, fault: .say("550 5.1.1 none")) : StagedStore()
        }
        _ = stage.said()
        stage.hear("LHLO c\nMAIL FROM:<s@y.example>\nRCPT TO:<a1@x.example>\nRCPT TO:<b1@x.example>\nDATA\n")
        #expect(stage.said().hasSuffix("250 2.1.5 a1@store\n550 5.1.1 none\n354 go ahead\n"))
        stage.hear("\(Self.body).\n")
        #expect(stage.said() == "250 2.6.0 a1@store taken\n")
        #expect(stage.stores.map { $0.peer.messages.count } == [1, 0])
        #expect(stage.stores[1].peer.commands.suffix(2) == ["DATA", "RSET"])
        // Nobody taken, and the client goes on with another recipient of the same store.
        stage.makeStore = { _ in StagedStore(place: .recipient, fault: .say("550 5.1.1 none")) }
        stage.hear("MAIL FROM:<s@y.example>\nRCPT TO:<a1@x.example>\nDATA\n")
        #expect(stage.said() == "250 2.1.0 ok\n550 5.1.1 none\n503 5.5.1 no valid recipients\n")
        stage.makeStore = { _ in StagedStore() }
        stage.hear("RCPT TO:<a2@x.example>\nDATA\n")
        #expect(stage.said() == "250 2.1.5 a2@store\n354 go ahead\n")
        stage.hear("\(Self.body).\n")
        #expect(stage.said() == "250 2.6.0 a2@store taken\n")
        #expect(stage.stores.allSatisfy { $0.isOver })
    }

    // MARK: Every place

    /// Where the client stands when it vanishes.
    static let extents = [
        "LHLO c\n", "MAIL FROM:<s@y.example>\n", "RCPT TO:<a1@x.example>\n", "RCPT TO:<b1@x.example>\n",
        "RCPT TO:<a2@x.example>\n", "RCPT TO:<list@x.example>\n", "DATA\n", "Subject: x\n", "\nhello\n", ".\n",
        "QUIT\n",
    ]

    static let faults: [StagedFault] = [
        .close, .stall, .say("421 4.3.2 ending"), .say("250 2.0.0 ok"), .say("354 go"), .say("451 4.2.0 later"),
        .say("550 5.2.0 never"), .say("503 5.5.1 order"), .say("nonsense"), .say("150 x"),
        .say("250 2.0.0 ok\r\n250 2.0.0 again"),
    ]

    @Test func nothingIsBelievedLostOrCutShort() throws {
        var (dialogues, vanished, delivered) = (0, 0, 0)
        for place in StagedPlace.allCases {
            for fault in Self.faults {
                for extent in 0...Self.extents.count {
                    for (sendsTogether, isHalfClosed) in [(false, false), (true, false), (true, true)] {
                        dialogues += 1
                        let stage = try FrontStage()
                        stage.makeStore = { host in
                            host == "a" ? StagedStore(place: place, fault: fault) : StagedStore()
                        }
                        let lines = Self.extents.prefix(extent)
                        var said = stage.said()
                        if sendsTogether {
                            stage.hear(lines.joined())
                        } else {
                            for line in lines {
                                stage.hear(line)
                                // Replies that do not come are waited for.
                                stage.passTime()
                            }
                        }
                        if isHalfClosed { stage.closeInput() }
                        stage.passTime()
                        said += stage.said()
                        if extent < Self.extents.count { vanished += 1 }
                        stage.vanish()
                        stage.passTime()
                        delivered += check(
                            stage, said, extent,
                            "\(place): \(fault), client vanishes after \(extent) lines (\(sendsTogether), \(isHalfClosed))"
                        )
                    }
                }
            }
        }
        print(
            "faults of a store at every place, clients that vanish at every place: \(dialogues) dialogues, "
                + "\(vanished) clients vanished, \(delivered) recipients believed delivered")
        #expect(delivered > 0)
    }

    /// Checks what was said against what stores and spool have, and counts the recipients that are believed delivered.
    private func check(_ stage: FrontStage, _ said: String, _ extent: Int, _ what: String) -> Int {
        let lines = said.split(separator: "\n").filter { $0.dropFirst(3).first != "-" }.map(String.init)
        // 220, LHLO, MAIL, four RCPT, 354.
        let accepted = zip(["a1@store", "b1@store", "a2@store", "list"], lines.dropFirst(3).prefix(4))
            .filter { $0.1.hasPrefix("2") }.map(\.0)
        let finals = extent >= 10 && lines.count > 7 && lines[7].hasPrefix("354") ? Array(lines.dropFirst(8)) : []
        let copies = stage.connections.flatMap { $0.peer.taken }
        var believed = 0
        if extent >= 10, !accepted.isEmpty {
            #expect(finals.count == accepted.count + (extent == 11 ? 1 : 0), "\(what): \(lines)")
        }
        for (address, final) in zip(accepted, finals) where final.hasPrefix("2") {
            believed += 1
            if address == "list" {
                #expect(stage.committed.count == 1, "\(what)")
            } else {
                #expect(copies.filter { $0.address == address }.count == 1, "\(what): \(lines)")
            }
        }
        // The other store's and the spool's recipients do not suffer.
        if extent >= 10 {
            #expect(copies.contains { $0.address == "b1@store" } && stage.committed.count == 1, "\(what): \(lines)")
        }
        for message in stage.connections.flatMap({ $0.peer.messages }) + stage.committed {
            #expect(message.replacing("\r\n", with: "\n").hasSuffix("Subject: x\n\nhello\n"), "\(what): cut short")
        }
        #expect(extent >= 10 || (copies.isEmpty && stage.committed.isEmpty), "\(what)")
        // Nothing is left hanging.
        #expect(stage.isClosed && stage.submission == nil, "\(what)")
        for store in stage.stores { #expect(store.isOver, "\(what)") }
        return believed
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
