// The front before a real Dovecot, over each way that a store can be reached: a socket, an address, a name, and a name with TLS.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct FrontStoreTests {
    /// How a store is reached.
    struct Way: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The options of the smtp command; `SOCKET`, `PORT` and `TLS` are filled in.
        let options: String
        /// Lines of the TLS file behind the authority.
        var tls = ""
        /// What the recipient is told where the store is not taken.
        var refusal: String?
    }

    @Test(arguments: [
        Way(testDescription: "a socket", options: "-F UNIX:SOCKET"),
        Way(testDescription: "an address", options: "-F [127.0.0.1] -p PORT"),
        Way(testDescription: "a name", options: "-F localhost -p PORT"),
        Way(testDescription: "a name with TLS", options: "-F localhost -p PORT -S TLS", tls: "demand-tls-mode"),
        Way(testDescription: "an address with TLS", options: "-F [127.0.0.1] -p PORT -S TLS", tls: "demand-tls-mode"),
        Way(testDescription: "a name that does not exist", options: "-F store.invalid -p PORT", refusal: "451 4.4."),
    ])
    func messagesAreFoundWhereTheMapsSay(way: Way) throws {
        let store = try RealServer("dovecot")
        defer { store.stop() }
        let port = store["LMTP_TCP"].split(separator: ":").last ?? ""
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=mx.example.net\nDBTYPE=text\n",
            "dbases.conf": """
            fqdnroutes text - -l @SITE@/fqdnroutes -lm%:
            fqdnaliases NONE - - - -
            aliases NONE - - - -
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
            "fqdnroutes": """
            user@d.example smtp-lmtp!dovecot!cyrus-user%2@example.org
            gone@d.example smtp-lmtp!dovecot!gone@virtual.example

            """,
            "tls": "tls-CAfile \(store["AUTHORITY"])\n\(way.tls)\n",
        ])
        let options = way.options.replacing("SOCKET", with: store["LMTP_SOCKET"]).replacing("PORT", with: port)
            .replacing("TLS", with: site.place.file("tls"))
        try site.write("smtp-lmtp\n  command=\"smtp -M \(options)\"\n", to: "scheduler.conf")
        let program = try site.start([
            "serve", "--listen", "lmtp=unix:\(site.place.file("front"))", "--scheduler",
            site.place.file("scheduler.conf"),
        ])
        defer {
            program.send(SIGTERM)
            #expect(program.wait() == 0)
        }
        try #require(try holds { (try? LocalStream(path: site.place.file("front"))) != nil || !program.isRunning })
        let client = try LMTPTestClient(path: site.place.file("front"))
        if let refusal = way.refusal {
            let (answers, _) = try client.send(["user@d.example"])
            #expect(answers.allSatisfy { $0.hasPrefix(refusal) }, "\(answers)")
            return
        }
        // More than all buffers on the way hold, too.
        for (number, length) in [10, 40_000].enumerated() {
            let line = String(repeating: "x", count: 98) + "\r\n"
            let (answers, finals) = try client.send(
                ["user@d.example", "gone@d.example", "user+lists@d.example"],
                "Subject: \(number)\r\n\r\n" + String(repeating: line, count: length))
            #expect(answers.map { String($0.prefix(3)) } == ["250", "550", "250"], "\(answers)")
            #expect(finals.map { String($0.prefix(9)) } == ["250 2.0.0", "250 2.0.0"], "\(finals)")
        }
        let mailbox = try IMAPClient(store["IMAP"], user: "cyrus-user@example.org", password: "secret")
        #expect(try mailbox.messages(in: "INBOX").count == 2)
        // Each has a few hundred bytes of fields before its text.
        let lengths = try mailbox.messages(in: "lists").map(\.utf8.count).sorted()
        #expect(lengths.map { $0 / 1000 } == [1, 4000], "\(lengths)")
    }
}
