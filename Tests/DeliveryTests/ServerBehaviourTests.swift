// What servers may do to a client, over a real socket, from the spool: for each behaviour every recipient must end
// delivered, failed or queued as the last byte received says.

import Delivery
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

/// One behaviour: what a server does at one step, and what the recipients `one` and `two` come to.
struct Behaviour: Sendable, CustomTestStringConvertible {
    typealias Outcome = RecipientReport.Outcome

    let name: String
    let script: ServerScript
    let one: Outcome
    let two: Outcome
    /// Options of the smtp command.
    var options = "-T conn=60,tcpw=60,cmd=60,data=60,dot=60"
    /// Whether the server's other connections may have delivered after all.
    var mayRetry = false

    var testDescription: String { String(name.prefix(100)) }

    static let all: [Behaviour] = replies + pieces + broken + counts

    private static func make(
        _ step: ScriptedStep, _ actions: [ScriptedAction], _ one: Outcome, _ two: Outcome, pipelining: Bool = true
    ) -> Behaviour {
        var script = ServerScript()
        if !pipelining { script.keywords.removeAll { $0 == "PIPELINING" } }
        script.actions[step] = actions
        let name = "\(step) \(actions.map(\.description).joined(separator: ", ")), pipelining \(pipelining)"
        return Behaviour(name: name, script: script, one: one, two: two)
    }

    /// Every class of reply at every step.
    private static let replies = [true, false].flatMap { pipelining in
        [
            make(.greeting, [.reply("450 4.3.0 busy")], .deferred, .deferred, pipelining: pipelining),
            make(.greeting, [.reply("554 5.3.0 no")], .deferred, .deferred, pipelining: pipelining),
            make(.greeting, [.reply("354 what")], .deferred, .deferred, pipelining: pipelining),
            make(.hello, [.reply("450 4.3.0 busy")], .deferred, .deferred, pipelining: pipelining),
            make(.hello, [.reply("550 5.3.0 no")], .deferred, .deferred, pipelining: pipelining),
            make(.hello, [.reply("421 4.3.0 closing")], .deferred, .deferred, pipelining: pipelining),
            make(.mail, [.reply("450 4.1.8 later")], .deferred, .deferred, pipelining: pipelining),
            make(.mail, [.reply("550 5.1.8 no")], .failed, .failed, pipelining: pipelining),
            make(.mail, [.reply("354 what")], .deferred, .deferred, pipelining: pipelining),
            make(.mail, [.reply("421 4.3.0 closing")], .deferred, .deferred, pipelining: pipelining),
            make(.recipient, [.reply("450 4.2.1 busy")], .deferred, .deferred, pipelining: pipelining),
            make(.recipient, [.reply("550 5.1.1 no"), .reply("250 ok")], .failed, .delivered, pipelining: pipelining),
            make(.recipient, [.reply("250 ok"), .reply("550 5.1.1 no")], .delivered, .failed, pipelining: pipelining),
            make(.recipient, [.reply("550-no\n550 5.1.1 user")], .failed, .failed, pipelining: pipelining),
            make(.recipient, [.reply("421 4.3.0 closing")], .deferred, .deferred, pipelining: pipelining),
            make(.data, [.reply("451 4.3.0 later")], .deferred, .deferred, pipelining: pipelining),
            make(.data, [.reply("554 5.6.0 no")], .failed, .failed, pipelining: pipelining),
            make(.data, [.reply("421 4.3.0 closing")], .deferred, .deferred, pipelining: pipelining),
            make(.final, [.reply("452 4.2.2 full"), .reply("250 ok")], .deferred, .delivered, pipelining: pipelining),
            make(.final, [.reply("552 5.2.2 full"), .reply("250 ok")], .failed, .delivered, pipelining: pipelining),
            make(.final, [.reply("250 ok"), .reply("421 4.3.0 bye")], .delivered, .deferred, pipelining: pipelining),
            make(.final, [.reply("421 4.3.0 assertion failed")], .deferred, .deferred, pipelining: pipelining),
            make(.quit, [.reply("500 what")], .delivered, .delivered, pipelining: pipelining),
        ]
    }

