// What becomes of recipients, senders and headers on the way from a submission to its control file.

import QueueRouting
import Spool
import Testing
import ZRouteTestKit

@Suite struct RoutingTests {
    private static func routed(_ submission: String) throws -> ControlFile {
        let site = try TestSite()
        try site.submit(submission)
        try site.route()
        return try #require(try site.controlFiles().first)
    }

    /// One copy for one mailbox: the first stands, and its sender is told what any of them asked for.
    @Test(
        arguments: [
            (nil, nil, nil),
            (
                "NOTIFY=SUCCESS ORCPT=rfc822;a@b", "NOTIFY=DELAY ORCPT=rfc822;c@d",
                "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b"
            ),
            ("NOTIFY=NEVER", "NOTIFY=NEVER", "NOTIFY=NEVER"),
            ("NOTIFY=NEVER ORCPT=rfc822;a@b", "notify=failure", "NOTIFY=FAILURE ORCPT=rfc822;a@b"),
            ("NOTIFY=SUCCESS", nil, "NOTIFY=SUCCESS,FAILURE"), (nil, "NOTIFY=DELAY", "NOTIFY=FAILURE,DELAY"),
            (nil, "NOTIFY=NEVER", nil), ("ORCPT=rfc822;a@b", "ORCPT=rfc822;c@d", "ORCPT=rfc822;a@b"),
            ("NOTIFY=SUCCESS,FAILURE", "NOTIFY=FAILURE", "NOTIFY=SUCCESS,FAILURE"),
        ] as [(String?, String?, String?)])
    func mergesCopies(first: String?, second: String?, merged: String?) throws {
        let lines = [first, second].map { ($0.map { "todsn \($0)\n" } ?? "") + "to <alice@example.org>\n" }
        let control = try Self.routed("from <a@b.example>\nenvid E\n\(lines.joined())env-end\n\nx\n")
        #expect(control.recipients.count == 1)
        #expect(control.recipients.first?.notification.map { text($0) } == merged)
        #expect(control.recipients.first?.envelopeIdentifier.map { text($0) } == (merged == nil ? nil : "E"))
    }

    @Test func aLocalMailboxIsItsUserWhateverNameItIsReachedBy() throws {
        let control = try Self.routed(
            "from <a@b.example>\nto <carol@store.example.net>\nto <carol>\nto <dave@store.example.net>\nenv-end\n\nx\n")
        #expect(control.recipients.map { text($0.address.user) } == ["carol", "dave"])
    }

    @Test(arguments: [
        ("from <alice>", "alice@store.example.net"), ("from <\"a b\">", "\"a b\"@store.example.net"),
        ("from <@r.example:u@d.example>", "@r.example:u@d.example"), ("from x@y.example", "x@y.example"),
    ])
    func qualifiesTheSender(line: String, address: String) throws {
        let control = try Self.routed("\(line)\nto <alice@example.org>\nenv-end\n\nx\n")
        let recipient = try #require(control.recipients.first)
        #expect(recipient.errorAddress.map { text($0) } == address)
        #expect(recipient.sender.map { text(of: $0) } == "local!\(address)!\(address)")
    }

    @Test(arguments: ["from <a b@c>", "from <|cmd>", "from </file>", "from <@[smtp]:a@b>", "from <a..b@c>"])
    func putsAsideWhatHasNoUsableSender(line: String) throws {
        let site = try TestSite()
        try site.submit("\(line)\nto <alice@example.org>\nenv-end\n\nx\n")
        let reason = try #require(try site.route().first?.rejection)
        #expect(reason.hasPrefix("unusable sender:"))
    }

