// The server's half where it has to wait, to hold back, or to end: decisions in any order, limits, hostile input.

import LMTP
import Testing

private let opening = "LHLO c\nMAIL FROM:<a@b>\n"

@Suite struct ServerSessionTests {
    private func openDriver(_ options: ServerOptions = wholeServer()) -> ServerDriver {
        var driver = ServerDriver(options)
        driver.hear(opening)
        _ = driver.said()
        return driver
    }

    // MARK: Decisions

    /// RCPT commands are handed out together, whatever order they are decided in the replies come in theirs, and DATA waits.
    @Test(arguments: [[0, 0, 0], [2, 1, 0], [1, 1, 0], [2, 0, 0], [0, 1, 0], [1, 0, 0]])
    func recipientsAreAnsweredInOrder(order: [Int]) {
        var driver = openDriver()
        driver.isLate = true
        driver.recipientReplies = ["y": "550 5.1.1 y"]
        driver.hear("RCPT TO:<x>\nRCPT TO:<y>\nRCPT TO:<\u{E9}>\nRCPT TO:<z>\nDATA\n")
        #expect(driver.events == ["sender <a@b>", "recipient 0 <x>", "recipient 1 <y>", "recipient 3 <z>"])
        #expect(driver.said().isEmpty && driver.session.waitingFor == nil)
        for (step, index) in order.enumerated() {
            #expect(!driver.events.contains("begin"), "\(step)")
            driver.decide(index)
        }
        #expect(driver.said() == "250 2.1.5 ok\n550 5.1.1 y\n553 5.6.7 the address needs SMTPUTF8\n250 2.1.5 ok\n")
        #expect(driver.events.last == "begin")
        driver.decide()
        #expect(driver.said() == "354 go ahead\n")
    }

    /// Each recipient has a reply of its own after the message, and the next transaction waits for the last of them.
    @Test(arguments: [[0, 0, 0], [2, 1, 0], [1, 1, 0], [2, 0, 0], [0, 1, 0], [1, 0, 0]])
    func messagesAreAnsweredInOrder(order: [Int]) {
        var driver = openDriver()
        driver.finalReplies = ["x": "250 2.0.0 x", "y": "452-4.2.2 y\n452 4.2.2 full", "z": "550 5.2.0 z"]
        driver.hear("RCPT TO:<x>\nRCPT TO:<y>\nRCPT TO:<z>\nDATA\n")
        driver.isLate = true
        _ = driver.said()
        driver.hear("m\n.\nMAIL FROM:<next>\n")
        #expect(driver.said().isEmpty && driver.session.waitingFor == nil && driver.pending.count == 3)
        for index in order {
            #expect(!driver.events.contains("sender <next>"))
            driver.decide(index)
        }
        #expect(driver.said() == "250 2.0.0 x\n452-4.2.2 y\n452 4.2.2 full\n550 5.2.0 z\n")
        #expect(driver.events.last == "sender <next>")
    }

    /// A reply of a store that would mean something else here is a deferral.
    @Test(arguments: ["421 4.3.2 closing", "221 bye", "354 go", "334 x", "150 x"])
    func misleadingRepliesDefer(text: String) {
        var driver = openDriver()
        driver.recipientReplies = ["y": text]
        driver.finalReplies = ["x": text]
        driver.hear("RCPT TO:<y>\nRCPT TO:<x>\nDATA\nm\n.\nNOOP\n")
        let said = driver.said().split(separator: "\n").map(String.init)
        #expect(said.count == 5 && !driver.isClosed)
        #expect(said[0].hasPrefix("451 4.3.") && said[0].hasSuffix("the store says: \(text)"))
        #expect(said[3] == said[0] && said[4] == "250 2.0.0 ok")
    }

    /// What a store says cannot break a line of the dialogue.
    @Test func controlCharactersAreNotPassedOn() {
        var driver = openDriver()
        driver.recipientReplies = ["y": "550 5.1.1 a\u{0}b\u{1B}[m"]
        driver.hear("RCPT TO:<y>\n")
        #expect(driver.said() == "550 5.1.1 a?b?[m\n")
    }

    /// Where every recipient has its reply before the message is whole, the rest of it is passed over.
    @Test(arguments: [false, true])
    func earlyRepliesEndTheTransfer(isChunked: Bool) {
        var driver = openDriver()
        driver.hear("RCPT TO:<x>\nRCPT TO:<y>\n" + (isChunked ? "BDAT 5\none\n" : "DATA\none\n"))
        _ = driver.said()
        driver.session.recipientReply(1, reply("452 4.2.2 y"))
        driver.session.recipientReply(0, reply("451 4.3.0 x"))
        driver.hear(isChunked ? "BDAT 5 LAST\ntwo\n" : "two\n.\n")
        #expect(driver.said() == (isChunked ? "" : "") + "451 4.3.0 x\n452 4.2.2 y\n")
        #expect(driver.events.suffix(2) == ["message", #"end "one\r\n""#])
    }

