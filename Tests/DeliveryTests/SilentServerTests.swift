// Servers that say nothing, or a byte at a time: they hold up what is for them, and nothing else.

import Delivery
import Foundation
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SilentServerTests {
    /// Where a server falls silent.
    private static let places: [ScriptedStep] = [.greeting, .hello, .mail, .recipient, .data, .body, .final]

    private static func script(silentAt step: ScriptedStep) -> ServerScript {
        var script = ServerScript()
        script.actions[step] = [.stall]
        return script
    }

    /// Clauses for servers by name, with these options.
    private static func clauses(_ servers: [(host: String, path: String)], options: String = "") throws -> DeliveryPlan
    {
        let clauses = servers.map { server in
            "smtp-lmtp/\(server.host)\n maxthr=4\n command=\"smtp -M -x -F UNIX:\(server.path) \(options)\"\n"
        }
        let conf = try SchedulerConf(bytes: Array(clauses.joined().utf8), file: "scheduler.conf")
        return DeliveryPlan(.scheduler(conf), settings: try testSettings())
    }

    /// More messages than there are workers wait for a server that is silent at each place; the others' mail goes.
    @Test(arguments: places)
    func othersHaveTheirMail(place: ScriptedStep) throws {
        let spool = try DeliverySpool(isInMemory: true)
        let body = place == .body ? String(repeating: String(repeating: "x", count: 99) + "\n", count: 8000) : "x\n"
        let silent = try ScriptedServer(Self.script(silentAt: place), in: spool.place, name: "silent")
        let good = try ScriptedServer(ServerScript(), in: spool.place, name: "good")
        defer { good.stop() }
        let plan = try Self.clauses([("silent", silent.path), ("good", good.path)])
        for number in 0..<20 { try spool.add([recipient("s\(number)", host: "silent")], body: body) }
        // One for both: the good server's part does not wait for the other's.
        for number in 0..<5 {
            try spool.add([recipient("b\(number)", host: "silent"), recipient("g\(number)", host: "good")])
        }
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 4)
        run.add(try spool.postOffice.messages().names, MessageWorker(spool.environment(plan, pool)))
        let wanted = Set((0..<5).map { "g\($0)" })
        #expect(try holds(within: 60) { Set(good.record.accepted) == wanted })
        #expect(try holds(within: 60) { run.openCount <= 2 })
        silent.stop()
        pool.stop(waitingForReplies: TimeSpan(seconds: 1))
        run.drain()
        pool.shutDown()
        #expect(good.record.accepted.count == wanted.count)
        #expect(silent.record.accepted.isEmpty)
    }

    /// Many servers, most of them silent, and more messages than there may be descriptors.
    @Test func manySilentServersHoldUpNobody() throws {
        let spool = try DeliverySpool(isInMemory: true)
        let silent = try (0..<45).map {
            try ScriptedServer(Self.script(silentAt: Self.places[$0 % 7]), in: spool.place, name: "s\($0)")
        }
        let good = try (0..<5).map { try ScriptedServer(ServerScript(), in: spool.place, name: "g\($0)") }
        defer { for server in good { server.stop() } }
        let plan = try Self.clauses(
            silent.indices.map { ("s\($0)", silent[$0].path) } + good.indices.map { ("g\($0)", good[$0].path) })
        for number in 0..<1800 { try spool.add([recipient("u\(number)", host: "s\(number % silent.count)")]) }
        let pool = ConnectionPool()
        let environment = spool.environment(plan, pool)
        let run = DeliveryRun(workers: 8, openLimit: 128)
        run.add(try spool.postOffice.messages().names, MessageWorker(environment))
        #expect(try holds(within: 60) { silent.allSatisfy { $0.record.connections > 0 } })
        var healthy: [MessageName] = []
        for number in 0..<50 { healthy.append(try spool.add([recipient("h\(number)", host: "g\(number % 5)")])) }
        run.add(healthy, MessageWorker(environment))
        #expect(try holds(within: 60) { good.map(\.record.accepted.count).reduce(0, +) == 50 })
        print("SilentServerTests: \(run.count) messages wait for 45 silent servers, \(run.openCount) of them open")
        #expect(run.openCount <= 128)
        for server in silent { server.stop() }
        pool.stop(waitingForReplies: TimeSpan(seconds: 1))
        run.drain()
        pool.shutDown()
        #expect(silent.allSatisfy { $0.record.accepted.isEmpty })
    }

    /// After the first time-outs all that waits is deferred with the reason, without a time-out for each.
    @Test(arguments: places)
    func whatWaitsIsDeferredTogether(place: ScriptedStep) throws {
        let spool = try DeliverySpool(isInMemory: true)
        let silent = try ScriptedServer(Self.script(silentAt: place), in: spool.place, name: "silent")
        defer { silent.stop() }
        let body = place == .body ? String(repeating: String(repeating: "x", count: 99) + "\n", count: 8000) : "x\n"
        for number in 0..<60 { try spool.add([recipient("s\(number)", host: "silent")], body: body) }
        let plan = try Self.clauses([("silent", silent.path)], options: "-T conn=1,tcpw=1,cmd=1,data=1,dot=1")
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 4)
        run.add(try spool.postOffice.messages().names, MessageWorker(spool.environment(plan, pool)))
        run.wait()
        run.drain()
        pool.shutDown()
        #expect(spool.outcomes.count == 60)
        #expect(spool.attempts.allSatisfy { $0.outcome == .deferred && "\($0.reply)".contains("timed out") })
        print(
            "SilentServerTests: silent at \(place): 60 messages deferred over \(silent.record.connections) connections")
        #expect(silent.record.connections <= 8)
    }

    /// A reply that comes a byte at a time has no more time than one that does not come.
    @Test(arguments: [ScriptedStep.greeting, .hello, .mail, .recipient, .data, .final])
    func aReplyHasADeadlineAsAWhole(place: ScriptedStep) throws {
        let spool = try DeliverySpool(isInMemory: true)
        var script = ServerScript()
        script.actions[place] = [.trickle]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add([recipient("u")])
        try spool.deliver(try plan(to: server.path, options: "-T conn=2,tcpw=2,cmd=2,data=2,dot=2"))
        #expect(spool.outcomes == ["u": .deferred])
        #expect(spool.attempts.allSatisfy { "\($0.reply)".contains("timed out") }, "\(spool.attempts.map(\.reply))")
    }

    /// Told to stop, it gives up what is not sent, without a trace, and waits for the reply to what is.
    @Test(arguments: places)
    func whatIsNotSentIsGivenUp(place: ScriptedStep) throws {
        let spool = try DeliverySpool(isInMemory: true)
        let late = spool.place.file("late")
        var script = ServerScript()
        let isSent = place == .final
        script.actions[place] = [isSent ? .replyOnceFileExists("250 2.0.0 stored", late) : .stall]
        let server = try ScriptedServer(script, in: spool.place, name: "silent")
        defer { server.stop() }
        let body = place == .body ? String(repeating: String(repeating: "x", count: 99) + "\n", count: 8000) : "x\n"
        for number in 0..<10 { try spool.add([recipient("s\(number)", host: "silent")], body: body) }
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 4)
        run.add(
            try spool.postOffice.messages().names,
            MessageWorker(spool.environment(try Self.clauses([("silent", server.path)]), pool)))
        #expect(try holds(within: 60) { isSent ? server.record.messages.count == 2 : server.record.connections == 2 })
        run.stop()
        pool.stop(waitingForReplies: TimeSpan(seconds: 60))
        try spool.place.write("", to: "late")
        run.drain()
        pool.shutDown()
        let left = try spool.postOffice.messages().names.compactMap { try spool.postOffice.controlFile(of: $0) }
        #expect(left.count == (isSent ? 8 : 10))
        #expect(left.allSatisfy { $0.diagnostics.isEmpty && $0.recipients.allSatisfy { $0.tag == .pending } })
        #expect(server.record.accepted.count == (isSent ? 2 : 0))
    }
}
