// Routing records the address that each recipient was submitted with, for reports and for servers that make them.

import Bytes
import MailSyntax
import QueueRouting
import Spool
import Testing
import ZRouteTestKit

@Suite struct OriginalRecipientTests {
    /// What was submitted for each pending recipient, by its user.
    private func originals(_ site: TestSite) throws -> [String: String] {
        let recipients = try site.controlFiles().flatMap(\.recipients).filter { $0.tag == .pending }
        return Dictionary(
            uniqueKeysWithValues: recipients.map {
                (text($0.address.user), $0.submittedAddress?.description ?? "nothing")
            })
    }

    @Test(
        arguments: [
            ("to <alice@example.org>\n", ["cyrus-alice": "rfc822;alice@example.org"]),
            // Every member of a list goes by the list's address.
            (
                "to <team@example.org>\n",
                ["fg1": "rfc822;team@example.org", "fg2": "rfc822;team@example.org", "fg3": "rfc822;team@example.org"]
            ),
            ("to <alice+Tail@example.org>\n", ["cyrus-alice+tail": "rfc822;alice+2BTail@example.org"]),
            ("to <Alice (at work) @ example.org>\n", ["cyrus-alice": "rfc822;Alice@example.org"]),
            // The first of two that lead to one mailbox stands.
            ("to <alice@example.org>\nto <ALICE@example.org>\n", ["cyrus-alice": "rfc822;alice@example.org"]),
            ("to <josé@remote.example>\n", ["josé@remote.example": "utf-8;jos\\x{E9}@remote.example"]),
            ("to <a b@example.org>\n", ["\"a b@example.org\"": "rfc822;a+20b@example.org"]),
            ("to <a\u{0}b@example.org>\n", ["a?b@example.org": "rfc822;a+00b@example.org"]),
        ] as [(String, [String: String])])
    func eachRecipientHasIts(lines: String, expected: [String: String]) throws {
        let site = try TestSite()
        try site.write("team@example.org: fg1, fg2, fg3\n", to: "db/fqdnaliases-local")
        try site.submit("from <a@b.example>\n\(lines)env-end\n\nx\n")
        try site.route()
        #expect(try originals(site) == expected)
    }

    @Test func recipientsOfTheHeaderHaveTheirs() throws {
        let site = try TestSite()
        try site.submit("from <a@b.example>\nenv-end\nTo: Alice <alice@example.org>\nBcc: bob@example.org\n\nx\n")
        try site.route()
        #expect(
            try originals(site) == [
                "cyrus-alice": "rfc822;alice@example.org", "cyrus-bob": "rfc822;bob@example.org",
            ])
    }

    /// The sender's own ORCPT stays in the line that ZMailer's programs read, and comes first.
    @Test func theSendersOwnComesFirst() throws {
        let site = try TestSite()
        try site.submit(
            "from <a@b.example>\ntodsn NOTIFY=FAILURE ORCPT=rfc822;first@x.example\nto <alice@example.org>\nenv-end\n\nx\n"
        )
        try site.route()
        let recipient = try #require(try site.controlFiles().first?.recipients.first)
        #expect(recipient.notification.map { text($0) } == "NOTIFY=FAILURE ORCPT=rfc822;first@x.example")
        #expect(recipient.originalRecipient.map { text($0.address) } == "first@x.example")
        #expect(recipient.submittedAddress?.description == "rfc822;alice@example.org")
    }

    @Test func heldRecipientsKeepTheirs() throws {
        let site = try TestSite()
        try site.write("twice@example.org: m00@example.org, m01@example.org\n", to: "db/fqdnaliases-local")
        try site.submit("from <a@b.example>\nto <twice@example.org>\nenv-end\n\nx\n")
        try site.route(failing: "*")
        #expect(try originals(site) == ["twice@example.org": "rfc822;twice@example.org"])
        try site.route(failing: "m00@example.org")
        try site.route()
        #expect(
            try originals(site) == ["cyrus-m00": "rfc822;twice@example.org", "cyrus-m01": "rfc822;twice@example.org"])
    }

    /// Files of older versions and of ZMailer's have no such line: the held address itself was submitted.
    @Test func heldRecipientsOfOlderFilesAreKnownByTheirAddress() throws {
        let site = try TestSite()
        try site.submit("from <a@b.example>\nto <m00@example.org>\nenv-end\n\nx\n")
        try site.route(failing: "*")
        let name = try #require(try site.names("transport").first)
        let older = try site.contents("transport/\(name)").split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("O ") }.joined(separator: "\n")
        try site.put(older, at: "postoffice/transport/\(name)")
        #expect(try originals(site) == ["m00@example.org": "nothing"])
        try site.route()
        #expect(try originals(site) == ["cyrus-m00": "rfc822;m00@example.org"])
    }
}