    /// A decision that nobody asked for changes nothing.
    @Test func strayDecisionsAreNothing() {
        var driver = openDriver()
        driver.session.senderDecided(reply("550 x"))
        driver.session.recipientDecided(7, reply("250 x"))
        driver.session.messageDecided()
        driver.session.recipientReply(0, reply("250 x"))
        driver.hear("RCPT TO:<x>\n")
        driver.session.recipientReply(0, reply("250 too early"))
        driver.session.recipientDecided(0, reply("550 decided"))
        driver.isLate = true
        driver.hear("DATA\n")
        driver.decide()
        driver.hear(".\n")
        driver.decide()
        #expect(driver.said() == "250 2.1.5 ok\n354 go ahead\n250 2.1.5 delivered\n")
    }

    // MARK: Back-pressure

    /// While a decision is awaited what comes is kept, and no more is asked for once that is much.
    @Test func readingStopsWhileADecisionIsAwaited() {
        var driver = openDriver(wholeServer { $0.limits.messageSize = 1 << 20 })
        driver.isLate = true
        driver.hear("RCPT TO:<x>\nDATA\n")
        var rounds = 0
        while driver.session.wantsInput, rounds < 1_000_000 {
            driver.hear("NOOP 789012345678901234567890\n")
            rounds += 1
        }
        #expect((2_000...4_000).contains(rounds))
        #expect(driver.session.waitingFor == nil)
        driver.hear(".\n")
        driver.decide()
        #expect(driver.session.wantsInput == false)
        driver.decide()
        #expect(driver.session.wantsInput && driver.session.waitingFor == nil, "the message came meanwhile")
        driver.decide()
        #expect(driver.events.last?.hasPrefix("end \"NOOP") == true)
    }

