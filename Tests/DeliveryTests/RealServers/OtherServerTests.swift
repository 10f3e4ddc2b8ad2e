// Two more implementations of LMTP: Postfix's smtp-sink and Python's aiosmtpd, with the faults that they have to offer.

import Delivery
import Foundation
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct OtherServerTests {
    /// What smtp-sink is told, and what two recipients come to.
    private static let sinkCases: [(options: [String], outcome: RecipientReport.Outcome)] = [
        ([], .delivered), (["-p"], .delivered), (["-r", "RCPT"], .deferred), (["-f", "RCPT"], .failed),
        (["-r", "MAIL"], .deferred), (["-f", "MAIL"], .failed), (["-r", "DATA"], .deferred), (["-f", "DATA"], .failed),
        (["-r", "."], .deferred), (["-f", "."], .failed), (["-q", "."], .deferred), (["-q", "RCPT"], .deferred),
        (["-Q", "MAIL"], .deferred), (["-Q", "."], .deferred), (["-q", "CONNECT"], .deferred),
        (["-A", "0"], .deferred),
    ]

    @Test(arguments: Self.sinkCases)
    func smtpSink(options: [String], outcome: RecipientReport.Outcome) throws {
        let server = try RealServer("smtp-sink", options)
        defer { server.stop() }
        let spool = try DeliverySpool()
        // What it says before the message has ended comes early for certain only where the message is longer than what the
        // system takes of it: -A is made to stop a client before the end.
        let line = String(repeating: "x", count: 99) + "\n"
        try spool.add(
            [recipient("one@example.org"), recipient("two@example.org")],
            body: options.first == "-A" ? String(repeating: line, count: 8000) : line)
        try spool.deliver(try plan(to: server["LMTP_SOCKET"]))
        #expect(
            spool.outcomes == ["one@example.org": outcome, "two@example.org": outcome],
            "\(options) \(spool.attempts.map { "\($0.reply)" })")
        #expect(try spool.reports().count == (outcome == .failed ? 1 : 0))
    }

    @Test func aiosmtpdAnswersEachRecipient() throws {
        let server = try RealServer("aiosmtpd")
        defer { server.stop() }
        let spool = try DeliverySpool()
        try spool.add(
            ["one", "unknown", "busy", "full", "broken", "two"].map { recipient("\($0)@example.org") },
            body: "grüße\n.\n..\nend\n")
        try spool.deliver(try plan(to: server["LMTP_SOCKET"]))
        let wanted: [String: RecipientReport.Outcome] = [
            "one": .delivered, "unknown": .failed, "busy": .deferred, "full": .deferred, "broken": .failed,
            "two": .delivered,
        ]
        #expect(spool.outcomes == Dictionary(uniqueKeysWithValues: wanted.map { ("\($0.key)@example.org", $0.value) }))
        let stored = text(try readFile(server["DIRECTORY"] + "/messages", limit: 1 << 20).bytes)
        // JSON's form of the bytes, each as one character.
        let body = "gr\\u00c3\\u00bc\\u00c3\\u009fe\\r\\n.\\r\\n..\\r\\nend\\r\\n"
        #expect(stored.contains("\\r\\n\\r\\n" + body), "\(stored)")
    }

    /// Data over its limit is answered once, whatever the number of recipients; SIZE avoids that.
    @Test func aiosmtpdRefusesByLength() throws {
        let server = try RealServer("aiosmtpd", ["user:word", "20000"])
        defer { server.stop() }
        let spool = try DeliverySpool()
        let path = try spool.place.write("* * dXNlcg== d29yZA==\n", to: "secrets")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let plan = try plan(to: server["LMTP_SOCKET"], options: "-A \(path)")
        try spool.add(
            [recipient("one@example.org"), recipient("two@example.org")],
            body: String(repeating: String(repeating: "x", count: 70) + "\n", count: 500))
        try spool.deliver(plan)
        #expect(spool.outcomes == ["one@example.org": .failed, "two@example.org": .failed])
        #expect(spool.attempts.allSatisfy { $0.reply.code == 552 && !$0.reply.isLocal })
        try spool.add([recipient("three@example.org")])
        try spool.deliver(plan)
        #expect(spool.outcomes["three@example.org"] == .delivered)
    }
}
