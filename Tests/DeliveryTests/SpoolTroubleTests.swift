// The spool cannot be written to for a while: what a server answered is kept, nothing new is sent, and no second copy.

import Delivery
import Glibc
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SpoolTroubleTests {
    /// A server that answers the end of the message only once a file exists, whatever the reply.
    private static func server(_ spool: DeliverySpool, reply: String) throws -> ScriptedServer {
        var script = ServerScript()
        script.actions[.final] = [.replyOnceFileExists(reply, spool.place.file("late"))]
        return try ScriptedServer(script, in: spool.place)
    }

    private static func notices(_ spool: DeliverySpool) -> [String] {
        spool.events.compactMap { event in
            if case .notice(let text) = event { text } else { nil }
        }
    }

    @Test(
        arguments: ["250 2.0.0 stored", "550 5.1.1 never", "450 4.2.1 later"],
        [ENOSPC, EDQUOT, EIO, EROFS])
    func aReplyIsNotForgotten(reply: String, code: Int32) throws {
        let disk = FailingDisk()
        let spool = try DeliverySpool(operations: disk.operations, isInMemory: true)
        let server = try Self.server(spool, reply: reply)
        defer { server.stop() }
        let pool = ConnectionPool()
        let worker = MessageWorker(spool.environment(try plan(to: server.path), pool))
        let run = DeliveryRun(workers: 1, retryPause: 20)
        try spool.add([recipient("first")])
        run.add(try spool.postOffice.messages().names, worker)
        #expect(try holds { server.record.messages.count == 1 })
        let second = try spool.add([recipient("second")])
        disk.fail(.write, code)
        try spool.place.write("", to: "late")
        #expect(try holds { Self.notices(spool).count == 1 })
        run.add([second], worker)
        // Told once, however often it is tried; and the second message is not begun.
        #expect(try holds { spool.attempts.count == 1 })
        disk.recover()
        run.wait()
        run.drain()
        pool.shutDown()
        #expect(Self.notices(spool).count == 2, "\(Self.notices(spool))")
        #expect(server.record.messages.count == 2)
        #expect(spool.attempts.map { text($0.address.user) } == ["first", "second"])
        let tags = try spool.postOffice.messages().names.compactMap {
            try spool.postOffice.controlFile(of: $0)?.recipients.map(\.tag)
        }
        #expect(tags == (reply.hasPrefix("4") ? [[.pending], [.pending]] : []))
    }

    /// A sync that fails is made good by writing everything again.
    @Test func aSyncThatFailsIsRepeated() throws {
        let disk = FailingDisk()
        let spool = try DeliverySpool(operations: disk.operations, isInMemory: true)
        let server = try Self.server(spool, reply: "450 4.2.1 later")
        defer { server.stop() }
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 1, retryPause: 20)
        try spool.add([recipient("u")])
        run.add(
            try spool.postOffice.messages().names, MessageWorker(spool.environment(try plan(to: server.path), pool)))
        #expect(try holds { server.record.messages.count == 1 })
        disk.fail(.syncFile, EIO)
        try spool.place.write("", to: "late")
        #expect(try holds { Self.notices(spool).count == 1 })
        disk.recover()
        run.wait()
        run.drain()
        pool.shutDown()
        #expect(try spool.control()?.diagnostics.count == 1)
        #expect(server.record.messages.count == 1)
    }

    /// A run that may not wait for ever says to whom it has delivered.
    @Test func whatIsGivenUpIsSaid() throws {
        let disk = FailingDisk()
        let spool = try DeliverySpool(operations: disk.operations, isInMemory: true)
        let server = try Self.server(spool, reply: "250 2.0.0 stored")
        defer { server.stop() }
        let pool = ConnectionPool()
        let run = DeliveryRun(workers: 1, patience: TimeSpan(seconds: 0), retryPause: 20)
        try spool.add([recipient("u@example.org")])
        run.add(
            try spool.postOffice.messages().names, MessageWorker(spool.environment(try plan(to: server.path), pool)))
        #expect(try holds { server.record.messages.count == 1 })
        disk.fail(.write, ENOSPC)
        try spool.place.write("", to: "late")
        run.wait()
        #expect(run.takeResults().map(\.progress) == [.trouble])
        run.drain()
        pool.shutDown()
        let troubles = spool.events.compactMap { event in
            if case .trouble(_, let text) = event { text } else { nil }
        }
        #expect(troubles.count == 1 && troubles[0].contains("delivered to smtp-lmtp!node!u@example.org"), "\(troubles)")
    }
}
