// How many connections there are at a time, how much each carries, and how long each waits for what.

import Delivery
import Foundation
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct ConnectionLimitTests {
    /// Delivers by a scheduler.conf with several workers.
    private func deliver(_ spool: DeliverySpool, _ conf: String) throws {
        let plan = DeliveryPlan(
            .scheduler(try SchedulerConf(bytes: Array(conf.utf8), file: "scheduler.conf")), settings: try testSettings()
        )
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 16)
        run.add(try spool.postOffice.messages().names, MessageWorker(spool.environment(plan, pool)))
        run.wait()
        run.drain()
        pool.shutDown()
    }

    @Test(arguments: [
        ("maxthr=3", 6), ("maxthr=1", 2), ("maxring=2", 4), ("maxchannel=2", 2), ("maxta=1", 1),
        ("maxthr=5 maxchannel=3", 3),
    ])
    func connectionsAreLimited(limit: String, most: Int) throws {
        let spool = try DeliverySpool(isInMemory: true)
        // One server by two names: two endpoints, whose connections it counts together.
        let server = try ScriptedServer(in: spool.place, name: "a")
        defer { server.stop() }
        try FileManager.default.createSymbolicLink(
            atPath: spool.place.file("b"), withDestinationPath: spool.place.file("a"))
        for number in 0..<60 { try spool.add([recipient("u\(number)", host: number % 2 == 0 ? "a" : "b")]) }
        let clauses = ["a", "b"].map { name in
            "smtp-lmtp/\(name)\n    \(limit)\n    command=\"smtp -M -F UNIX:\(spool.place.file(name))\"\n"
        }
        try deliver(spool, clauses.joined())
        // None starves, whatever the limit.
        #expect(server.record.accepted.count == 60 && Set(server.record.accepted).count == 60)
        #expect(server.record.mostConnections <= most)
        #expect(try spool.postOffice.messages().names.isEmpty)
    }

    @Test func oneMessageAConnection() throws {
        let spool = try DeliverySpool(isInMemory: true)
        let server = try ScriptedServer(in: spool.place)
        defer { server.stop() }
        for number in 0..<20 { try spool.add([recipient("u\(number)")]) }
        try deliver(spool, "smtp-lmtp\n    maxthr=2 idlemax=1s\n    command=\"smtp -M -1 -F UNIX:\(server.path)\"\n")
        #expect(server.record.connections == 20 && server.record.mostConnections <= 2)
        #expect(server.record.commands.filter { $0 == "QUIT" }.count == 20)
    }

    /// A server that closes after each message, or after some time without one, costs a connection and no mail.
    @Test(arguments: [1, 3])
    func connectionsThatTheServerClosesAreReplaced(connections: Int) throws {
        let spool = try DeliverySpool(isInMemory: true)
        var script = ServerScript()
        script.actions[.final] = [.usual, .bytesThen("250 2.1.5 last\r\n", .close)]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        for number in 0..<40 { try spool.add([recipient("u\(number)")]) }
        try deliver(
            spool, "smtp-lmtp\n    maxthr=\(connections)\n    command=\"smtp -M -F UNIX:\(server.path)\"\n")
        #expect(spool.outcomes.count == 40 && spool.outcomes.values.allSatisfy { $0 == .delivered })
        #expect(server.record.connections >= 20)
    }

    /// Each group of `-T` limits its own states: with all others at an hour, the silent state ends.
    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            (ScriptedStep.greeting, "cmd"), (.hello, "cmd"), (.startTLS, "cmd"), (.authentication, "cmd"),
            (.mail, "cmd"), (.recipient, "cmd"), (.data, "data"), (.body, "tcpw"), (.final, "dot"),
        ])
    func eachStateHasItsTimeOut(step: ScriptedStep, group: String) throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.keywords = ["STARTTLS", "AUTH PLAIN"]
        script.actions[step] = [.stall]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        let groups = ["conn", "tcpw", "cmd", "data", "dot"].map { "\($0)=\($0 == group ? "1s" : "1h")" }
        var options = "-T \(groups.joined(separator: ","))"
        if step == .startTLS { options += " -S \(try spool.place.write("demand-tls-mode\n", to: "tls"))" }
        if step == .authentication {
            let path = try spool.place.write("* * dXNlcg== c2VjcmV0\n", to: "secrets")
            try runCommandSuccessfully("/bin/chmod", ["600", path])
            options += " -A \(path)"
        }
        try spool.add([recipient("u")], body: String(repeating: String(repeating: "x", count: 99) + "\n", count: 8000))
        try spool.deliver(try plan(to: server.path, options: options))
        #expect(spool.outcomes == ["u": .deferred])
        #expect(spool.attempts.first?.reply.description.contains("timed out waiting for") == true)
    }

    @Test func aHandshakeHasTheConnectionsTimeOut() throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.keywords = ["STARTTLS"]
        script.actions[.startTLS] = [.bytesThen("220 go\r\n", .stall)]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        let file = try spool.place.write("demand-tls-mode\n", to: "tls")
        try spool.add([recipient("u")])
        try spool.deliver(
            try plan(to: server.path, options: "-S \(file) -T conn=1s,tcpw=1h,cmd=1h,data=1h,dot=1h"))
        #expect(spool.attempts.first?.reply.description.contains("timed out waiting for the TLS handshake") == true)
    }

    /// BDAT announces each octet, of small messages and of large ones, and only where the server has it.
    @Test(arguments: [true, false], [1, 8000])
    func messagesGoByBDATWhereAskedFor(isOffered: Bool, lines: Int) throws {
        let server = try isOffered ? RealServer("dovecot") : nil
        defer { server?.stop() }
        let spool = try DeliverySpool()
        let plain = try ScriptedServer(in: spool.place)
        defer { plain.stop() }
        let log = spool.place.file("log")
        let body =
            "bare\rreturn\n.\n" + String(repeating: String(repeating: "x", count: 99) + "\n", count: lines) + "end"
        try spool.add([recipient("cyrus-user@example.org")], body: body)
        try spool.deliver(try plan(to: server?["LMTP_SOCKET"] ?? plain.path, options: "-B -l \(log)"))
        #expect(spool.outcomes == ["cyrus-user@example.org": .delivered], "\(spool.attempts)")
        let dialogue = text(try readFile(log, limit: 1 << 20).bytes)
        #expect(dialogue.contains("> BDAT ") == isOffered && dialogue.contains("> DATA") == !isOffered)
        guard let server else { return }
        let found = try IMAPClient(server["IMAP"], user: "cyrus-user@example.org", password: "secret")
            .messages(in: "INBOX")
        #expect(found.count == 1 && found[0].contains("\r\n\r\nbare\r\nreturn\r\n.\r\nxxx"))
        #expect(found.first?.hasSuffix("xxx\r\nend\r\n") == true)
    }
}
