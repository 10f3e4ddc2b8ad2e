// The spool cannot be written to for a while: what a server answered is kept, nothing new is sent, and no second copy.

import Delivery
import Glibc
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SpoolTroubleTests {
    /// A run with one message, whose server has all of it and answers only once it is told to.
    private final class Delivery {
        let disk = FailingDisk()
        let spool: DeliverySpool
        let server: ScriptedServer
        let run: DeliveryRun
        let worker: MessageWorker
        private let pool = ConnectionPool()

        init(reply: String, to user: String, patience: TimeSpan? = nil) throws {
            spool = try DeliverySpool(operations: disk.operations, isInMemory: true)
            var script = ServerScript()
            script.actions[.final] = [.replyOnceFileExists(reply, spool.place.file("late"))]
            let server = try ScriptedServer(script, in: spool.place)
            self.server = server
            worker = MessageWorker(spool.environment(try plan(to: server.path), pool))
            run = DeliveryRun(workers: 1, patience: patience, retryPause: 20)
            try spool.add([recipient(user)])
            run.add(try spool.postOffice.messages().names, worker)
            #expect(try holds { server.record.messages.count == 1 })
        }

        deinit { server.stop() }

        var notices: [String] {
            spool.events.compactMap { event in
                if case .notice(let text) = event { text } else { nil }
            }
        }

        /// Lets a kind of operation fail, and the server answer.
        func answer(failing operation: FileOperation, _ code: Int32) throws {
            disk.fail(operation, code)
            try spool.place.write("", to: "late")
        }

        func end() {
            run.drain()
            pool.shutDown()
        }
    }

    @Test(
        arguments: ["250 2.0.0 stored", "550 5.1.1 never", "450 4.2.1 later"],
        [ENOSPC, EDQUOT, EIO, EROFS])
    func aReplyIsNotForgotten(reply: String, code: Int32) throws {
        let delivery = try Delivery(reply: reply, to: "first")
        let spool = delivery.spool
        let second = try spool.add([recipient("second")])
        try delivery.answer(failing: .write, code)
        #expect(try holds { delivery.notices.count == 1 })
        delivery.run.add([second], delivery.worker)
        // Told once, however often it is tried; and the second message is not begun.
        #expect(try holds { spool.attempts.count == 1 })
        delivery.disk.recover()
        delivery.run.wait()
        delivery.end()
        #expect(delivery.notices.count == 2, "\(delivery.notices)")
        #expect(delivery.server.record.messages.count == 2)
        #expect(spool.attempts.map { text($0.address.user) } == ["first", "second"])
        let tags = try spool.postOffice.messages().names.compactMap {
            try spool.postOffice.controlFile(of: $0)?.recipients.map(\.tag)
        }
        #expect(tags == (reply.hasPrefix("4") ? [[.pending], [.pending]] : []))
    }

    /// A sync that fails is made good by writing everything again.
    @Test func aSyncThatFailsIsRepeated() throws {
        let delivery = try Delivery(reply: "450 4.2.1 later", to: "u")
        try delivery.answer(failing: .syncFile, EIO)
        #expect(try holds { delivery.notices.count == 1 })
        delivery.disk.recover()
        delivery.run.wait()
        delivery.end()
        #expect(try delivery.spool.control()?.diagnostics.count == 1)
        #expect(delivery.server.record.messages.count == 1)
    }

    /// A run that may not wait for ever says to whom it has delivered.
    @Test func whatIsGivenUpIsSaid() throws {
        let delivery = try Delivery(
            reply: "250 2.0.0 stored", to: "u@example.org", patience: TimeSpan(seconds: 0))
        try delivery.answer(failing: .write, ENOSPC)
        delivery.run.wait()
        #expect(delivery.run.takeResults().map(\.progress) == [.trouble])
        delivery.end()
        let troubles = delivery.spool.events.compactMap { event in
            if case .trouble(_, let text) = event { text } else { nil }
        }
        #expect(troubles.count == 1 && troubles[0].contains("delivered to smtp-lmtp!node!u@example.org"), "\(troubles)")
    }
}
