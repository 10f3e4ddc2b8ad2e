// The set-up of the how-to against a real Cyrus: what is sent is read back over IMAP, from the mailbox and folder that the
// maps name.

import Foundation
import Spool
import Testing
import ZRouteTestKit

@Suite struct CyrusTests {
    private static func store(_ environment: [String: String] = [:]) throws -> RealServer {
        let server = try RealServer("cyrus", environment: environment)
        let admin = try IMAPClient(server["IMAP"], user: "admin", password: "secret")
        for name in [
            "user/cyrus-user", "user/cyrus-user/Lists", "user/cyrus-user/Lists/swift", "user/full",
            "user/virtual-user@virtual.example", "user/virtual-user/lists@virtual.example",
        ] { try admin.makeMailbox(name) }
        try admin.setQuota("user/full", kibibytes: 1)
        return server
    }

    private static func mailbox(_ server: RealServer, _ user: String) throws -> IMAPClient {
        try IMAPClient(server["IMAP"], user: user, password: "secret")
    }

    /// Address, then user and folder where its message must be found.
    private static let ways: [(address: String, user: String, folder: String)] = [
        ("user@example.org", "cyrus-user", "INBOX"),
        ("user+Lists@example.org", "cyrus-user", "Lists"),
        ("user--Lists@example.org", "cyrus-user", "Lists"),
        ("user+Lists/swift@example.org", "cyrus-user", "Lists/swift"),
        ("USER@EXAMPLE.ORG", "cyrus-user", "INBOX"),
        // By the domain's route, the user is the address as it was typed.
        ("cyrus-user+Lists@EXAMPLE.ORG", "cyrus-user", "Lists"),
        // Cyrus puts what names no folder into the inbox.
        ("user+Nowhere@example.org", "cyrus-user", "INBOX"),
        ("user@virtual.example", "virtual-user@virtual.example", "INBOX"),
        ("user+lists@virtual.example", "virtual-user@virtual.example", "lists"),
        ("user--lists@Virtual.Example", "virtual-user@virtual.example", "lists"),
    ]

    @Test func messagesAreFoundWhereTheMapsSay() throws {
        let server = try Self.store()
        defer { server.stop() }
        let site = try StoreSite(command: "-F UNIX:\(server["LMTP_SOCKET"])")
        for (number, way) in Self.ways.enumerated() { try site.submit(to: [way.address], subject: "way-\(number)-") }
        try site.submit(to: ["team@virtual.example"], subject: "team-", body: "grüße\n.\n..dots\n")
        try site.run()
        #expect(try site.waiting().isEmpty && site.postOffice.messages().names.isEmpty, "\(site.said)")
        for (number, way) in Self.ways.enumerated() {
            let found = try Self.mailbox(server, way.user).messages(in: way.folder)
            let own = found.filter { $0.contains("Subject: way-\(number)-\r\n") }
            #expect(own.count == 1, "\(way): \(site.said)")
            #expect(own.first?.hasSuffix("\r\n\r\nline\r\n.\r\n..dots\r\n") == true)
        }
        for (user, folder) in [("virtual-user@virtual.example", "INBOX"), ("cyrus-user", "Lists")] {
            let found = try Self.mailbox(server, user).messages(in: folder).filter { $0.contains("Subject: team-") }
            #expect(found.count == 1)
            #expect(found.first?.contains("grüße") == true)
        }
        #expect(site.dialogue.contains("RCPT TO:<virtual-user+lists@virtual.example>"))
    }

    @Test func failuresComeBackWithTheirWords() throws {
        let server = try Self.store()
        defer { server.stop() }
        let site = try StoreSite(command: "-F UNIX:\(server["LMTP_SOCKET"])")
        try site.submit(to: ["gone@virtual.example", "user@example.org"], subject: "unknown-user")
        try site.submit(to: ["nobody@virtual.example"], subject: "no-route")
        try site.submit(from: "", to: ["gone@virtual.example"], subject: "null-sender")
        try site.run()
        #expect(try site.postOffice.messages().names.isEmpty)
        let inbox = try Self.mailbox(server, "cyrus-user").messages(in: "INBOX")
        #expect(inbox.count == 3)
        let reports = inbox.filter { $0.contains("Content-Type: multipart/report; report-type=delivery-status") }
        #expect(reports.count == 2)
        let unknown = try #require(reports.first { $0.contains("Final-Recipient: rfc822; gone@virtual.example") })
        // Cyrus's own words.
        #expect(unfolded(unknown).contains("User unknown"), "\(unknown)")
        #expect(unknown.contains("Action: failed\r\nStatus: 5.1.1\r\n"))
        #expect(unknown.contains("Subject: unknown-user"))
        #expect(!unknown.contains("rfc822; cyrus-user"))
        let unrouted = try #require(reports.first { $0.contains("Subject: no-route") })
        #expect(unfolded(unrouted).contains("Nobody of that name is here any more"), "\(unrouted)")
        // Nobody is told about the null sender's; the postmaster finds it.
        let aside = try FileManager.default.contentsOfDirectory(atPath: site.place.file("post/postman"))
        #expect(aside.filter { $0.hasSuffix(".report") }.count == 1)
        #expect(site.said.contains("its sender may not be told"))
    }

