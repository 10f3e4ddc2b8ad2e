// The front over sockets: real connections to it and behind it.

import Delivery
import Foundation
import LMTP
import Serve
import Service
import Spool
import Synchronization
import System
import Testing
import ZRouteTestKit

/// A front with stores behind it.
final class FrontPlace: Sendable {
    let directory: TemporaryDirectory
    let server: FrontServer
    let postOffice: PostOffice?

    /// The stores are sockets of the directory, named as the hosts of their routes.
    init(
        in directory: TemporaryDirectory, hasSpool: Bool = false, options: String = "", threads: Int = 1,
        site: FrontSite = FrontSite(),
        change: (inout FrontSettings) -> Void = { _ in }
    ) throws {
        self.directory = directory
        var site = site
        for host in ["a", "b", "s"] { site.stores[host] = directory.file(host) }
        site.options = options
        var settings = FrontSettings(host: "front.example")
        change(&settings)
        var postOffice: PostOffice?
        if hasSpool {
            try PostOffice.create(path: directory.file("spool"))
            postOffice = try PostOffice(path: directory.file("spool"))
        }
        self.postOffice = postOffice
        let resolving = site
        server = try FrontServer(
            sockets: ListeningSocket.listen(at: [.unix(directory.file("front"))]), plan: try site.plan(),
            settings: settings, spool: postOffice, threads: threads,
            resolve: { address, request, completion in
                // A worker's answer comes from another thread.
                DispatchQueue.global().async {
                    if let resolution = try? resolving.resolve(address, request) { completion(resolution) }
                }
            }, report: { _ in })
    }

    func client() throws -> LMTPTestClient { try LMTPTestClient(path: directory.file("front")) }

    deinit { server.shutDown() }
}

/// A client that sends lines and waits for replies.
struct LMTPTestClient {
    let stream: LocalStream

    init(path: String) throws {
        stream = try LocalStream(path: path)
        _ = try reply()
        _ = try say("LHLO c")
    }

    /// The last line of the next reply.
    func reply() throws -> String {
        while true {
            let line = try stream.readLine()
            if line.dropFirst(3).first != "-" { return line }
        }
    }

    @discardableResult
    func say(_ line: String) throws -> String {
        try stream.write("\(line)\r\n")
        return try reply()
    }

    /// Sends a message, and gives the replies to RCPT and to it; who has no domain is at x.example.
    func send(_ recipients: [String], _ body: String = "Subject: x\r\n\r\nhello\r\n") throws -> (
        answers: [String], finals: [String]
    ) {
        try say("MAIL FROM:<s@y.example>")
        let answers = try recipients.map { try say("RCPT TO:<\($0.contains("@") ? $0 : "\($0)@x.example")>") }
        guard try say("DATA").hasPrefix("354") else { return (answers, []) }
        try stream.write(body + ".\r\n")
        let finals = try answers.filter { $0.hasPrefix("2") }.map { _ in try reply() }
        return (answers, finals)
    }
}

/// Waits until something is so.
private func eventually(_ condition: () throws -> Bool) throws -> Bool {
    for _ in 0..<3000 {
        if try condition() { return true }
        usleep(10_000)
    }
    return false
}

@Suite struct FrontServerTests {
    /// A write that fails closes the connection from within: the front may not be in the middle of anything then.
    @Test func clientsThatAreGoneBeforeTheyAreGreetedHarmNobody() throws {
        let place = try FrontPlace(in: TemporaryDirectory())
        for _ in 0..<500 { _ = try LocalStream(path: place.directory.file("front")) }
        for count in 0..<500 {
            let client = try LocalStream(path: place.directory.file("front"))
            let said = "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@d.example>\r\nRCPT TO:<b@d.example>\r\nQUIT\r\n"
            _ = try? client.writeWithoutWaiting(String(said.prefix(count % said.count)))
        }
        _ = try place.client()
    }

