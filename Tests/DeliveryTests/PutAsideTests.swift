// What nobody may be told of is put aside for the postmaster: also the loss of reports that were sent with NOTIFY=NEVER,
// as ours are. And what is discarded on purpose is told of to nobody.

import Delivery
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct PutAsideTests {
    private func server(in spool: DeliverySpool) throws -> ScriptedServer {
        var script = ServerScript()
        script.keywords = ["PIPELINING"]
        script.recipientReplies = ["bad": "550 5.1.1 gone"]
        return try ScriptedServer(script, in: spool.place)
    }

    private func aside(_ spool: DeliverySpool) throws -> [String] {
        try spool.postOffice.filesPutAside().map(\.name.description)
    }

    @Test(
        arguments: counted(
            "reports that may go to nobody",
            [nil, "NOTIFY=NEVER", "NOTIFY=SUCCESS", "NOTIFY=NEVER ORCPT=rfc822;x@y", "NOTIFY=DELAY"]))
    func failuresForTheNullSender(notification: String?) throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        let name = try spool.add([recipient("bad", notification: notification), recipient("good")], sender: "")
        #expect(try spool.deliver(try plan(to: server.path)) == [.removed])
        #expect(try aside(spool) == ["\(name).report"])
        // Nobody is told, so nothing is told of that in turn.
        #expect(try spool.reports().isEmpty)
        #expect(try spool.postOffice.messages().names.isEmpty)
    }

    @Test func whoWantsToHearOfNothingHearsNothing() throws {
        let spool = try DeliverySpool()
        let server = try server(in: spool)
        defer { server.stop() }
        try spool.add([recipient("bad", notification: "NOTIFY=NEVER")])
        #expect(try spool.deliver(try plan(to: server.path)) == [.removed])
        #expect(try aside(spool).isEmpty && spool.reports().isEmpty)
    }

    /// Names that are inode numbers come back.
    @Test func aReportOnAnEarlierMessageOfTheNameStays() throws {
        let spool = try DeliverySpool()
        let name = try #require(MessageName("4711"))
        func put(_ mark: String, _ text: String) throws {
            _ = try spool.postOffice.putAside(reportOn: name, holding: Array(mark.utf8)) { (write) throws(FileError) in
                try write(Array("Message-ID: <\(mark)>\n\n\(text)\n".utf8))
            }
        }
        for (mark, text) in [("first", "1"), ("second", "2"), ("third", "3"), ("second", "2 again")] {
            try put(mark, text)
        }
        #expect(try aside(spool) == ["4711-1.report", "4711-2.report", "4711.report"])
        let texts = try aside(spool).map {
            text(try readFile("\(spool.postOffice.path)/postman/\($0)", limit: 1000).bytes).suffix(8)
        }
        #expect(texts.map { $0.contains("2 again") } == [true, false, false])
    }

    @Test(arguments: [
        ("local", "file.noreply@mail.example.net", "/dev/null"), ("local", "noreply@mail.example.net", "/dev/null"),
        ("local", "-", "\"/dev/null\""), ("bitbucket", "-", "anything"),
    ])
    func whatIsDiscardedCountsAsDelivered(channel: String, host: String, user: String) throws {
        let spool = try DeliverySpool()
        try spool.add([recipient(user, channel: channel, host: host)])
        #expect(try spool.deliver(try plan(to: "/nobody")) == [.removed])
        #expect(spool.attempts.map(\.outcome) == [.delivered])
        #expect(spool.attempts.first?.endpoint == nil)
        #expect(try spool.reports().isEmpty && aside(spool).isEmpty)
    }

    @Test(
        arguments: counted(
            "files that are not /dev/null",
            ["/dev/null/x", "/dev/nul", "/dev/zero", "|/dev/null", "//dev/null", "/DEV/NULL"]))
    func noOtherFileIsTaken(user: String) throws {
        let spool = try DeliverySpool()
        try spool.add([recipient(user, channel: "local", host: "file.x@example.org", submittedAs: "x@example.org")])
        try spool.deliver(try plan(to: "/nobody"))
        #expect(spool.attempts.map(\.outcome) == [.failed])
        #expect(try spool.reports().count == 1)
    }

    @Test func successIsToldOfWhatIsDiscarded() throws {
        let spool = try DeliverySpool()
        try spool.add([
            recipient(
                "/dev/null", channel: "local", host: "file.x@example.org", notification: "NOTIFY=SUCCESS",
                submittedAs: "x@example.org")
        ])
        try spool.deliver(try plan(to: "/nobody"))
        let report = try #require(try spool.reports().first)
        #expect(report.contains("Action: delivered") && report.contains("<x@example.org>: delivered"))
        #expect(!report.contains("/dev/null"))
    }

    /// The last attempt of what is too old has failed, in the log and in the counts as in the report.
    @Test func expiryIsOneFailedAttempt() throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.keywords = ["PIPELINING"]
        script.recipientReplies = ["later": "450 4.2.1 busy"]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add([
            recipient("later", submittedAs: "x@example.org"), recipient("u", channel: "smtp", host: "other"),
        ])
        let plan = try plan(to: server.path) { $0.expiry = TimeSpan(seconds: 3600) }
        let pool = ConnectionPool()
        let environment = spool.environment(plan, pool, now: DeliveryEnvironment.now() + 3700)
        let name = try #require(try spool.postOffice.messages().names.first)
        #expect(MessageWorker(environment).process(name) == .removed)
        pool.shutDown()
        #expect(spool.attempts.map(\.outcome) == [.failed, .failed])
        #expect(spool.attempts.allSatisfy { $0.reply.isLocal && $0.reply.description.hasPrefix("550 5.4.7") })
        #expect(environment.metrics.text.contains("{channel=\"smtp-lmtp\",result=\"failed\"} 1"))
        #expect(!environment.metrics.text.contains("deferred\"} 1"))
        let report = try #require(try spool.reports().first).replacing("\n    ", with: " ")
        #expect(!report.contains("said:") && !report.contains("Remote-MTA"))
        #expect(report.contains("the last try ended with: 450 4.2.1 busy"))
    }
}