    /// So many recipients are undecided at a time, and no more are taken than are allowed.
    @Test func recipientsAreLimited() {
        var driver = openDriver(
            wholeServer {
                $0.limits.undecidedRecipients = 2
                $0.limits.recipients = 3
            })
        driver.isLate = true
        driver.hear("RCPT TO:<a>\nRCPT TO:<b>\nRCPT TO:<c>\nRCPT TO:<d>\nRCPT TO:<e>\n")
        #expect(driver.pending.count == 2)
        driver.decide()
        #expect(driver.pending.count == 2 && driver.said() == "250 2.1.5 ok\n")
        driver.decide()
        driver.decide()
        #expect(
            driver.said() == "250 2.1.5 ok\n250 2.1.5 ok\n452 4.5.3 too many recipients\n"
                + "452 4.5.3 too many recipients\n")
        #expect(driver.events.count == 4)
    }

    // MARK: Hostile input

    /// A line without end takes no room, and is one bad command when it ends.
    @Test func linesWithoutEndAreForgotten() {
        var driver = openDriver()
        for _ in 0..<1000 { driver.hear([UInt8](repeating: 0x78, count: 10_000)) }
        #expect(driver.said().isEmpty && driver.session.wantsInput && driver.session.waitingFor == .command)
        driver.hear("\nNOOP\n")
        #expect(driver.said() == "500 5.5.2 line too long\n250 2.0.0 ok\n")
    }

    /// What is no command is counted; so are commands that bring no message.
    @Test(arguments: [
        ("x\n", 100, "421 4.7.0 too many lines that are no command\n"),
        ("\u{0}\n", 100, "421 4.7.0 too many lines that are no command\n"),
        ("NOOP\n", 1001, "421 4.7.0 too many commands without a message\n"),
        ("VRFY x\n", 1001, "421 4.7.0 too many commands without a message\n"),
        ("LHLO x\n", 1001, "421 4.7.0 too many commands without a message\n"),
    ])
    func patienceEnds(command: String, count: Int, farewell: String) {
        var driver = ServerDriver(wholeServer())
        for _ in 0..<count - 1 { driver.hear(command) }
        #expect(!driver.isClosed)
        driver.hear(command)
        #expect(driver.isClosed && driver.said().hasSuffix(farewell))
        driver.hear("NOOP\n")
        #expect(driver.said().isEmpty && driver.events == ["close"])
    }

    /// Only CRLF ends a line: a command within another and a message within a message stay what they are.
    @Test(arguments: [
        "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n\r.\r\n", "\r\n\u{0}.\r\n", "\r\n.\r\r\n",
    ])
    func endsOfMessagesAreNotForged(end: String) {
        var driver = openDriver()
        driver.hear("RCPT TO:<x>\nDATA\n")
        let smuggled = "one" + end + "MAIL FROM:<evil>\r\nRCPT TO:<v>\r\nDATA\r\n"
        driver.hear(Array((smuggled + "\r\n.\r\n").utf8))
        #expect(!driver.events.contains("sender <evil>") && driver.messages.count == 1)
        #expect(driver.said().hasSuffix("354 go ahead\n250 2.1.5 delivered\n"))
        // What the stores are then told holds no end either.
        var encoder = MessageEncoder(framing: .data)
        var sent: [UInt8] = []
        let message = driver.messages.first ?? []
        encoder.encode(message.span, into: &sent)
        encoder.finish(into: &sent)
        #expect(!string(sent).replacing("\r\n", with: "\n").contains("\n.\n"))
    }

    @Test func commandsEndInCRLF() {
        var driver = openDriver()
        driver.hear(Array("NOOP\nMAIL FROM:<evil>\r\nNOOP\r\n".utf8))
        #expect(driver.said() == "500 5.5.2 control characters are in no command\n250 2.0.0 ok\n")
    }

    /// For a dialogue typed by hand LF alone may end lines, and messages.
    @Test func bareLineFeedsWhereAllowed() {
        var driver = ServerDriver(wholeServer { $0.lineEnd = .lenient })
        driver.hear(Array("LHLO c\nMAIL FROM:<a>\nRCPT TO:<x>\nDATA\na\n..b\n.\nQUIT\n".utf8))
        #expect(driver.messages == [Array("a\n.b\n".utf8)] && driver.isClosed)
    }

    /// A chunk of 10^18 octets is passed over as it comes, or read as long as the limit allows.
    @Test func endlessChunks() {
        var driver = openDriver()
        driver.hear("RCPT TO:<x>\nBDAT 1000000000000000000 LAST\n")
        for _ in 0..<100 { driver.hear([UInt8](repeating: 0x2E, count: 10_000)) }
        #expect(driver.events.last?.hasPrefix("discard ") == true && driver.session.waitingFor == .message)
        #expect(driver.said() == "250 2.1.5 ok\n" && driver.session.wantsInput)
        driver.hear("RSET\n")
        driver.connectionClosed()
        #expect(driver.events.filter { $0.hasPrefix("discard") }.count == 1 && driver.events.last == "close")
    }

    // MARK: Ends

    /// Where the client goes before its message is whole, the driver is told to give it up; after that the message is its own.
    @Test(arguments: [
        ("", false), ("RCPT TO:<x>\n", true), ("RCPT TO:<x>\nDATA\n", true), ("RCPT TO:<x>\nDATA\nabc\n.", true),
        ("RCPT TO:<x>\nDATA\nabc\n.\n", false), ("RCPT TO:<x>\nBDAT 3\nabc", true),
        (
            "RCPT TO:<x>\n"
                + "BDAT 3 LAST\nab", true
        ),
        ("RCPT TO:<x>\nBDAT 3 LAST\nabc", false), ("RCPT TO:<x>\nRSET\n", true),
    ])
    func theClientGoes(said: String, isDiscarded: Bool) {
        for isLate in [false, true] {
            var driver = ServerDriver(wholeServer())
            driver.hear("LHLO c\n" + (said.isEmpty ? "" : "MAIL FROM:<a@b>\n"))
            driver.hear(said)
            driver.isLate = isLate
            driver.connectionClosed()
            driver.connectionClosed()
            #expect(driver.events.filter { $0.hasPrefix("discard") }.count == (isDiscarded ? 1 : 0))
            #expect(driver.events.filter { $0 == "close" }.count == 1 && driver.events.last == "close")
        }
    }

    /// The client goes while the stores still think: their message is whole, and is not taken back.
    @Test func theClientGoesBeforeTheReplies() {
        var driver = openDriver()
        driver.hear("RCPT TO:<x>\nDATA\n")
        driver.isLate = true
        driver.hear("m\n.\n")
        driver.connectionClosed()
        driver.decide()
        #expect(driver.events.suffix(2) == [#"end "m\r\n""#, "close"])
    }

    /// Silence ends a session where the client is to speak, never where the driver is to decide.
    @Test func silence() {
        var driver = openDriver()
        driver.hear("RCPT TO:<x>\n")
        driver.isLate = true
        driver.hear("RCPT TO:<y>\n")
        driver.timedOut()
        #expect(!driver.isClosed)
        driver.decide()
        _ = driver.said()
        driver.timedOut()
        #expect(driver.isClosed && driver.said() == "421 4.4.2 nothing came in time\n")
        #expect(driver.events.suffix(2) == [#"discard """#, "close"])
    }

    /// Told to end, a session ends at once, or after its transaction.
    @Test(arguments: [
        ("", "", ""), ("LHLO c\n", "", ""), (opening, "RSET\n", "250 2.0.0 ok\n"),
        (opening + "RCPT TO:<x>\nDATA\nm\n", ".\n", "250 2.1.5 delivered\n"),
        (opening + "RCPT TO:<x>\nBDAT 1\nx", "BDAT 0 LAST\n", "250 2.1.5 delivered\n"),
    ])
    func itEndsAfterItsTransaction(before: String, after: String, reply: String) {
        var driver = ServerDriver(wholeServer { $0.farewell = "gone" })
        driver.hear(before)
        _ = driver.said()
        driver.finish()
        #expect(driver.isClosed == after.isEmpty)
        driver.hear(after)
        #expect(driver.isClosed && driver.said() == reply + "421 4.3.2 gone\n")
    }

    /// One that is told to end before it began greets nobody.
    @Test func noGreeting() {
        var session = ServerSession(options: wholeServer())
        session.finish()
        session.connected()
        var said: [UInt8] = []
        session.takeOutput(into: &said)
        #expect(string(said) == "421 4.3.2 the server is ending\r\n" && session.isClosed)
    }
}
