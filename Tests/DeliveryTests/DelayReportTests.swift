// Senders who asked for it (NOTIFY=DELAY) are told that their message waits: once for each time of `reporttimes`.

import Delivery
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct DelayReportTests {
    private func server(in spool: DeliverySpool) throws -> ScriptedServer {
        var script = ServerScript()
        script.keywords = ["PIPELINING"]
        script.recipientReplies = ["later": "450 4.2.1 mailbox busy"]
        return try ScriptedServer(script, in: spool.place)
    }

    @Test func delaysAreToldAtTheirTimes() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add([
            recipient("later1", notification: "NOTIFY=DELAY,FAILURE"),
            recipient("later2", notification: "NOTIFY=DELAY"),
            recipient("later3"), recipient("later4", notification: "NOTIFY=FAILURE"),
            recipient("later5", notification: "NOTIFY=NEVER"), recipient("good", notification: "NOTIFY=DELAY"),
        ])
        let plan = try plan(to: server.path) {
            $0.reportTimes = [TimeSpan(seconds: 3600), TimeSpan(seconds: 86_400)]
            $0.expiry = TimeSpan(seconds: 2 * 86_400)
        }
        let now = DeliveryEnvironment.now()
        var counts: [Int] = []
        for age in [0, 1800, 3700, 7200, 80_000, 86_500, 90_000] {
            try spool.deliver(plan, now: now + age)
            counts.append(try spool.reports().count)
        }
        #expect(counts == [0, 0, 1, 1, 1, 2, 2])
        for report in try spool.reports() {
            #expect(report.contains("Subject: Mail delayed\n"))
            #expect(report.contains("Final-Recipient: rfc822; later1\nAction: delayed\nStatus: 4.2.1\n"))
            #expect(report.contains("rfc822; later2") && report.contains("450 4.2.1 mailbox busy"))
            #expect(report.contains("Will-Retry-Until: ") && report.contains("Content-Type: text/rfc822-headers"))
            for other in ["later3", "later4", "later5", "good"] { #expect(!report.contains("rfc822; \(other)")) }
        }
        // At the end those who asked for failures, or for nothing, get their report.
        try spool.deliver(plan, now: now + 2 * 86_400 + 10)
        let last = try #require(try spool.reports().first { $0.contains("Action: failed") })
        for (user, isTold) in [("later1", true), ("later2", false), ("later3", true), ("later4", true)] {
            #expect(last.contains("rfc822; \(user)\n") == isTold, "\(user)")
        }
        #expect(try spool.reports().count == 3)
        #expect(try spool.postOffice.messages().names.isEmpty)
    }

    @Test func theNullSenderIsNotTold() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add([recipient("later", notification: "NOTIFY=DELAY")], sender: "")
        let plan = try plan(to: server.path) { $0.reportTimes = [TimeSpan(seconds: 60)] }
        try spool.deliver(plan, now: DeliveryEnvironment.now() + 100)
        #expect(try spool.reports().isEmpty)
        #expect(!spool.events.contains { if case .putAside = $0 { true } else { false } })
    }
}
