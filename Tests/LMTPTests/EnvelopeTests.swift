// Parameters are sent only where announced; addresses that would break a command never are.

import Bytes
import LMTP
import MailSyntax
import Testing

private func commands(
    _ keywords: [String], _ envelope: Envelope, _ change: (inout ClientOptions) -> Void = { _ in }
) throws -> (mail: String?, rcpt: [String], result: Conversation) {
    var peer = ScriptedPeer()
    peer.keywords = keywords
    let result = converse(try options(.lmtp, change), peer, [envelope])
    return (
        result.peer.commands.first { $0.hasPrefix("MAIL") }, result.peer.commands.filter { $0.hasPrefix("RCPT") },
        result
    )
}

@Suite struct EnvelopeTests {
    private static func full() -> Envelope {
        Envelope(
            sender: Array("s@x".utf8),
            recipients: [
                EnvelopeRecipient(
                    Array("a+b".utf8), notify: [.success, .delay],
                    originalRecipient: OriginalRecipient("rfc822;q+2Br@y".utf8), ignoresQuota: true),
                EnvelopeRecipient(Array("c=d".utf8)),
                EnvelopeRecipient(Array("e".utf8), notify: .never),
            ],
            bodyType: .eightBit, length: .estimate(1234), hasInternationalizedHeader: true, returnedContent: .full,
            envelopeID: XText(encoding: "id 1".utf8))
    }

    @Test func nothingAnnouncedNothingSent() throws {
        let (mail, rcpt, _) = try commands([""], Self.full())
        #expect(mail == "MAIL FROM:<s@x>")
        #expect(rcpt == ["RCPT TO:<a+b>", "RCPT TO:<c=d>", "RCPT TO:<e>"])
    }