    @Test(arguments: [1, 2])
    func mailGoesToItsStores(threads: Int) throws {
        let directory = try TemporaryDirectory()
        var script = ServerScript()
        script.recipientReplies = ["a2": "552 5.2.2 over quota"]
        script.finalReplies = ["a3": "452 4.2.2 full"]
        let a = try ScriptedServer(script, in: directory, name: "a")
        let b = try ScriptedServer(in: directory, name: "b")
        defer {
            a.stop()
            b.stop()
        }
        let place = try FrontPlace(in: directory, threads: threads)
        let client = try place.client()
        for _ in 0..<5 {
            let (answers, finals) = try client.send(["a1", "a2", "b1", "a3", "none"])
            #expect(
                answers.map { String($0.prefix(9)) } == [
                    "250 2.1.5", "552 5.2.2", "250 2.1.5", "250 2.1.5", "550 5.1.1",
                ])
            #expect(
                finals == [
                    "250 2.1.5 delivered <a1@store>", "250 2.1.5 delivered <b1@store>", "452 4.2.2 full",
                ])
        }
        // Connections are kept.
        #expect(a.record.connections == 1 && b.record.connections == 1)
        #expect(a.record.messages.count == 5 && b.record.messages.count == 5)
        for message in a.record.messages + b.record.messages {
            let text = String(decoding: message, as: UTF8.self)
            #expect(
                text.hasPrefix("Received: from c\r\n\tby front.example")
                    && text.hasSuffix("Subject: x\r\n\r\nhello\r\n"))
        }
        #expect(try client.say("QUIT") == "221 2.0.0 bye")
        let tally = place.server.counts.tally
        #expect(tally.transactions == 5 && tally.messages == 5)
        #expect(tally.accepted == 15 && tally.refused == 10 && tally.delivered == 10 && tally.deferred == 5)
        #expect(place.server.counts.buckets.reduce(0, +) == 5)
    }

    /// Messages in a row with the next envelope behind the end of each, as one write and byte by byte.
    @Test(arguments: [false, true])
    func messagesInARowGoToTheirStore(isByteByByte: Bool) throws {
        let directory = try TemporaryDirectory()
        var script = ServerScript()
        script.keywords = ["PIPELINING"]
        let a = try ScriptedServer(script, in: directory, name: "a")
        defer { a.stop() }
        let place = try FrontPlace(in: directory)
        let client = try place.client()
        func say(_ text: String) throws {
            guard isByteByByte else { return try client.stream.write(text) }
            for byte in text { try client.stream.write(String(byte)) }
        }
        let count = 5
        for number in 0...count {
            var text = number > 0 ? "Subject: \(number)\r\n.\r\n" : ""
            if number < count {
                text += "MAIL FROM:<s@y.example>\r\nRCPT TO:<a\(number % 3 + 1)@x.example>\r\nDATA\r\n"
            }
            try say(text)
            if number > 0 {
                #expect(try client.reply() == "250 2.1.5 delivered <a\((number - 1) % 3 + 1)@store>")
            }
            guard number < count else { break }
            let replies = try (0..<3).map { _ in try client.reply().prefix(3) }
            #expect(replies == ["250", "250", "354"])
        }
        #expect(a.record.connections == 1 && a.record.messages.count == count)
        for (number, message) in a.record.messages.enumerated() {
            #expect(String(decoding: message, as: UTF8.self).hasSuffix("Subject: \(number + 1)\r\n"))
        }
        #expect(try eventually { place.server.counts.tally.answered == count })
    }

    @Test func aStoreThatClosedAnIdleConnectionIsAskedAgain() throws {
        let directory = try TemporaryDirectory()
        // After the message the store says nothing more, and is gone at the next command.
        let a = try ScriptedServer(in: directory, name: "a") { number in
            var script = ServerScript()
            if number < 3 { script.actions[.mail] = [.usual, .close] }
            return script
        }
        defer { a.stop() }
        let place = try FrontPlace(in: directory)
        let client = try place.client()
        for _ in 0..<3 { #expect(try client.send(["a1"]).finals == ["250 2.1.5 delivered <a1@store>"]) }
        #expect(a.record.connections == 3 && a.record.messages.count == 3)
    }

    @Test func aStoreThatIsGoneDelaysItsOwnMailOnly() throws {
        let directory = try TemporaryDirectory()
        let b = try ScriptedServer(in: directory, name: "b")
        defer { b.stop() }
        let place = try FrontPlace(in: directory)
        let client = try place.client()
        let (answers, finals) = try client.send(["a1", "b1"])
        #expect(answers[0].hasPrefix("451 4.4.1 cannot connect") && answers[1].hasPrefix("250"))
        #expect(finals == ["250 2.1.5 delivered <b1@store>"])
        // And is asked again when it is there.
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        #expect(try eventually { try client.send(["a1"]).finals == ["250 2.1.5 delivered <a1@store>"] })
    }

    /// A store that is silent at each place is given up, and the other has its mail.
    @Test(
        arguments: counted(
            "a store behind the front that is silent",
            [ScriptedStep.greeting, .hello, .mail, .recipient, .data, .body, .final]))
    func aSilentStoreIsGivenUp(_ step: ScriptedStep) throws {
        let directory = try TemporaryDirectory()
        var script = ServerScript()
        script.actions[step] = [.stall]
        let a = try ScriptedServer(script, in: directory, name: "a")
        let b = try ScriptedServer(in: directory, name: "b")
        defer {
            a.stop()
            b.stop()
        }
        let place = try FrontPlace(in: directory) {
            $0.stores.command = 1
            $0.stores.data = 1
            $0.stores.block = 1
            $0.stores.final = 1
        }
        let client = try place.client()
        // More than all buffers on the way hold.
        let body = String(repeating: String(repeating: "x", count: 98) + "\r\n", count: step == .body ? 40_000 : 10)
        try client.say("MAIL FROM:<s@y.example>")
        let answers = [try client.say("RCPT TO:<a1@x.example>"), try client.say("RCPT TO:<b1@x.example>")]
        #expect(answers[1].hasPrefix("250"))
        let isAccepted = [.data, .body, .final].contains(step)
        #expect(answers[0].hasPrefix(isAccepted ? "250" : "451 4.4.2"), "\(answers)")
        #expect(try client.say("DATA").hasPrefix("354"))
        try client.stream.write(body + ".\r\n")
        if isAccepted { #expect(try client.reply().hasPrefix("451 4.4.2")) }
        #expect(try client.reply() == "250 2.1.5 delivered <b1@store>")
        // What is longer is our Received field.
        let surplus = b.record.messages.map { $0.count - body.utf8.count }
        #expect(surplus.count == 1 && surplus.allSatisfy { (80..<200).contains($0) }, "\(surplus)")
        #expect(a.record.accepted.isEmpty)
    }

    @Test func theClientThatVanishesLeavesNothing() throws {
        let directory = try TemporaryDirectory()
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        let place = try FrontPlace(in: directory, hasSpool: true)
        for text in [
            "", "Subject: x\r\n", "Subject: x\r\n\r\n.", "Subject: x\r\n\r\n.\r",
            String(repeating: "x\r\n", count: 300_000),
        ] {
            do {
                let client = try place.client()
                try client.say("MAIL FROM:<s@y.example>")
                try client.say("RCPT TO:<a1@x.example>")
                try client.say("RCPT TO:<list@x.example>")
                try client.say("DATA")
                try client.stream.write(text)
            }
            #expect(try eventually { a.record.openConnections == 0 && place.server.counts.openConnections == 0 })
        }
        #expect(a.record.messages.isEmpty)
        // What was begun of a submission is removed on another thread.
        let router = directory.file("spool/router")
        #expect(try eventually { try FileManager.default.contentsOfDirectory(atPath: router).isEmpty })
    }

    /// Exim ends its side of the connection behind QUIT, and waits for what becomes of its message.
    @Test func theClientThatOnlyListensHearsWhatBecameOfItsMessage() throws {
        let directory = try TemporaryDirectory()
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        let place = try FrontPlace(in: directory)
        let whole = try place.client()
        let envelope = "MAIL FROM:<s@y.example>\r\nRCPT TO:<a1@x.example>\r\n"
        try whole.stream.write(envelope + "BDAT 3 LAST\r\nx\r\nQUIT\r\n")
        whole.stream.closeWriting()
        #expect(
            try whole.stream.readToEnd()
                == "250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.1.5 delivered <a1@store>\r\n221 2.0.0 bye\r\n")
        let part = try place.client()
        try part.stream.write(envelope + "BDAT 30 LAST\r\nx\r\n")
        part.stream.closeWriting()
        #expect(try part.stream.readToEnd() == "250 2.1.0 ok\r\n250 2.1.5 ok\r\n")
        #expect(try eventually { a.record.openConnections == 0 })
        #expect(a.record.messages.count == 1)
    }

    @Test func theSpoolTakesWhatNoStoreIsAskedFor() throws {
        let directory = try TemporaryDirectory()
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        let place = try FrontPlace(in: directory, hasSpool: true)
        let client = try place.client()
        let body = "From: <s@y.example>\r\nSubject: x\r\n\r\nhello\r\n"
        let (answers, finals) = try client.send(["list", "a1", "elsewhere"], body)
        #expect(answers.allSatisfy { $0.hasPrefix("250") })
        #expect(
            finals == ["250 2.0.0 kept in the queue", "250 2.1.5 delivered <a1@store>", "250 2.0.0 kept in the queue"])
        let names = try #require(try place.postOffice?.submissions().names)
        #expect(names.count == 1)
        let text = try String(
            contentsOfFile: directory.file("spool/router/\(names.first.map { "\($0)" } ?? "")"), encoding: .utf8)
        #expect(
            text.hasSuffix(
                "to <list@x.example>\nto <elsewhere@x.example>\nenv-end\n" + body.replacing("\r\n", with: "\n")))
        // A spool that cannot be written defers, and the store's reply stands.
        try FileManager.default.removeItem(atPath: directory.file("spool/router"))
        let second = try client.send(["list", "a1"], body).finals
        #expect(second == ["451 4.3.1 it cannot be written to the queue now", "250 2.1.5 delivered <a1@store>"])
    }

    @Test func theEndWaitsForTransactions() throws {
        let directory = try TemporaryDirectory()
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        let place = try FrontPlace(in: directory)
        let idle = try place.client()
        let client = try place.client()
        try client.say("MAIL FROM:<s@y.example>")
        try client.say("RCPT TO:<a1@x.example>")
        let ended = Mutex(false)
        let server = place.server
        Thread.detachNewThread {
            server.finish(within: 60)
            ended.withLock { $0 = true }
        }
        #expect(try idle.reply() == "421 4.3.2 the server is ending")
        #expect(!ended.withLock { $0 })
        #expect(try client.say("DATA").hasPrefix("354"))
        try client.stream.write("x\r\n.\r\n")
        #expect(try client.reply() == "250 2.1.5 delivered <a1@store>")
        #expect(try client.reply() == "421 4.3.2 the server is ending")
        #expect(try eventually { ended.withLock { $0 } })
        #expect(a.record.messages.count == 1 && a.record.commands.last == "QUIT")
    }

    @Test func connectionsOfClientsAreLimited() throws {
        let directory = try TemporaryDirectory()
        let place = try FrontPlace(in: directory) { $0.connections = 2 }
        let clients = [try place.client(), try place.client()]
        let third = try LocalStream(path: directory.file("front"))
        #expect(try third.readLine().hasPrefix("421 4.3.2"))
        #expect(try clients[0].say("QUIT").hasPrefix("221"))
        #expect(try eventually { place.server.counts.openConnections == 1 })
        #expect(try place.client().say("NOOP").hasPrefix("250"))
    }

    @Test func manyClientsShareFewConnections() throws {
        let directory = try TemporaryDirectory()
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        // maxthr=4 of the plan.
        let place = try FrontPlace(in: directory)
        let failures = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 12) { _ in
            do {
                let client = try place.client()
                for _ in 0..<10 where try client.send(["a1", "a2"]).finals.count != 2 { failures.withLock { $0 += 1 } }
            } catch {
                failures.withLock { $0 += 1 }
            }
        }
        #expect(failures.withLock { $0 } == 0)
        #expect(a.record.messages.count == 120 && a.record.mostConnections <= 4)
    }
}
