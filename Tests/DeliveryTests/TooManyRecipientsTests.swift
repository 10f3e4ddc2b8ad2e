// A list of many recipients at a store that takes few at a time: all of them have it at once, over one connection.

import Delivery
import LMTP
import Spool
import Testing
import ZRouteTestKit

@Suite struct TooManyRecipientsTests {
    @Test(
        arguments: counted(
            "lists of too many recipients",
            [
                (1000, 100, "452 4.5.3 too many recipients", 10), (1000, 100, "552 5.5.3 limit reached", 10),
                (25, 10, "552 too many", 3), (5, 2, "552 5.5.3 Maximum limit of 2 recipients reached", 3),
                (3, 1, "452 no", 3),
            ]))
    func allAreServedInOneRun(recipients: Int, limit: Int, reply: String, transactions: Int) throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.recipientLimit = (limit, reply)
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add((0..<recipients).map { recipient("m\($0)") })
        #expect(try spool.deliver(try plan(to: server.path)) == [.removed])
        let record = server.record
        #expect(record.accepted.count == recipients && Set(record.accepted).count == recipients)
        #expect(record.messages.count == transactions)
        #expect(record.connections == 1)
        #expect(spool.attempts.count == recipients && spool.outcomes.values.allSatisfy { $0 == .delivered })
        #expect(try spool.reports().isEmpty)
    }

    @Test(
        arguments: counted(
            "servers that take nobody more", ["452 4.5.3 too many recipients", "552 5.5.3 too many recipients"]))
    func aServerThatTakesNobodyIsAskedOnce(reply: String) throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.recipientLimit = (0, reply)
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add((0..<5).map { recipient("m\($0)") })
        try spool.deliver(try plan(to: server.path))
        #expect(spool.attempts.count == 5 && spool.outcomes.values.allSatisfy { $0 == .deferred })
        #expect(server.record.commands.count { $0.hasPrefix("MAIL") } == 1)
        #expect(try spool.control()?.recipients.allSatisfy { $0.tag == .pending } == true)
    }

    /// Each recipient has its own verdict, whichever transaction it was in.
    @Test func verdictsStayWithTheirRecipients() throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.recipientLimit = (2, "452 4.5.3 too many recipients")
        script.recipientReplies = ["bad": "550 5.1.1 nobody"]
        script.finalReplies = ["full": "552 5.2.2 over quota", "later": "450 4.2.0 locked"]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        let users = ["a", "full1", "b", "later1", "c", "d", "full2", "later2", "e"]
        try spool.add(users.map { recipient($0) })
        try spool.deliver(try plan(to: server.path))
        for user in users {
            let outcome: RecipientReport.Outcome =
                user.hasPrefix("full") ? .failed : user.hasPrefix("later") ? .deferred : .delivered
            #expect(spool.outcomes[user] == outcome, "\(user)")
        }
        #expect(spool.attempts.count == users.count)
        #expect(server.record.messages.count == 5)
    }
}
