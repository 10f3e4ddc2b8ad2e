// The addresses that are found in lists, tables, files of a spool and logs.

import Bytes
import Check
import Testing
import ZRouteTestKit

private func read(_ bytes: [UInt8], blocks: Int = 1) -> (addresses: [String], reader: AddressReader) {
    var reader = AddressReader()
    var list = FoundAddresses()
    reader.begin("log")
    // Whole lines, in so many pieces.
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().map { Array($0) + [0x0A] }
    let rest = Array(bytes.split(separator: 0x0A, omittingEmptySubsequences: false).last ?? [])
    var pieces = lines + (rest.isEmpty ? [] : [rest])
    if blocks == 1 { pieces = [bytes] }
    for piece in pieces where !piece.isEmpty { reader.take(piece, to: &list) }
    reader.end(&list)
    var addresses: [String] = []
    list.forEach { addresses.append(String(decoding: [UInt8](copying: $0), as: UTF8.self)) }
    return (addresses, reader)
}

@Suite struct AddressReaderTests {
    @Test(
        arguments: [
            ("bob@example.org", ["bob@example.org"], AddressFormat.list),
            ("  bob  ", ["bob"], .list), ("<bob@example.org>", ["<bob@example.org>"], .list),
            ("\"a b\"@example.org", ["\"a b\"@example.org"], .list), ("a..b@example.org", ["a..b@example.org"], .list),
            ("bob@example.org\r", ["bob@example.org"], .list),
            ("bob@example.org\tsmtp!h!bob", ["bob@example.org"], .table),
            ("bob@example.org  error!nosuchuser!*", ["bob@example.org"], .table),
            ("bob@x.example deferred", ["bob@x.example"], .table),
            (
                "2026-11-28T16:22:08.123Z 16517015: routed from=<s@remote.example> to=<alice@example.org>"
                    + " route=smtp-lmtp!cyrus!alice size=2140 time=0.004213s",
                ["alice@example.org"], .zroute
            ),
            (
                "16517015: delivered from=<> to=<\"a> to=<b\"@example.org> route=smtp-lmtp!cyrus!alice size=2140 server=x: 250 ok",
                ["\"a> to=<b\"@example.org"], .zroute
            ),
            (
                #"{"event":"routed","time":"2026-11-28T16:22:08.123Z","message":"1","sender":"\"recipient\":\"x\"","recipient":"a\"b\\@x.example","channel":"c"}"#,
                [#"a"b\@x.example"#], .zroute
            ),
            (
                #"{"event":"answer","time":"t","protocol":"socketmap","map":"alias","key":"u@d.example","status":"found","answer":"x"}"#,
                ["u@d.example"], .zroute
            ),
            (
                "Nov 29 01:02:03 mx postfix/smtp[123]: 4FcJ2k3Xz9z1: to=<al@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1.2,"
                    + " delays=0.1/0/0.9/0.2, dsn=2.0.0, status=sent (250 ok to=<evil@x>)",
                ["al@b.example"], .postfix
            ),
            (
                "2026-11-29T01:02:03.123456+01:00 mx postfix-out/lmtp[9]: 4FcJ2k3Xz9z1: to=<fg1@store.internal>, orig_to=<al+t@b.example>,"
                    + " relay=store[/run/lmtp], delay=1, status=sent (250 ok)",
                ["al+t@b.example"], .postfix
            ),
            (
                "Nov  9 01:02:03 mx postfix/smtpd[77]: NOQUEUE: reject: RCPT from h.example[192.0.2.9]: 550 5.1.1 <no@b.example>:"
                    + " Recipient address rejected: User unknown; from=<x@y>, to=<z>; from=<s@c.example> to=<no@b.example> proto=ESMTP helo=<h>",
                ["no@b.example"], .postfix
            ),
            (
                "Nov  9 01:02:03 mx smtp[31]: S8412AbC: to=<bob@example.org>, delay=00:00:01, xdelay=00:00:00, mailer=smtp, relay=h, stat=ok2 250",
                ["bob@example.org"], .zmailer
            ),
            (
                "S8412AbC:\tto=<bob@example.org>\tdelay=00:00:01\txdelay=00:00:00\tmailer=smtp-lmtp\tstat=ok\tdelivered",
                ["bob@example.org"], .zmailer
            ),
            (
                "Nov  9 01:02:03 mx sendmail[3]: u8: to=<a@b.example>,<c@d.example>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, stat=Sent",
                ["a@b.example", "c@d.example"], .zmailer
            ),
            ("<m1@remote.example>: recipient: local bob@example.org bob", ["bob@example.org"], .zmailer),
            (
                "<m1@remote.example>: recipient: smtp remote.example ext@remote.example", ["ext@remote.example"],
                .zmailer
            ),
            ("12345r\tRCPT To:<bob@example.org> NOTIFY=FAILURE", ["bob@example.org"], .dialogue),
            ("2969 <<- rcpt to:<\"a>b\"@example.org>", ["\"a>b\"@example.org"], .dialogue),
        ] as [(String, [String], AddressFormat)])
    func aLineNamesRecipients(_ line: String, addresses: [String], format: AddressFormat) {
        let (found, reader) = read(Array("\(line)\n".utf8))
        #expect(found == addresses)
        #expect(reader.counts == [format: addresses.count])
        #expect(reader.unknownCount == 0)
    }

    @Test(arguments: [
        "", "# a comment", "   ",
        "Nov 29 01:02:03 mx postfix/qmgr[1]: 4FcJ2k3Xz9z1: removed",
        "Nov 29 01:02:03 mx postfix/qmgr[1]: 4FcJ2k3Xz9z1: from=<a@b.example>, size=1, nrcpt=1 (queue active)",
        "Nov 29 01:02:03 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]",
        "Nov 29 01:02:03 mx postfix/smtpd[1]: NOQUEUE: reject: MAIL from h[192.0.2.1]: 550 no; from=<a@b.example> proto=ESMTP helo=<h>",
        "Nov  9 01:02:03 mx router[3]: S8412AbC: from=<a@b.example>, rrelay=h, size=1, nrcpts=1, msgid=<m@h>, delay=00:00:01, xdelay=0",
        "<m1@remote.example>: file: 16517015", "<m1@remote.example>: info: recipients 1 now 12",
        "2026-11-28T16:22:08.123Z 16517015: removed", "2026-11-28T16:22:09.400Z zroute: map fqdnroutes: damaged",
        "zroute: start command=serve", #"{"event":"removed","time":"t","message":"1"}"#,
        #"{"event":"answer","time":"t","protocol":"socketmap","map":"domain","key":"d.example","status":"found","answer":"x"}"#,
    ])
    func aLineNamesNobody(_ line: String) {
        let (found, reader) = read(Array("\(line)\n".utf8))
        #expect(found == [])
        #expect(reader.unknownCount == 0)
    }

    @Test(arguments: ["Nov 29 01:02:03 mx kernel: something happened", "one two three", "To: Bob <bob@example.org>"])
    func aLineIsUnknown(_ line: String) {
        let (found, reader) = read(Array("bob@example.org\n\(line)\n".utf8))
        #expect(found == ["bob@example.org"])
        #expect(reader.unknownCount == 1)
        #expect(reader.unknownLines.map(\.line) == [2])
    }

    @Test(arguments: [1, 2])
    func theFilesOfASpoolAreRead(blocks: Int) throws {
        let control = read(try Fixture.bytes("lmtp-control/02-mixed/control.after"), blocks: blocks)
        #expect(control.addresses.contains("tmp@virt.example"))
        #expect(control.addresses.contains("ok+t@virt.example"))
        // A recipient of whom ZMailer's file says no more than the name at the store.
        #expect(control.reader.recipientsWithoutAddress == 1)
        #expect(control.reader.unknownCount == 0)
        let input = read(try Fixture.bytes("queue/03-list-expansion/input"), blocks: blocks)
        #expect(input.addresses == ["list@example.org"])
        #expect(input.reader.counts == [.submission: 1])
        #expect(input.reader.unknownCount == 0)
    }

    @Test func severalRecipientsOfASubmission() throws {
        let several = read(try Fixture.bytes("queue/16-several-in-one-to/input"))
        #expect(several.addresses.count > 1)
    }
}