    @Test func whatIsOverQuotaIsTriedAgain() throws {
        let server = try Self.store()
        defer { server.stop() }
        let site = try StoreSite(command: "-F UNIX:\(server["LMTP_SOCKET"])")
        try site.submit(
            to: ["full@example.org", "user@example.org"], subject: "large",
            body: String(repeating: String(repeating: "x", count: 70) + "\n", count: 100))
        try site.run()
        #expect(try site.waiting().keys.sorted() == ["full"])
        #expect(try site.waiting()["full"]?.contains("452") == true)
        #expect(try site.waiting()["full"]?.localizedCaseInsensitiveContains("quota") == true)
        try IMAPClient(server["IMAP"], user: "admin", password: "secret").setQuota("user/full", kibibytes: 1000)
        try site.run()
        #expect(try site.postOffice.messages().names.isEmpty)
        #expect(try Self.mailbox(server, "full").messages(in: "INBOX").count == 1)
        #expect(try Self.mailbox(server, "cyrus-user").messages(in: "INBOX").count == 1)
    }

    @Test func whatAStoreNeverTakesFails() throws {
        let server = try Self.store(["OVER_QUOTA_FAILS": "yes"])
        defer { server.stop() }
        let site = try StoreSite(command: "-F UNIX:\(server["LMTP_SOCKET"])")
        let large = String(repeating: String(repeating: "x", count: 70) + "\n", count: 500)
        try site.submit(to: ["full@example.org"], subject: "full-", body: String(large.prefix(7100)))
        try site.run()
        // Over the size that the store announces: refused at MAIL. Cyrus would take the recipients, and DATA, all the same.
        try site.place.write(
            "*/*\nsmtp-lmtp\n    command=\"smtp -M -F UNIX:\(server["LMTP_SMALL"])\"\n", to: "scheduler.conf")
        try site.submit(to: ["user@example.org", "user@virtual.example"], subject: "long-", body: large)
        try site.deliver("--route", "--once")
        try site.place.write(
            "*/*\nsmtp-lmtp\n    command=\"smtp -M -F UNIX:\(server["LMTP_SOCKET"])\"\n", to: "scheduler.conf")
        try site.run()
        #expect(try site.postOffice.messages().names.isEmpty)
        let inbox = try Self.mailbox(server, "cyrus-user").messages(in: "INBOX")
        #expect(inbox.count == 2, "\(site.said)")
        #expect(inbox.contains { $0.contains("Status: 5.2.2") && $0.contains("Subject: full-") })
        #expect(inbox.contains { $0.contains("Status: 5.2.3") && $0.contains("rfc822; user@virtual.example") })
        #expect(try Self.mailbox(server, "virtual-user@virtual.example").messages(in: "INBOX").isEmpty)
    }

    @Test func directDelivery() throws {
        let server = try Self.store()
        defer { server.stop() }
        let site = try StoreSite(command: "-F UNIX:\(server["LMTP_SOCKET"])")
        let message = "Subject: direct\n\nbody\n"
        func status(_ addresses: String...) throws -> Int32 {
            try site.deliver(["--from", "a@example.net"] + addresses.flatMap { ["--to", $0] }, input: message).status
        }
        #expect(try status("user+Lists@example.org") == 0)
        #expect(try status("gone@virtual.example") == 67)
        #expect(try status("nobody@virtual.example") == 67)
        #expect(try status("user@virtual.example", "gone@virtual.example") == 0)
        server.stop()
        #expect(try status("user@example.org") == 75)
    }

    private func unfolded(_ text: String) -> String { text.replacing("\r\n    ", with: " ") }
}
