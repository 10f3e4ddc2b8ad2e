// What becomes of failures: reports, to whom, with what in them, how often.

import Delivery
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct ReportTests {
    /// A server that refuses recipients by their names.
    private func server(in spool: DeliverySpool, announcing keywords: [String] = ["PIPELINING"]) throws
        -> ScriptedServer
    {
        var script = ServerScript()
        script.keywords = keywords
        script.recipientReplies = [
            "bad": "550-No mailbox of that name here,\n550 5.1.1 nor any like it", "later": "450 4.2.1 busy",
        ]
        script.finalReplies = ["full": "552 5.2.2 over quota"]
        return try ScriptedServer(script, in: spool.place)
    }

    @Test func oneReportTellsOfAllFailures() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add(
            [
                recipient("bad1"), recipient("good"),
                recipient("full", notification: "ORCPT=rfc822;asked+2Bfor@example.org"),
                recipient("nobody@example.org", channel: "error", host: "nosuchuser!Nobody lives here"),
                recipient("This domain is closed", channel: "error", host: "nosuchuser"),
                recipient("|/bin/cat", channel: "local", host: "pipe.x@example.org"),
                recipient("/etc/passwd", channel: "local", host: "file.x@example.org"),
                recipient("later"), recipient("never-bad", notification: "NOTIFY=NEVER"),
                recipient("bad-never", notification: "NOTIFY=NEVER"),
            ], body: "the body\n")
        try spool.deliver(try plan(to: server.path))
        let report = try #require(try spool.reports().first)
        #expect(try spool.reports().count == 1)
        #expect(report.contains("channel error\ntodsn NOTIFY=NEVER\nto <sender@example.net>\nenv-end\n"))
        for part in [
            "Content-Type: multipart/report; report-type=delivery-status;", "Reporting-MTA: dns; store.example.org",
            "Final-Recipient: rfc822; bad1\nAction: failed\nStatus: 5.1.1\n",
            "Original-Recipient: rfc822; asked+for@example.org\nFinal-Recipient: rfc822; asked+for@example.org\nAction: failed\nStatus: 5.2.2",
            "No mailbox of that name here, nor any like it", "Nobody lives here <nobody@example.org>",
            "This domain is closed", "delivery to programs and files is not done here", "the body\n",
            "Content-Type: message/rfc822", "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
        ] {
            let folded = report.replacing("\n    ", with: " ")
            #expect(report.contains(part) || folded.contains(part), "\(part) in \(report)")
        }
        for other in ["good", "later", "bad-never", "never-bad"] {
            #expect(!report.contains("rfc822; \(other)"), "\(other)")
        }
        // Another run has nothing new to tell.
        try spool.deliver(try plan(to: server.path))
        #expect(try spool.reports().count == 1)
    }

    @Test(arguments: [("HDRS", false, false), ("FULL", true, true), (nil, true, false)] as [(String?, Bool, Bool)])
    func contentIsReturnedAsAsked(returnMode: String?, small: Bool, large: Bool) throws {
        for (body, isReturned) in [("short\n", small), (String(repeating: "long line\n", count: 10_000), large)] {
            let spool = try DeliverySpool()
            let server = try server(in: spool)
            defer { server.stop() }
            try spool.add([recipient("bad", returnMode: returnMode)], body: body)
            try spool.deliver(try plan(to: server.path))
            let report = try #require(try spool.reports().first)
            #expect(report.contains("Content-Type: message/rfc822") == isReturned)
            #expect(report.contains("Content-Type: text/rfc822-headers") == !isReturned)
            #expect(report.contains(body) == isReturned)
            #expect(report.contains("Subject: test\n"))
        }
    }

    @Test func nobodyIsToldAboutTheNullSender() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add([recipient("bad"), recipient("good")], sender: "")
        try spool.deliver(try plan(to: server.path))
        #expect(try spool.reports().isEmpty)
        #expect(try spool.postOffice.messages().names.isEmpty)
        let event = spool.events.compactMap { if case .putAside(_, let path) = $0 { path } else { nil } }
        #expect(event.count == 1)
        let aside = text(try readFile(try #require(event.first), limit: 1 << 20).bytes)
        #expect(aside.contains("Final-Recipient: rfc822; bad"))
    }

    @Test(arguments: [true, false])
    func successIsReportedWhereTheServerDoesNot(announced: Bool) throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool, announcing: announced ? ["PIPELINING", "DSN"] : ["PIPELINING"])
        defer { server.stop() }
        try spool.add([recipient("good", notification: "NOTIFY=SUCCESS,FAILURE"), recipient("other")])
        try spool.deliver(try plan(to: server.path))
        let reports = try spool.reports()
        #expect(reports.count == (announced ? 0 : 1))
        if let report = reports.first {
            #expect(report.contains("Final-Recipient: rfc822; good\nAction: delivered\nStatus: 2."))
            #expect(!report.contains("other"))
        }
    }

    @Test func oldMailIsReturned() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add([recipient("later"), recipient("u", channel: "smtp", host: "elsewhere")])
        let plan = try plan(to: server.path) { $0.expiry = TimeSpan(seconds: 3600) }
        let now = DeliveryEnvironment.now()
        try spool.deliver(plan, now: now)
        #expect(try spool.reports().isEmpty)
        try spool.deliver(plan, now: now + 3700)
        let report = try #require(try spool.reports().first).replacing("\n    ", with: " ")
        #expect(report.contains("Status: 5.4.7"))
        #expect(report.contains("450 4.2.1 busy"))
        #expect(report.contains("needs a scheduler.conf"))
        #expect(try spool.postOffice.messages().names.isEmpty)
    }

    @Test func retriesWaitForTheirTime() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add([recipient("later")])
        let plan = try plan(to: server.path) {
            $0.interval = TimeSpan(seconds: 1000)
            $0.retries = [1, 2]
        }
        let now = DeliveryEnvironment.now()
        let first = try spool.deliver(plan, now: now, ignoringSchedule: false)
        guard case .waiting(let until)? = first.first else {
            Issue.record("\(first)")
            return
        }
        #expect((now + 900...now + 1000).contains(until))
        try spool.deliver(plan, now: now + 500, ignoringSchedule: false)
        #expect(spool.attempts.count == 1)
        try spool.deliver(plan, now: now + 1001, ignoringSchedule: false)
        #expect(spool.attempts.count == 2)
        // The same answer is written down once.
        #expect(try spool.control()?.diagnostics.count == 1)
    }

    @Test func heldAndDiscarded() throws {
        let spool = try DeliverySpool()
        try spool.add([recipient("x", channel: "hold", host: "IO:error"), recipient("y", channel: "bitbucket")])
        let progress = try spool.deliver(try plan(to: "/nobody"))
        #expect(progress == [.notOurs])
        let control = try #require(try spool.control())
        #expect(control.recipients.map(\.tag) == [.pending, .done])
    }
}