    /// Good replies in pieces, and in strange dress.
    private static let pieces = [
        make(.greeting, [.split("220-a\n220 b")], .delivered, .delivered),
        make(.hello, [.split("250-a\n250-PIPELINING\n250 Ok SESSIONID=<x>")], .delivered, .delivered),
        make(.mail, [.split("250 2.1.0 ok")], .delivered, .delivered),
        make(.recipient, [.split("250-a\n250 b")], .delivered, .delivered),
        make(.data, [.split("354 go")], .delivered, .delivered),
        make(.final, [.split("250-2.1.5 a\n250 2.1.5 b")], .delivered, .delivered),
        make(.final, [.bytes("250 bare\n")], .delivered, .delivered),
        make(.final, [.bytes("250\r\n")], .delivered, .delivered),
        make(.hello, [.reply("250 ")], .delivered, .delivered),
        make(.quit, [.close], .delivered, .delivered),
        make(.quit, [.reset], .delivered, .delivered),
    ]

    /// The connection ends, or the reply is none.
    private static let broken = [ScriptedStep.greeting, .hello, .mail, .recipient, .data, .body, .final].flatMap {
        step in
        [
            make(step, [.close], .deferred, .deferred), make(step, [.reset], .deferred, .deferred),
            make(step, [.bytes("nonsense\r\n"), .close], .deferred, .deferred),
            make(step, [.bytes("25")], .deferred, .deferred).closing(after: step),
            make(step, [.bytes("250 " + String(repeating: "x", count: 70_000) + "\r\n")], .deferred, .deferred),
            make(step, [.stall], .deferred, .deferred).timingOut(),
        ]
    }

    /// Replies that are missing, surplus or early.
    private static let counts = [
        make(.final, [.reply("250 ok"), .close], .delivered, .deferred),
        make(.final, [.reply("250 ok"), .stall], .delivered, .deferred).timingOut(),
        make(.final, [.reply("552 5.2.3 too big"), .silence], .failed, .deferred).timingOut(),
        make(.final, [.silence], .deferred, .deferred).timingOut(),
        make(.recipient, [.reply("250 ok"), .silence], .deferred, .deferred).timingOut(),
        make(.body, [.reply("250 early")], .deferred, .deferred),
        make(.body, [.reply("552 5.3.4 too big")], .deferred, .deferred),
        make(.final, [.reply("250 ok"), .reply("250 ok\n250 surplus")], .delivered, .delivered),
        make(.data, [.reply("354 go\n250 early")], .deferred, .deferred),
    ]

    private func timingOut() -> Behaviour {
        var changed = self
        changed.options = "-T conn=2,tcpw=2,cmd=2,data=2,dot=2"
        return changed
    }

    /// A reply cut off: the next action on the same step, or the peer's next, ends the connection.
    private func closing(after step: ScriptedStep) -> Behaviour {
        var script = script
        for later in ScriptedStep.allCases where later != step { script.actions[later] = script.actions[later] ?? [] }
        var changed = Behaviour(name: name + ", cut off", script: script, one: one, two: two)
        changed.options = "-T conn=2,tcpw=2,cmd=2,data=2,dot=2"
        return changed
    }
}

@Suite struct ServerBehaviourTests {
    @Test(arguments: Behaviour.all)
    func everyRecipientEndsAsTheLastByteSays(behaviour: Behaviour) throws {
        let two = try TwoRecipients(behaviour.script)
        defer { two.server.stop() }
        try two.spool.deliver(try plan(to: two.server.path, options: behaviour.options))
        // A body or final reply in pieces or broken may hit either.
        try two.check([behaviour.one, behaviour.two], behaviour.name)
    }

    @Test func casesAreCounted() {
        print("DeliveryTests: \(Behaviour.all.count) behaviours of a server, each over a real socket")
        #expect(Behaviour.all.count > 90)
    }

