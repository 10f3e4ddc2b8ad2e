// Dovecot's LMTP, which asks serve's door `dict` who exists.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct DovecotUserdbTests {
    private static let maps: [(name: String, text: String)] = [
        ("fqdnaliases", "team@d.example: a@d.example, b@d.example\n"),
        ("fqdnroutes", "a@d.example smtp-lmtp!node!store-a%2\nb@d.example smtp-lmtp!node!b%2\n"),
        ("routes", "d.example error!nosuchuser!nobody\n"),
    ]

    /// Starts serve with Dovecot in front of it.
    private static func start(_ arguments: [String]) throws -> (TestSite, RunningProgram, RealServer) {
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=mx.example.net\nDBTYPE=text\n",
            "dbases.conf": """
            aliases NONE - - - -
            fqdnaliases text - -la @SITE@/fqdnaliases -lm%
            fqdnroutes text - -l @SITE@/fqdnroutes -lm%:
            routesdb text - -l @SITE@/routes -lm%:d pathalias
            thishost NONE - - - -

            """,
            "scheduler.conf": TestSite.scheduler("-F UNIX:/none"),
        ])
        for (name, text) in maps { try site.write(text, to: name) }
        // Dovecot's processes are another user's.
        _ = chmod(site.path, 0o755)
        let socket = site.place.file("dict")
        let serve = try site.start(
            ["serve", "--listen", "dict=unix:\(socket)", "--socket-mode", "0666", "--scheduler"]
                + [site.place.file("scheduler.conf")] + arguments)
        let isThere = try holds { (try? LocalStream(path: socket)) != nil }
        try #require(isThere, "serve does not listen")
        return (site, serve, try RealServer("dovecot", environment: ["USERDB_DICT": socket]))
    }

    /// The replies to RCPT.
    private static func replies(_ store: RealServer, to recipients: [String]) throws -> [String] {
        let port = try #require(UInt16(store["LMTP_TCP"].split(separator: ":").last ?? ""))
        let stream = try LocalStream(port: port)
        _ = try stream.readLine()
        try stream.write("LHLO localhost\r\n")
        while try stream.readLine().hasPrefix("250-") {}
        try stream.write("MAIL FROM:<>\r\n")
        _ = try stream.readLine()
        return try recipients.map { recipient in
            try stream.write("RCPT TO:<\(recipient)>\r\n")
            return String(try stream.readLine().prefix(9))
        }
    }

    private static let recipients = ["a@d.example", "A+Folder@d.example", "gone@d.example", "team@d.example"]

    @Test func aUserIsKnownAnUnknownOneRefusedAndAListPutOff() throws {
        let (site, serve, store) = try Self.start([])
        let replies = try Self.replies(store, to: Self.recipients)
        #expect(replies == ["250 2.1.5", "250 2.1.5", "550 5.1.1", "451 4.3.0"])
        store.stop()
        serve.send(SIGTERM)
        // Its directory lives as long as it does.
        #expect(withExtendedLifetime(site) { serve.wait() } == 0)
    }

    @Test(arguments: ["fqdnaliases", "fqdnroutes"]) func nobodyIsRefusedWhileAMapFails(relation: String) throws {
        let (site, serve, store) = try Self.start(["--fail-map", relation])
        let replies = try Self.replies(store, to: Self.recipients)
        #expect(replies == Array(repeating: "451 4.3.0", count: Self.recipients.count), "\(relation)")
        store.stop()
        serve.send(SIGTERM)
        // Its directory lives as long as it does.
        #expect(withExtendedLifetime(site) { serve.wait() } == 0)
    }
}
