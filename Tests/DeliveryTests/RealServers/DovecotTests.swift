// The set-up of the how-to against a real Dovecot.

import Foundation
import Spool
import Testing
import ZRouteTestKit

@Suite struct DovecotTests {
    /// Dovecot knows its users by whole addresses.
    private static let maps = StoreSite.maps.merging([
        "fqdnroutes-local": """
        user@example.org:       smtp-lmtp!dovecot-node!cyrus-user%2@example.org
        user@virtual.example:   smtp-lmtp!dovecot-node!virtual-user%2@virtual.example
        gone@virtual.example:   smtp-lmtp!dovecot-node!gone%2@virtual.example
        full@example.org:       smtp-lmtp!dovecot-node!full%2@example.org

        """
    ]) { $1 }

    private static func mailbox(_ server: RealServer, _ user: String) throws -> IMAPClient {
        try IMAPClient(server["IMAP"], user: user, password: "secret")
    }

    @Test(arguments: ["socket", "TCP", "TCP with TLS"])
    func messagesAreFoundWhereTheMapsSay(way: String) throws {
        let server = try RealServer("dovecot")
        defer { server.stop() }
        let port = server["LMTP_TCP"].split(separator: ":").last ?? ""
        let hop = way == "socket" ? "-F UNIX:\(server["LMTP_SOCKET"])" : "-F [127.0.0.1] -p \(port)"
        let tls = try TemporaryDirectory()
        try tls.write("tls-CAfile \(server["AUTHORITY"])\ndemand-tls-mode\n", to: "tls")
        let site = try StoreSite(
            command: hop + (way == "TCP with TLS" ? " -S \(tls.file("tls"))" : ""), maps: Self.maps)
        try site.submit(to: ["user@example.org", "gone@virtual.example"], subject: "plain", body: "grüße\n.\n..dots\n")
        try site.submit(to: ["user+Lists@example.org"], subject: "plus")
        try site.submit(to: ["user--Lists@example.org"], subject: "minus")
        try site.submit(to: ["user+Lists/swift@virtual.example"], subject: "nested")
        try site.run()
        #expect(try site.postOffice.messages().names.isEmpty, "\(site.said)")
        let inbox = try Self.mailbox(server, "cyrus-user@example.org").messages(in: "INBOX")
        #expect(inbox.count == 2)
        #expect(inbox.contains { $0.contains("Subject: plain") && $0.hasSuffix("\r\n\r\ngrüße\r\n.\r\n..dots\r\n") })
        #expect(inbox.contains { $0.contains("Status: 5.1.1") && $0.contains("User doesn't exist") }, "\(inbox)")
        #expect(try Self.mailbox(server, "cyrus-user@example.org").messages(in: "Lists").count == 2)
        #expect(try Self.mailbox(server, "virtual-user@virtual.example").messages(in: "Lists/swift").count == 1)
        #expect(site.dialogue.contains(" > STARTTLS\n") == (way == "TCP with TLS"))
    }

    @Test(arguments: [true, false])
    func overQuota(isForGood: Bool) throws {
        let server = try RealServer("dovecot", environment: ["OVER_QUOTA_FAILS": isForGood ? "yes" : "no"])
        defer { server.stop() }
        let site = try StoreSite(command: "-F UNIX:\(server["LMTP_SOCKET"])", maps: Self.maps)
        try site.submit(
            to: ["full@example.org", "user@example.org"], subject: "large",
            body: String(repeating: String(repeating: "x", count: 70) + "\n", count: 100))
        try site.run()
        #expect(try site.waiting().keys.sorted() == (isForGood ? [] : ["full@example.org"]))
        let inbox = try Self.mailbox(server, "cyrus-user@example.org").messages(in: "INBOX")
        #expect(inbox.count == (isForGood ? 2 : 1))
        #expect(inbox.contains { $0.contains("Status: 5.2.2") } == isForGood)
    }
}
