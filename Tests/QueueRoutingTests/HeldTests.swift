// Addresses that a failing map leaves undecided are held, and routed anew when their time has come.

import Glibc
import QueueRouting
import Spool
import Testing
import ZRouteTestKit

@Suite struct HeldTests {
    private static let message =
        "from <a@b.example>\nenvid E1\nnotaryret HDRS\ntodsn NOTIFY=DELAY ORCPT=rfc822;x@y\nto <m00@example.org>\n"
        + "to <m01@example.org>\nenv-end\nSubject: s\nMessage-Id: <1@b>\n\nbody\n"

    @Test func isRoutedIntoAControlFileOfItsOwn() throws {
        let site = try TestSite()
        try site.submit(Self.message)
        try site.route(failing: "m00@example.org")
        #expect(try site.pending() == ["hold!IO:error!m00@example.org", "smtp-lmtp!cyrus-node!cyrus-m01"])
        let first = try #require(try site.controlFiles().first)
        let held = try #require(first.recipients.first { $0.address.isChannel("hold") })

        let reports = try site.route()
        let name = try #require(reports.first?.newName)
        #expect(name == "\(text(first.name ?? []))-h\(held.offset)")
        let split = try ControlFile(parsing: try site.read("transport/\(name)"))
        let recipient = try #require(split.recipients.first)
        #expect(text(of: recipient.address) == "smtp-lmtp!cyrus-node!cyrus-m00")
        #expect(recipient.notification.map { text($0) } == "NOTIFY=DELAY ORCPT=rfc822;x@y")
        #expect(
            recipient.returnMode.map { text($0) } == "HDRS" && recipient.envelopeIdentifier.map { text($0) } == "E1")
        #expect(recipient.errorAddress.map { text($0) } == "a@b.example")
        #expect(split.header(of: recipient) == first.header(of: held))
        #expect(split.bodyOffset == first.bodyOffset && split.logIdentity == first.logIdentity)
        #expect(try site.contents("queue/\(name)") == Self.message)
        #expect(try site.pending() == ["smtp-lmtp!cyrus-node!cyrus-m00", "smtp-lmtp!cyrus-node!cyrus-m01"])
        #expect(try site.route().isEmpty, "nothing is left to be done")
    }

    @Test func onlyWhoHadParametersCarriesThem() throws {
        let site = try TestSite()
        try site.submit(
            "from <a@b.example>\nenvid E1\nto <m00@example.org>\ntodsn NOTIFY=DELAY\nto <m01@example.org>\nenv-end\n\nx\n"
        )
        try site.route(failing: "*")
        #expect(try site.pending().allSatisfy { $0.hasPrefix("hold!IO:error!") })
        try site.route()
        let recipients = try site.controlFiles().flatMap(\.recipients).filter { $0.tag == .pending }
        #expect(recipients.map { $0.envelopeIdentifier.map { text($0) } ?? "-" }.sorted() == ["-", "E1"])
        #expect(recipients.allSatisfy { ($0.notification == nil) == ($0.envelopeIdentifier == nil) })
    }

    @Test func leavesADiagnosticForEachAttempt() throws {
        let site = try TestSite()
        try site.submit(Self.message)
        try site.route(failing: "m00@example.org")
        for attempts in 1...3 {
            let reports = try site.route(failing: "m00@example.org")
            guard case .stillHeld = reports.first?.outcome else { Issue.record("\(reports)"); return }
            var waiting: [WaitingRecipient] = []
            try PostOffice(path: site.spool).eachWaitingRecipient {
                waiting.append($0)
            } failed: {
                Issue.record("\($0) \($1)")
            }
            let held = try #require(waiting.first { $0.state == .held })
            #expect(held.attempts == attempts && text(held.user) == "m00@example.org")
            #expect(held.lastAttempt.map { text($0.status) } == "4.4.3")
            #expect(waiting.filter { $0.state == .routed }.map { text($0.user) } == ["cyrus-m01"])
        }
    }

    @Test func waitsUntilItsTimeHasCome() throws {
        let site = try TestSite()
        try site.submit(Self.message)
        let slow = RetryRule(interval: 3600)
        try site.route(failing: "m00@example.org", retry: slow)
        #expect(try site.route(retry: slow).isEmpty, "an hour after its arrival, not before")
        try Self.setArrival(site, secondsAgo: 3601)
        #expect(try site.route(failing: "m00@example.org", retry: slow).count == 1)
        #expect(try site.route(retry: slow).isEmpty, "two hours after the first attempt")
    }

    @Test func waitsForTheTimeThatItsRouteNames() throws {
        let site = try TestSite()
        try site.write("later.example delay!1000\n", to: "db/routes")
        try site.submit("from <a@b.example>\nto <x@later.example>\nenv-end\n\nx\n")
        try site.route()
        #expect(try site.route().isEmpty)
        #expect(try site.pending().first?.hasPrefix("hold!") == true)
    }

    @Test func isNotServedTwiceWhereItsMailboxIsServedAlready() throws {
        let site = try TestSite()
        try site.write("twice@example.org: alice@example.org, m00@example.org\n", to: "db/fqdnaliases-local")
        try site.submit("from <a@b.example>\nto <twice@example.org>\nto <alice@example.org>\nenv-end\n\nx\n")
        try site.route(failing: "m00@example.org")
        #expect(try site.pending() == ["hold!IO:error!twice@example.org", "smtp-lmtp!cyrus-node!cyrus-alice"])
        try site.route()
        #expect(try site.pending() == ["smtp-lmtp!cyrus-node!cyrus-alice", "smtp-lmtp!cyrus-node!cyrus-m00"])
    }

    private static func setArrival(_ site: TestSite, secondsAgo: Int) throws {
        for name in try site.names("queue") {
            let arrival = timespec(tv_sec: time(nil) - secondsAgo, tv_nsec: 0)
            #expect(utimensat(AT_FDCWD, "\(site.spool)/queue/\(name)", [arrival, arrival], 0) == 0)
        }
    }
}
