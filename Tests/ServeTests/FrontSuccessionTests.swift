// Messages in a row over one connection, each with the next envelope behind its end: two transactions at a time.

import Serve
import Testing

@Suite struct FrontSuccessionTests {
    /// A client that sends the next envelope behind the end of each message, and reads all replies before it goes on.
    private final class Client {
        static let count = 4
        let stage: FrontStage
        let recipients: [[String]]
        /// The reply to RCPT and to the message, by message and recipient; empty where it did not come to that.
        var answers: [[String]] = [], finals: [[String]] = []
        var isInvited = false

        init(_ stage: FrontStage, _ recipients: [[String]]) {
            (self.stage, self.recipients) = (stage, recipients)
            _ = stage.said()
        }

        private func envelope(_ number: Int) -> String {
            guard number < Self.count else { return "QUIT\n" }
            return "MAIL FROM:<s\(number)@y.example>\n"
                + recipients[number].map { "RCPT TO:<\($0)@x.example>\n" }.joined() + "DATA\n"
        }

        /// Sends the end of a message, where there is one, and the next envelope; false where the next message is not invited.
        func step(_ number: Int) -> Bool {
            let end = number == 0 ? "LHLO c\n" : "Subject: \(number - 1)\n\n\(number - 1)\n.\n"
            stage.hear(end + envelope(number))
            stage.passTime()
            var lines = stage.said().split(separator: "\n").filter { $0.dropFirst(3).first != "-" }.map(String.init)[
                ...]
            if number == 0 {
                lines = lines.dropFirst()
            } else {
                let accepted = answers[number - 1].filter { $0.hasPrefix("2") }.count
                finals.append(Array(lines.prefix(accepted)))
                lines = lines.dropFirst(accepted)
            }
            guard number < Self.count, lines.count == recipients[number].count + 2 else { return false }
            answers.append(Array(lines.dropFirst().prefix(recipients[number].count)))
            isInvited = lines.last?.hasPrefix("354") == true
            return isInvited
        }
    }

