// Reports name the address that the sender wrote, and nothing of what it was routed to.

import Bytes
import Delivery
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct OriginalRecipientTests {
    /// A recipient, and how its sender is told of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var user = "fg1"
        var channel = "smtp-lmtp"
        var host = "node"
        var notification: String?
        var submittedAs: String?
        let person: String
        /// Original-Recipient; nil where the field is absent.
        let original: String?
        let final: String
        /// What must not be told.
        var inside = ["fg1"]
        var isGlobal = false

        var testDescription: String { "\(channel)!\(host)!\(user) \(notification ?? "-") \(submittedAs ?? "-")" }
    }

    static let rows = [
        Row(
            submittedAs: "bob@example.org", person: "bob@example.org", original: "rfc822; bob@example.org",
            final: "rfc822; bob@example.org"),
        Row(
            submittedAs: "bob+tail=x@example.org", person: "bob+tail=x@example.org",
            original: "rfc822; bob+tail=x@example.org", final: "rfc822; bob+tail=x@example.org"),
        Row(
            user: "|/usr/lib/lists/post secret", channel: "local", host: "pipe.lists@mail.example.net",
            submittedAs: "lists@mail.example.net", person: "lists@mail.example.net",
            original: "rfc822; lists@mail.example.net", final: "rfc822; lists@mail.example.net", inside: ["/usr/lib"]),
        Row(
            notification: "NOTIFY=FAILURE ORCPT=rfc822;first+2Bone@elsewhere.example", submittedAs: "bob@example.org",
            person: "first+one@elsewhere.example", original: "rfc822; first+one@elsewhere.example",
            final: "rfc822; first+one@elsewhere.example"),
        Row(
            notification: "ORCPT=utf-8;jos\\x{E9}@example.org", submittedAs: "bob@example.org",
            person: "josé@example.org", original: "utf-8; josé@example.org", final: "utf-8; josé@example.org",
            isGlobal: true),
        Row(
            notification: "ORCPT=x400;/C+3Dfi/S+3Dbob", submittedAs: "bob@example.org", person: "bob@example.org",
            original: "x400; /C=fi/S=bob", final: "rfc822; bob@example.org"),
        Row(
            submittedAs: "grüße@example.org", person: "grüße@example.org", original: "utf-8; grüße@example.org",
            final: "utf-8; grüße@example.org", isGlobal: true),
        Row(
            submittedAs: "\"a b\"@example.org", person: "\"a b\"@example.org", original: "rfc822; \"a b\"@example.org",
            final: "rfc822; \"a b\"@example.org"),
        Row(
            user: "ghost@inside.example", channel: "error", host: "nosuchuser", submittedAs: "bob@example.org",
            person: "bob@example.org", original: "rfc822; bob@example.org", final: "rfc822; bob@example.org",
            inside: ["ghost", "inside.example"]),
        Row(
            user: "|/bin/secret x", channel: "error", host: "syntax", submittedAs: "bob@example.org",
            person: "bob@example.org", original: "rfc822; bob@example.org", final: "rfc822; bob@example.org",
            inside: ["/bin/secret"]),
        // Files of ZMailer's.
        Row(
            notification: "NOTIFY=FAILURE INRCPT=rfc822;bob@example.org", person: "bob@example.org",
            original: "rfc822; bob@example.org", final: "rfc822; bob@example.org"),
        Row(
            channel: "local", host: "bob@example.org", person: "bob@example.org", original: nil,
            final: "rfc822; bob@example.org"),
        Row(
            user: "/var/spool/secret", channel: "local", host: "file.bob@example.org", person: "bob@example.org",
            original: nil, final: "rfc822; bob@example.org", inside: ["/var/spool/secret"]),
        // Nothing better is known.
        Row(
            user: "bob@example.org", person: "bob@example.org", original: nil, final: "rfc822; bob@example.org",
            inside: []),
    ]

    @Test(arguments: counted("reports that name what the sender wrote", rows))
    func reportsNameWhatTheSenderWrote(row: Row) throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        script.keywords = ["PIPELINING", "SMTPUTF8"]
        script.actions = [.recipient: [.reply("550 5.1.1 no such mailbox")]]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        try spool.add([
            recipient(
                row.user, channel: row.channel, host: row.host, notification: row.notification,
                submittedAs: row.submittedAs)
        ])
        try spool.deliver(try plan(to: server.path))
        let report = try #require(try spool.reports().first)
        #expect(report.contains("\n<\(row.person)>: not delivered\n"), "\(report)")
        #expect(report.contains("\nFinal-Recipient: \(row.final)\n"))
        if let original = row.original {
            #expect(report.contains("\nOriginal-Recipient: \(original)\n"))
        } else {
            #expect(!report.contains("Original-Recipient"))
        }
        for text in row.inside { #expect(!report.contains(text), "\(text) in \(report)") }
        let type = row.isGlobal ? "message/global-delivery-status" : "message/delivery-status"
        #expect(report.contains("\nContent-Type: \(type)\n"))
    }

    /// A local reply names the mailbox to nobody either.
    @Test(arguments: ["jos\u{e9}", "a<b", "a\u{1}b"])
    func whatCannotBeSentIsToldOfByTheSendersAddress(user: String) throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(ServerScript(), in: spool.place)
        defer { server.stop() }
        try spool.add([recipient(user, submittedAs: "bob@example.org")])
        try spool.deliver(try plan(to: server.path))
        let report = try #require(try spool.reports().first).replacing("\n    ", with: " ")
        #expect(report.contains("recipient 'bob@example.org' goes to a mailbox whose address"), "\(report)")
        #expect(!report.contains(user) && !report.contains("said:") && !report.contains("Remote-MTA"))
        #expect(report.contains("Diagnostic-Code: x-local; 553 5."))
        #expect(spool.attempts.map(\.outcome) == [.failed])
    }

    /// RFC 3461 5.2.1: what is added is the address as it was received.
    @Test(
        arguments: [
            (nil, "bob+x@example.org", "NOTIFY=FAILURE ORCPT=rfc822;bob+2Bx@example.org"),
            (nil, "josé@example.org", "NOTIFY=FAILURE ORCPT=utf-8;jos\\x{E9}@example.org"),
            ("NOTIFY=NEVER", "bob@example.org", "NOTIFY=NEVER ORCPT=rfc822;bob@example.org"),
            ("ORCPT=rfc822;first@x", "bob@example.org", "ORCPT=rfc822;first@x"),
            ("NOTIFY=SUCCESS ORCPT=rfc822;first@x", "bob@example.org", "NOTIFY=SUCCESS ORCPT=rfc822;first@x"),
            (nil, nil, "NOTIFY=FAILURE ORCPT=rfc822;fg1"),
        ] as [(String?, String?, String)])
    func serversAreToldTheSame(notification: String?, submittedAs: String?, parameters: String) throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(ServerScript(), in: spool.place)
        defer { server.stop() }
        try spool.add([recipient("fg1", notification: notification, submittedAs: submittedAs)])
        try spool.deliver(try plan(to: server.path))
        #expect(server.record.commands.filter { $0.hasPrefix("RCPT") } == ["RCPT TO:<fg1> \(parameters)"])
    }
}