    @Test func takesSenderAndRecipientsFromTheHeader() throws {
        let control = try Self.routed(
            "env-end\nFrom: A <a@b.example>, z@b.example\nTo: undisclosed-recipients:;\n"
                + "Cc: bob@example.org (c), bad address@x, \"q, r\" <m01@example.org>\nBcc: alice@example.org\n\nx\n")
        #expect(
            control.recipients.map { text($0.address.user) }
                == ["cyrus-alice", "cyrus-bob", "cyrus-m01", "\"bad address@x\""])
        #expect(control.recipients.first?.errorAddress.map { text($0) } == "a@b.example")
    }

    @Test func keepsTheHeaderButForWhatMustNotLeave() throws {
        let fields =
            "X-A:  odd \t spacing\r\n\tfolded\nBCC: alice@example.org\n x\nResent-Bcc: z@y\nReturn-path: <q@r>\n"
            + "X-Envelope-To: s@t\nX-Empty:\nDate: d\nMessage-ID: <i@j>\nFROM: a@b.example"
        let control = try Self.routed("from <a@b.example>\nto <alice@example.org>\nenv-end\n\(fields)")
        let header = try #require(control.recipients.first.flatMap { control.header(of: $0) })
        let rest = text(header).split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.hasPrefix("X-A") }
        #expect(
            rest.joined(separator: "\n")
                == "X-A:  odd \t spacing\n\tfolded\nX-Empty:\nDate: d\nMessage-ID: <i@j>\nFROM: a@b.example\n")
    }

    private static let commandsAndFiles = [
        "|/bin/sh", "\"|/bin/sh -c x\"", "/tmp/file", ":include:/etc/passwd", "\":include:/etc/passwd\"",
        "\\/etc/passwd", "/etc/passwd@store.example.net", "|x@store.example.net", "real-/etc/passwd", "/dev/null",
    ]

    /// Marked as coming from outside or not: whoever may submit mail could have a file of root's read to him.
    @Test(arguments: commandsAndFiles, ["", "external\n"])
    func noSubmissionNamesACommandOrAFile(recipient: String, mark: String) throws {
        let control = try Self.routed(
            "\(mark)from <a@b.example>\nto \(recipient)\nto <alice@example.org>\nenv-end\n\nx\n")
        #expect(control.recipients.map { text($0.address.channel) } == ["error", "smtp-lmtp"])
        #expect(control.recipients.first.map { text($0.address.host) } == "syntax")
    }

    /// Neither by the fields of its header.
    @Test(arguments: commandsAndFiles, ["To", "Cc", "Bcc", "Resent-To"])
    func noHeaderNamesACommandOrAFile(recipient: String, field: String) throws {
        let resent = field.hasPrefix("Resent-") ? "Resent-From: a@b.example\n" : ""
        let control = try Self.routed(
            "from <a@b.example>\nenv-end\n\(resent)\(field): \(recipient), alice@example.org\n\nx\n")
        #expect(control.recipients.map { text($0.address.channel) } == ["error", "smtp-lmtp"])
    }

    /// ZMailer's scheduler throws a control file without one away.
    @Test(arguments: [
        "", "Message-Id:\n", "Message-Id:   \n", "MESSAGE-ID:\t\r\n", "Message-Id: \n  \n\t\n", "message-id : \n",
        "Message-Id: \0\n", "Message-Id:\nMessage-Id: <second@x>\n",
    ])
    func everyControlFileHasAnIdentifier(field: String) throws {
        let control = try Self.routed(
            "from <a@b.example>\nto <alice@example.org>\nenv-end\n\(field)Subject: s\n\nx\n")
        let identifier = text(try #require(control.logIdentity))
        #expect(identifier.hasPrefix("<S") && identifier.hasSuffix("@store.example.net>"), "\(identifier)")
    }

    @Test(arguments: [
        ("Subject: a\0b\n", "Subject: ab\n"), ("Sub\0ject: s\n", "Subject: s\n"), ("X: \0\n", "X: \n"),
        ("X: a\n b\0\0c\n", "X: a\n bc\n"), ("Message-Id: <\0i@j>\n", "Message-Id: <i@j>\n"),
        ("X: last\0", "X: last\n"), ("Date: d\0\r\n", "Date: d\n"),
    ])
    func takesNULOutOfTheHeader(field: String, outgoing: String) throws {
        let site = try TestSite()
        let end = field.hasSuffix("\n") ? "\nb\0dy\n" : ""
        let submission = "from <a@b.example>\nto <alice@example.org>\nenv-end\nFrom: a@b.example\n\(field)\(end)"
        try site.submit(submission)
        let report = try #require(try site.route().first)
        #expect(report.isRouted)
        #expect(report.notices.contains { $0.contains("NUL bytes were taken out of the header") })
        let control = try #require(try site.controlFiles().first)
        let header = text(try #require(control.recipients.first.flatMap { control.header(of: $0) }))
        #expect(header.contains("\n\(outgoing)") && !header.contains("\0"), "\(header)")
        // The body is what it was.
        #expect(control.bodyOffset == submission.utf8.count - max(end.utf8.count - 1, 0))
    }

    @Test func takesNULOutOfHeaderRecipients() throws {
        let control = try Self.routed("env-end\nFrom: a\0@b.example\nTo: ali\0ce@example.org\n\nx\n")
        #expect(control.recipients.map { text($0.address.user) } == ["cyrus-alice"])
        #expect(control.recipients.first?.errorAddress.map { text($0) } == "a@b.example")
    }

    @Test func aRecipientThatNoLineCanHoldHarmsNoOther() throws {
        let control = try Self.routed("from <a@b.example>\nto <a\0b@c>\nto <alice@example.org>\nenv-end\n\nx\n")
        #expect(
            control.recipients.map { text(of: $0.address) }
                == ["error!syntax!a?b@c", "smtp-lmtp!cyrus-node!cyrus-alice"])
    }
}