    @Test func everythingAnnouncedEverythingSent() throws {
        let (mail, rcpt, _) = try commands(["8BITMIME", "SIZE", "SMTPUTF8", "DSN", "IGNOREQUOTA"], Self.full())
        #expect(mail == "MAIL FROM:<s@x> BODY=8BITMIME SIZE=1234 SMTPUTF8 ENVID=id+201 RET=FULL")
        #expect(
            rcpt == [
                "RCPT TO:<a+b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;q+2Br@y IGNOREQUOTA",
                "RCPT TO:<c=d> NOTIFY=FAILURE ORCPT=rfc822;c+3Dd", "RCPT TO:<e> NOTIFY=NEVER",
            ])
    }

    @Test func eachKeywordBringsItsOwnParametersAlone() throws {
        let expected = [
            ("8BITMIME", "MAIL FROM:<s@x> BODY=8BITMIME"), ("SMTPUTF8", "MAIL FROM:<s@x> SMTPUTF8"),
            ("DSN", "MAIL FROM:<s@x> ENVID=id+201 RET=FULL"),
        ]
        for (keyword, command) in expected {
            #expect(try commands([keyword], Self.full()).mail == command)
        }
        // A message that is converted has another length than was said.
        #expect(try commands(["SIZE"], Self.full()).mail == "MAIL FROM:<s@x>")
        #expect(try commands(["SIZE"], Self.full()) { $0.forcesEightBit = true }.mail == "MAIL FROM:<s@x> SIZE=1234")
        #expect(try commands(["SIZE", "8BITMIME"], Self.full()) { $0.forcesSevenBit = true }.mail == "MAIL FROM:<s@x>")
    }

    @Test func theNullSender() throws {
        #expect(try commands([""], envelope("a", sender: "")).mail == "MAIL FROM:<>")
    }

    static let unsendable = [
        "", "a b", "a\r\nRSET", "a\nb", "a\rb", "a\u{0}b", "a>b", "a<b", "<a>", "\"a", "\"a\\\"", "a\\>b", "a\tb",
        "\"a\nb\"", "\"a\u{7F}\"", "a> NOTIFY=NEVER", "\u{1B}[2J",
    ]

    @Test(arguments: unsendable)
    func aRecipientThatWouldBreakTheCommandIsRefusedHere(_ address: String) throws {
        let (_, rcpt, result) = try commands(["PIPELINING", "SMTPUTF8"], envelope("ok", address, "good"))
        #expect(rcpt == ["RCPT TO:<ok>", "RCPT TO:<good>"])
        #expect(result.outcomes() == [.delivered, .failed, .delivered])
        let reply = try #require(result.reports.first?.recipients[1].reply)
        #expect(reply.isLocal && reply.code == 553 && reply.enhancedCode == EnhancedStatusCode(5, 1, 3))
        #expect(reply.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        #expect(result.reports.first?.exchanges(recipient: 1) == [])
    }

    @Test(arguments: unsendable.filter { !$0.isEmpty })
    func aSenderThatWouldBreakTheCommand(_ address: String) throws {
        let (mail, _, result) = try commands(["PIPELINING"], envelope("a", "b", sender: address))
        #expect(mail == nil)
        #expect(result.outcomes() == [.failed, .failed])
        #expect(result.reports[0].recipients[0].reply.enhancedCode == EnhancedStatusCode(5, 1, 7))
    }

    @Test(arguments: [
        "\"a b\"@x", "\"a>b\"@x", "\"a\\\"b\"@x", "@r1:u@d", "a%b@c", "a!b", "user+lists/swift", "cyrus/user.x",
        "u@[IPv6:::1]", "a'b", "a\\b", String(repeating: "x", count: 5_000),
    ])
    func unusualAddressesAreSentAsTheyAre(_ address: String) throws {
        #expect(try commands(["PIPELINING"], envelope(address)).rcpt == ["RCPT TO:<\(address)>"])
    }

    @Test func smtputf8IsAskedForWhereAnAddressNeedsIt() throws {
        #expect(try commands(["SMTPUTF8"], envelope("jos\u{e9}@x")).mail == "MAIL FROM:<s@example.org> SMTPUTF8")
        #expect(
            try commands(["SMTPUTF8", "DSN"], envelope("jos\u{e9}")).rcpt == ["RCPT TO:<jos\u{e9}> NOTIFY=FAILURE"])
        #expect(try commands(["SMTPUTF8"], envelope("jose@x")).mail == "MAIL FROM:<s@example.org>")
    }

    @Test func withoutSMTPUTF8SuchARecipientFailsAndOnlyIt() throws {
        let (mail, rcpt, result) = try commands(["DSN"], envelope("jos\u{e9}@x", "b"))
        #expect(mail == "MAIL FROM:<s@example.org>")
        #expect(rcpt.count == 1)
        #expect(result.outcomes() == [.failed, .delivered])
        let reply = try #require(result.reports.first?.recipients[0].reply)
        #expect(reply.isLocal)
        #expect(reply.description.hasPrefix("553 5.6.7 recipient 'jos\u{e9}@x' needs SMTPUTF8"))
        #expect(try commands([""], envelope("a", sender: "\u{e9}@x")).result.outcomes() == [.failed])
    }

    @Test func bytesThatAreNoUTF8AreNeverSent() throws {
        let bad = Envelope(sender: [], recipients: [EnvelopeRecipient([0x61, 0xE9])])
        let (_, rcpt, result) = try commands(["SMTPUTF8"], bad)
        #expect(rcpt.isEmpty)
        #expect(result.outcomes() == [.failed])
    }

    @Test func aTransactionWithoutAnyoneToSendToDisturbsNoOther() throws {
        var peer = ScriptedPeer()
        peer.script[.greeting] = [.line("220 x")]
        let result = converse(try options(), peer, [envelope("a"), envelope(""), envelope(), envelope("b")])
        #expect((0..<4).map { result.outcomes($0) } == [[.delivered], [.failed], [], [.delivered]])
        #expect(result.closings == [nil])
    }

    @Test(arguments: ["", "a b", "a\r\nb", "\u{e9}", "a\u{0}"])
    func greetingNamesThatWouldBreakTheCommand(_ name: String) {
        #expect(throws: InvalidHelloName.self) { try ClientOptions(dialect: .lmtp, helloName: Array(name.utf8)) }
    }

    @Test func theValuesOfNOTIFYAreRead() {
        #expect(NotifyConditions("success,Failure".utf8) == [.success, .failure])
        #expect(NotifyConditions("NEVER".utf8) == .never)
        for bad in ["", "NEVER,SUCCESS", "SUCCESS,", "ALWAYS", "SUCCESS FAILURE"] {
            #expect(NotifyConditions(bad.utf8) == nil)
        }
    }

    @Test func theValuesOfORCPTAreRead() {
        let parsed = OriginalRecipient("rfc822;a+2Bb;c@d".utf8)
        #expect(parsed?.addressType == "rfc822")
        #expect(parsed.map { string($0.address) } == "a+b;c@d")
        for bad in [
            "", "rfc822", ";a", "rf c;a", "rfc822;a b", "rfc822;a=b", "rfc822;a+2", "rfc822;a+zz", "rfc822;a\r\n",
        ] {
            #expect(OriginalRecipient(bad.utf8) == nil, "\(bad)")
        }
    }

    @Test func everyByteIsWrittenAsXtext() {
        let all = (0...255).map { UInt8($0) }
        let encoded = XText(encoding: all)
        #expect(encoded.decoded == all)
        #expect(XText(encoded: encoded.bytes)?.decoded == all)
        #expect(encoded.bytes.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3D })
        #expect(XText(encoded: "+2b".utf8) == nil)
    }
}