    /// What was decided on a connection that broke is not sent again; what was not, is.
    @Test func aLostConnectionLeavesTheUndecidedQueued() throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.actions[.final] = [.reply("250 ok"), .close]
        script.connectionLimit = 1
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add([recipient("one"), recipient("two"), recipient("three")])
        let plan = try plan(to: server.path)
        try spool.deliver(plan)
        #expect(spool.outcomes == ["one": .delivered, "two": .deferred, "three": .deferred])
        try spool.deliver(plan)
        #expect(spool.outcomes == ["one": .delivered, "two": .delivered, "three": .delivered])
        #expect(server.record.accepted.sorted() == ["one", "three", "two"])
        #expect(try spool.postOffice.messages().names.isEmpty)
    }

    /// Exim's test script 5102: six recipients, each with a fate of its own.
    @Test func eachRecipientHasItsOwnFate() throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.actions[.recipient] = [250, 250, 250, 450, 550, 250].map { .reply("\($0) recipient") }
        script.actions[.final] = [250, 450, 550, 250].map { .reply("\($0) final") }
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add((1...6).map { recipient("r\($0)") })
        try spool.deliver(try plan(to: server.path))
        #expect(
            spool.outcomes == [
                "r1": .delivered, "r2": .deferred, "r3": .failed, "r4": .deferred, "r5": .failed, "r6": .delivered,
            ])
        #expect(try spool.reports().count == 1)
    }

    @Test func noServerDefersAll() throws {
        let spool = try DeliverySpool()
        for number in 0..<50 { try spool.add([recipient("u\(number)")]) }
        let begun = MonotonicTime.coarse()
        try spool.deliver(try plan(to: spool.place.file("nobody")))
        #expect(spool.attempts.allSatisfy { $0.outcome == .deferred && $0.reply.description.contains("No such file") })
        #expect(spool.attempts.count == 50)
        #expect(begun <= .coarse())
        let control = try #require(try spool.control())
        #expect(control.diagnostics.count == 1)
        #expect(control.recipients.allSatisfy { $0.tag == .pending && $0.process == nil })
    }

    /// Many messages share few connections, and each arrives once, dots and all.
    @Test(arguments: [1, 4])
    func connectionsAreReused(connections: Int) throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(in: spool.place)
        defer { server.stop() }
        for number in 0..<200 { try spool.add([recipient("u\(number)")], body: "..\nx\r\n.\nno \(number)") }
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 16)
        let environment = spool.environment(try plan(to: server.path, connections: connections), pool)
        run.add(try spool.postOffice.messages().names, MessageWorker(environment))
        run.wait()
        run.drain()
        pool.shutDown()
        let record = server.record
        #expect(record.accepted.count == 200 && Set(record.accepted).count == 200)
        #expect(record.connections <= connections)
        #expect(try spool.postOffice.messages().names.isEmpty)
        let bodies = Set(record.messages.map { text($0.suffix(while: { _ in true })) })
        #expect(bodies.count == 200)
        #expect(record.messages.allSatisfy { text($0).contains("\r\n\r\n..\r\nx\r\n.\r\nno ") })
        #expect(record.commands.filter { $0 == "QUIT" }.count == record.connections)
    }

    /// A connection that has taken its share of messages ends at once, and makes room for the next one.
    @Test(.timeLimit(.minutes(5))) func usedUpConnectionsMakeRoom() throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(in: spool.place)
        defer { server.stop() }
        for number in 0..<8 { try spool.add([recipient("u\(number)")]) }
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 8)
        let plan = try plan(to: server.path, options: "-1", connections: 1) {
            $0.idleMaximum = TimeSpan(seconds: 3600)
        }
        run.add(try spool.postOffice.messages().names, MessageWorker(spool.environment(plan, pool)))
        run.wait()
        run.drain()
        pool.shutDown()
        #expect(server.record.accepted.count == 8 && server.record.connections == 8)
    }

    /// A large message passes through in pieces.
    @Test func largeMessagesAreStreamed() throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(in: spool.place)
        defer { server.stop() }
        let line = String(repeating: "x", count: 70) + "\n"
        try spool.add([recipient("big")], body: String(repeating: line + ".\n", count: 50_000))
        try spool.deliver(try plan(to: server.path))
        #expect(spool.outcomes == ["big": .delivered])
        let message = try #require(server.record.messages.first)
        #expect(message.count == 50_000 * 75 + "From: sender@example.net\r\nSubject: test\r\n\r\n".utf8.count)
    }
}

extension Array {
    fileprivate func suffix(while fits: (Element) -> Bool) -> ArraySlice<Element> {
        self[(lastIndex { !fits($0) }.map { $0 + 1 } ?? startIndex)...]
    }
}
