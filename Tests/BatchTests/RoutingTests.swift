// What becomes of recipients, senders and headers on the way from a submission to its control file.

import Batch
import Spool
import Testing

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

    @Test func anOutsiderNamesNoCommandAndNoFile() throws {
        let external = try Self.routed(
            "external\nfrom <a@b.example>\nto </etc/passwd>\nto <alice@example.org>\nenv-end\n\nx\n")
        #expect(external.recipients.map { text($0.address.channel) } == ["error", "smtp-lmtp"])
        let local = try Self.routed("from <a@b.example>\nto </tmp/file>\nenv-end\n\nx\n")
        #expect(local.recipients.map { text($0.address.channel) } == ["local"])
    }

    @Test func aRecipientThatNoLineCanHoldHarmsNoOther() throws {
        let control = try Self.routed("from <a@b.example>\nto <a\0b@c>\nto <alice@example.org>\nenv-end\n\nx\n")
        #expect(
            control.recipients.map { text(of: $0.address) }
                == ["error!syntax!a?b@c", "smtp-lmtp!cyrus-node!cyrus-alice"])
    }
}