    @Test(arguments: [false, true], ["a", "s"])
    func theNextEnvelopeGoesAlongWithTheEndOfAMessage(isByteByByte: Bool, store: String) throws {
        let stage = try FrontStage()
        stage.isByteByByte = isByteByByte
        let addresses = store == "a" ? ["a1", "a2", "a3", "a1"] : ["s1", "s1", "s1", "s1"]
        let client = Client(stage, addresses.map { [$0] })
        for number in 0..<Client.count { #expect(client.step(number)) }
        #expect(!client.step(Client.count) && stage.isClosed)
        #expect(client.finals.map { $0.map { $0.prefix(3) } } == Array(repeating: ["250"], count: Client.count))
        // What the replies to a message look like is known after the first.
        #expect(stage.togetherCount == Client.count - 2 && stage.connections.count == 1)
        #expect(stage.connections[0].peer.messages.count == Client.count)
        let taken = stage.connections[0].peer.taken
        #expect(taken.map(\.address) == addresses.map { "\($0)@store" })
        for (number, copy) in taken.enumerated() { #expect(copy.message.contains("Subject: \(number)\r\n")) }
    }

    /// Where replies could be read as another message's, the envelope waits for them.
    @Test func whatIsNotSafeIsNotSentAlong() throws {
        // Two replies are due to each message.
        var stage = try FrontStage()
        var client = Client(stage, Array(repeating: ["a1", "a2"], count: Client.count))
        for number in 0..<Client.count { #expect(client.step(number)) }
        #expect(stage.togetherCount == 0)
        // A recipient was refused: some answer for it as well.
        stage = try FrontStage()
        stage.makeStore = { _ in StagedStore(place: .recipient, fault: .say("550 5.1.1 no"), after: 2) }
        client = Client(stage, [["a1"], ["a1"], ["a2", "a3"], ["a1"]])
        for number in 0..<Client.count { #expect(client.step(number)) }
        #expect(stage.togetherCount == 1)
        // The replies to messages look like those to MAIL.
        stage = try FrontStage()
        stage.makeStore = { _ in StagedStore(place: .final, fault: .say("250 2.1.0 sender")) }
        client = Client(stage, Array(repeating: ["a1"], count: Client.count))
        for number in 0..<Client.count { #expect(client.step(number)) }
        #expect(stage.togetherCount == 0)
        // The server has no PIPELINING.
        stage = try FrontStage()
        stage.makeStore = { _ in
            var store = StagedStore()
            store.keywords = ["8BITMIME"]
            return store
        }
        client = Client(stage, Array(repeating: ["a1"], count: Client.count))
        for number in 0..<Client.count { #expect(client.step(number)) }
        #expect(stage.togetherCount == 0)
    }

    /// A store that closes between two messages defers what it did not answer, and nothing else.
    @Test(arguments: [false, true])
    func whatAStoreHasAnsweredBeforeItGoesStands(isByteByByte: Bool) throws {
        for (place, finals, answers) in [
            // Not the reply to the third message, and its successor is asked for elsewhere.
            (StagedPlace.final, ["250", "250", "451", "250"], ["250", "250", "250", "250"]),
            // That reply, and nothing of the envelope behind it: it is asked for elsewhere.
            (.mail, ["250", "250", "250", "250"], ["250", "250", "250", "250"]),
            (.recipient, ["250", "250", "250"], ["250", "250", "250", "451"]),
            (.data, ["250", "250", "250"], ["250", "250", "250", "451"]),
        ] {
            let stage = try FrontStage()
            stage.isByteByByte = isByteByByte
            var made = 0
            stage.makeStore = { _ in
                made += 1
                return made == 1 ? StagedStore(place: place, after: place == .final ? 2 : 3) : StagedStore()
            }
            let client = Client(stage, Array(repeating: ["a1"], count: Client.count))
            var number = 0
            while number <= Client.count, client.step(number) { number += 1 }
            #expect(client.finals.map { $0.map { String($0.prefix(3)) }.joined() } == finals, "\(place)")
            #expect(client.answers.map { $0.map { String($0.prefix(3)) }.joined() } == answers, "\(place)")
            #expect(stage.togetherCount >= 2)
            // Where it went, each message went once.
            let taken = stage.connections.flatMap { $0.peer.taken }
            #expect(taken.count == finals.filter { $0 == "250" }.count, "\(place)")
        }
    }

    /// Every place of every message with everything that can go wrong there, while the client stays or vanishes after each step.
    @Test(arguments: [false, true])
    func noReplyIsTakenForAnotherMessages(isByteByByte: Bool) throws {
        var (dialogues, together, delivered) = (0, 0, 0)
        for place in StagedPlace.allCases {
            for fault in FrontSessionTests.faults {
                for usualTimes in 0..<Client.count {
                    for (extent, recipients) in (1...Client.count + 1).flatMap({ extent in
                        [["a1", "a2", "a3", "also-a1"].map { [$0] }, [["a1", "b1"], ["a2"], ["b2", "a3"], ["a1"]]]
                            .map { (extent, $0) }
                    }) {
                        dialogues += 1
                        let stage = try FrontStage()
                        stage.isByteByByte = isByteByByte
                        stage.makeStore = { host in
                            host == "a" ? StagedStore(place: place, fault: fault, after: usualTimes) : StagedStore()
                        }
                        let client = Client(stage, recipients)
                        var number = 0
                        while number < extent, client.step(number) { number += 1 }
                        stage.vanish()
                        stage.passTime()
                        together += stage.togetherCount
                        let what = "\(place) \(usualTimes): \(fault), client vanishes after \(extent), \(recipients)"
                        delivered += check(client, what)
                    }
                }
            }
        }
        print(
            "two transactions at a time, faults of a store at every place: \(dialogues) dialogues, \(together) envelopes "
                + "went along, \(delivered) recipients believed delivered")
        #expect(together > 0 && delivered > 0)
    }

    private func check(_ client: Client, _ what: String) -> Int {
        var believed = 0
        let taken = client.stage.connections.flatMap { $0.peer.taken }
        for (number, finals) in client.finals.enumerated() {
            let answered = zip(client.recipients[number], client.answers[number])
            let accepted = answered.filter { $0.1.hasPrefix("2") }.map(\.0)
            #expect(finals.count == accepted.count, "\(what)")
            for (recipient, final) in zip(accepted, finals) {
                let address = recipient.replacing("also-", with: "") + "@store"
                let copies = taken.filter { $0.address == address && $0.message.contains("Subject: \(number)\r\n") }
                #expect(final.hasPrefix("2") ? copies.count == 1 : copies.count <= 1, "\(what): \(number) \(final)")
                if final.hasPrefix("2") { believed += 1 }
                // The other store's recipients do not suffer.
                if recipient.hasPrefix("b") { #expect(final.hasPrefix("250"), "\(what)") }
            }
        }
        for message in client.stage.connections.flatMap({ $0.peer.messages }) {
            #expect((0..<Client.count).contains { message.hasSuffix("Subject: \($0)\r\n\r\n\($0)\r\n") }, "\(what)")
        }
        #expect(client.stage.isClosed, "\(what)")
        for store in client.stage.stores { #expect(store.isOver, "\(what)") }
        return believed
    }
}
