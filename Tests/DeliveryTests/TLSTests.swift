// Certificates that are taken and refused, TLS that is demanded, and secrets that never show.

import Bytes
import Configuration
import Delivery
import LMTP
import NIOSSL
import Spool
import Synchronization
import System
import Testing
import ZRouteTestKit

/// Certificates made by openssl: an authority, and what it signed.
final class TestAuthority: Sendable {
    let place: TemporaryDirectory

    init() throws {
        place = try TemporaryDirectory()
        for name in ["ca", "other"] {
            try openssl(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "10",
                "-subj", "/CN=\(name)", "-keyout", place.file("\(name).key"), "-out", place.file("\(name).pem"))
        }
    }

    private func openssl(_ arguments: String...) throws {
        try runCommandSuccessfully("/usr/bin/openssl", arguments)
    }

    /// A server's TLS with a certificate for some names.
    func context(names: String) throws -> NIOSSLContext {
        let name = names.filter { $0.isLetter || $0.isNumber }
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x", "-keyout",
            place.file("\(name).key"), "-out", place.file("\(name).csr"))
        try place.write("subjectAltName=\(names)\n", to: "\(name).ext")
        try openssl(
            "x509", "-req", "-in", place.file("\(name).csr"), "-CA", place.file("ca.pem"), "-CAkey",
            place.file("ca.key"),
            "-CAcreateserial", "-days", "5", "-extfile", place.file("\(name).ext"), "-out", place.file("\(name).pem"))
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(place.file("\(name).pem")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: place.file("\(name).key"), format: .pem)))
        return try NIOSSLContext(configuration: configuration)
    }
}

@Suite struct TLSTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let names: String
        let host: String
        /// The lines of the TLS file; `$` stands for the authority's directory.
        let file: String
        let isDelivered: Bool
        var offersTLS = true

        var testDescription: String { "\(names) as \(host) with \(file)" }
    }

    @Test(arguments: [
        Case(names: "DNS:localhost", host: "localhost", file: "tls-CAfile $/ca.pem", isDelivered: true),
        Case(names: "IP:127.0.0.1", host: "127.0.0.1", file: "tls-CAfile $/ca.pem\ndemand-tls-mode", isDelivered: true),
        Case(names: "DNS:other.example", host: "localhost", file: "tls-CAfile $/ca.pem", isDelivered: false),
        Case(names: "IP:127.0.0.2", host: "127.0.0.1", file: "tls-CAfile $/ca.pem", isDelivered: false),
        // A wildcard stands for the first label of a name, never for all of it.
        Case(names: "DNS:*", host: "localhost", file: "tls-CAfile $/ca.pem", isDelivered: false),
        Case(names: "DNS:l*", host: "localhost", file: "tls-CAfile $/ca.pem", isDelivered: false),
        Case(names: "DNS:*,DNS:LOCALHOST", host: "localhost", file: "tls-CAfile $/ca.pem", isDelivered: true),
        Case(names: "DNS:localhost", host: "localhost", file: "tls-CAfile $/other.pem", isDelivered: false),
        Case(names: "DNS:localhost", host: "localhost", file: "# the system's authorities", isDelivered: false),
        Case(names: "DNS:localhost", host: "localhost", file: "demand-tls-mode", isDelivered: false, offersTLS: false),
    ])
    func certificatesAreChecked(item: Case) throws {
        let authority = try TestAuthority()
        let server = try TLSServer(item.offersTLS ? authority.context(names: item.names) : nil)
        defer { server.stop() }
        let file = try authority.place.write(item.file.replacing("$", with: authority.place.path) + "\n", to: "tls")
        let spool = try DeliverySpool()
        try spool.add([recipient("user")])
        let endpoint = try #require(Endpoint("\(item.host):\(server.port)"))
        try spool.deliver(
            DeliveryPlan(
                .single(endpoint, options: "-S \(file) -T conn=20,cmd=20", parameters: SchedulerParameters()),
                settings: try testSettings()))
        #expect(spool.outcomes == ["user": item.isDelivered ? .delivered : .deferred], "\(spool.attempts)")
        for attempt in spool.attempts where !item.isDelivered {
            // In words for people, without the names of a library's types.
            let text = "\(attempt.reply)"
            #expect(!text.contains("NIO") && !text.contains("Error"), "\(text)")
        }
        let record = server.record.withLock { $0 }
        #expect(record.plainMessages == 0)
        #expect(record.encryptedMessages == (item.isDelivered ? 1 : 0))
    }

    @Test(arguments: ["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5 PLAIN", "AUTH GSSAPI"])
    func secretsNeverShow(keyword: String) throws {
        let spool = try DeliverySpool()
        let server = try TLSServer(nil, keywords: [keyword])
        defer { server.stop() }
        let (user, secret) = ("store-user", "s3cret-w0rd")
        let secrets = try spool.place.write(
            "smtp-lmtp localhost \(base64(user)) \(base64(secret))\n", to: "secrets")
        try runCommandSuccessfully("/bin/chmod", ["600", secrets])
        let log = spool.place.file("log")
        try spool.add([recipient("user", notification: "NOTIFY=SUCCESS")])
        let endpoint = try #require(Endpoint("localhost:\(server.port)"))
        try spool.deliver(
            DeliveryPlan(
                .single(endpoint, options: "-A \(secrets) -l \(log)", parameters: SchedulerParameters()),
                settings: try testSettings()))
        let canAuthenticate = keyword != "AUTH GSSAPI"
        #expect(spool.outcomes == ["user": canAuthenticate ? .delivered : .deferred])
        let lines = server.record.withLock { $0.lines }
        let mailAt = lines.firstIndex { $0.hasPrefix("MAIL") } ?? 0
        if canAuthenticate { #expect(lines[..<mailAt].contains { $0.hasPrefix("AUTH") }) }
        var shown = text(try readFile(log, limit: 1 << 20).bytes) + "\(spool.events)" + (try spool.reports().joined())
        if let control = try spool.control() { shown += text(control.bytes()) }
        #expect(shown.contains("LHLO store.example.org"))
        let forms = [
            user, secret, base64(user), base64(secret), base64("\0\(user)\0\(secret)"),
            lines.first { $0.hasPrefix("AUTH PLAIN ") }.map { String($0.dropFirst(11)) } ?? secret,
        ]
        for form in forms { #expect(!shown.contains(form), "\(form)") }
    }

    private func base64(_ plain: String) -> String { text(Base64.encode(Array(plain.utf8))) }
}
