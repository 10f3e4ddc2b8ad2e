// AUTH and TLS with a real Cyrus over TCP, and secrets that show nowhere.

import Bytes
import Foundation
import System
import Testing
import ZRouteTestKit

@Suite struct CyrusSecurityTests {
    /// One way to a store, and what must come of it.
    struct Way: Sendable, CustomTestStringConvertible {
        /// The endpoint's name in the start script.
        let endpoint: String
        var password: String? = "secret"
        /// Lines of the TLS file, `$` for the right authority's file, `%` for a wrong one's; nil for no `-S`.
        var tls: String?
        /// What the dialogue shows.
        var shows: [String] = []
        /// What the diagnostic of a recipient that waits says; nil where it is delivered.
        var reason: String?

        var testDescription: String {
            "\(endpoint) tls=\(tls ?? "-") \(reason.map { "waits: \($0)" } ?? "delivers")"
        }
    }

    private static let ways = [
        Way(endpoint: "LMTP_PLAIN", shows: ["AUTH PLAIN ***"]),
        Way(endpoint: "LMTP_LOGIN", shows: ["AUTH LOGIN"]),
        Way(endpoint: "LMTP_CRAM", shows: ["AUTH CRAM-MD5"]),
        Way(endpoint: "LMTP_PLAIN", tls: "tls-CAfile $\ndemand-tls-mode", shows: ["> STARTTLS", "AUTH PLAIN ***"]),
        Way(endpoint: "LMTP_LOGIN", tls: "tls-CAfile $", shows: ["> STARTTLS", "AUTH LOGIN"]),
        Way(endpoint: "LMTP_TLS", tls: "tls-CAfile $", shows: ["> STARTTLS", "AUTH PLAIN ***"]),
        // The socket takes its peers as authenticated, and offers EXTERNAL alone.
        Way(endpoint: "LMTP_SOCKET", shows: ["MAIL FROM"]),
        Way(endpoint: "LMTP_PLAIN", password: "wrong-secret", reason: "authentication failed"),
        Way(endpoint: "LMTP_LOGIN", password: "wrong-secret", reason: "authentication failed"),
        Way(endpoint: "LMTP_CRAM", password: "wrong-secret", reason: "authentication failed"),
        Way(endpoint: "LMTP_PLAIN", password: nil, reason: "430"),
        Way(endpoint: "LMTP_TLS", reason: "no AUTH mechanism"),
        Way(endpoint: "LMTP_PLAIN", tls: "tls-CAfile %", reason: "certificate is not accepted"),
        Way(endpoint: "LMTP_PLAIN", tls: "demand-tls-mode", reason: "certificate is not accepted"),
    ]

    @Test func everyWayIn() throws {
        let server = try RealServer("cyrus")
        defer { server.stop() }
        try IMAPClient(server["IMAP"], user: "admin", password: "secret").makeMailbox("user/cyrus-user")
        let authority = try TestAuthority()
        var delivered = 0
        for way in Self.ways {
            let site = try StoreSite(command: "@")
            let endpoint = server[way.endpoint]
            var command = endpoint.hasPrefix("/") ? "-F UNIX:\(endpoint)" : tcp(endpoint)
            if let password = way.password {
                let line = "smtp-lmtp * \(base64("postman")) \(base64(password))\n"
                let path = try site.place.write(line, to: "secrets")
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                command += " -A \(path)"
            }
            if let tls = way.tls {
                let lines = tls.replacing("$", with: server["AUTHORITY"])
                    .replacing("%", with: authority.place.file("ca.pem"))
                command += " -S \(try site.place.write(lines + "\n", to: "tls"))"
            }
            try site.place.write(
                "smtp-lmtp/*\n    command=\"smtp -M -x -l \(site.place.file("dialogue")) \(command)\"\n",
                to: "scheduler.conf")
            try site.submit(to: ["user@example.org"], subject: "way-\(delivered)", parameters: "NOTIFY=SUCCESS,FAILURE")
            try site.deliver("--route", "--once", "--log", way.password == nil ? "text" : "json")
            let waiting = try site.waiting()
            if let reason = way.reason {
                #expect(waiting["cyrus-user"]?.contains(reason) == true, "\(way): \(waiting) \(site.said)")
            } else {
                #expect(waiting.isEmpty, "\(way): \(site.said)")
                delivered += 1
            }
            for part in way.shows { #expect(site.dialogue.contains(part), "\(way): \(site.dialogue)") }
            try expectNoSecret(way, site)
        }
        let inbox = try IMAPClient(server["IMAP"], user: "cyrus-user", password: "secret").messages(in: "INBOX")
        #expect(inbox.filter { $0.contains("Subject: way-") }.count == delivered)
        print("CyrusSecurityTests: \(Self.ways.count) ways into Cyrus, \(delivered) deliver, the others wait")
    }

    /// Nothing written anywhere under the site but the secrets file itself, and nothing said, shows a secret.
    private func expectNoSecret(_ way: Way, _ site: StoreSite) throws {
        guard let password = way.password else { return }
        var shown = [site.said]
        let names = FileManager.default.enumerator(atPath: site.place.path)
        while let name = names?.nextObject() as? String {
            guard name != "secrets", let data = FileManager.default.contents(atPath: site.place.file(name)) else {
                continue
            }
            shown.append(String(decoding: data, as: UTF8.self))
        }
        #expect(shown.count > 3)
        // Paths hold the word secrets; a secret stands alone.
        for form in [base64(password), base64("\0postman\0\(password)"), base64("postman"), "wrong-secret"] {
            for text in shown { #expect(!text.contains(form), "\(way): \(form)") }
        }
    }

    @Test func secretsThatOthersMayReadAreRefused() throws {
        let site = try StoreSite(command: "-F [127.0.0.1] -p 2424 -A $MAILVAR/secrets")
        try site.place.write("* * \(base64("postman")) \(base64("open-secret"))\n", to: "secrets")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o640], ofItemAtPath: site.place.file("secrets"))
        try site.place.write(
            "*/*\nsmtp-lmtp\n    command=\"smtp -M -F [127.0.0.1] -p 2424 -A \(site.place.file("secrets"))\"\n",
            to: "scheduler.conf")
        try site.submit(to: ["user@example.org"], subject: "open")
        try site.deliver("--route", "--once")
        #expect(try site.waiting()["cyrus-user"]?.contains("others may read or change the secrets") == true)
        #expect(site.said.contains("chmod 600"))
        #expect(!site.said.contains("open-secret") && !site.said.contains(base64("open-secret")))
    }

    private func tcp(_ endpoint: String) -> String {
        let port = endpoint.split(separator: ":").last ?? ""
        return "-F localhost -p \(port)"
    }

    private func base64(_ plain: String) -> String { text(Base64.encode(Array(plain.utf8))) }
}
