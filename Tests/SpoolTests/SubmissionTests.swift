import Spool
import Testing
import ZRouteTestKit

@Suite struct SubmissionTests {
    @Test(arguments: Fixture.submissions)
    func fixtureIsReadAsZMailerReadsIt(name: String) throws {
        let input = try Fixture.bytes("queue/\(name)/input")
        guard let expected = Self.expected[name] else {
            Issue.record("no expectation for \(name)")
            return
        }
        switch expected {
        case .failure(let error):
            #expect(throws: error) { _ = try SubmissionParser.parse(input, isWhole: true) }
        case .success(let expected):
            let submission = try #require(try SubmissionParser.parse(input, isWhole: true))
            #expect(submission.envelope.recipients.map { text($0.address) } == expected.recipients)
            #expect(submission.envelope.sender == expected.sender)
            #expect(input[submission.bodyOffset...].elementsEqual(expected.body))
            if let control = try? ControlFile(parsing: try Fixture.bytes("queue/\(name)/control")) {
                #expect(submission.bodyOffset == control.bodyOffset)
            }
        }
    }

    struct Expected {
        var recipients: [String]
        var sender: SubmissionEnvelope.Sender? = .address(Array("sender@remote.example".utf8))
        var body = Array("body line 1\n.dot line\n".utf8)
    }

    static let expected: [String: Result<Expected, SubmissionError>] = [
        "01-single-lmtp": .success(Expected(recipients: ["alice@example.org"])),
        "03-list-expansion": .success(Expected(recipients: ["list@example.org"])),
        "04-big-list": .success(Expected(recipients: ["big@example.org", "alice@example.org"])),
        "05-error-routes": .success(Expected(recipients: ["nobody@example.org", "joe@closed.example"])),
        "07-dsn-all": .success(
            Expected(
                recipients: ["alice@example.org", "bob+t@example.org", "list@example.org", "nodsn@example.org"])),
        "09-null-sender": .success(
            Expected(recipients: ["alice@example.org", "nobody@example.org"], sender: .null, body: Array("x\n".utf8))),
        "10-from-empty": .success(Expected(recipients: ["alice@example.org"], sender: .null)),
        "11-headers-minimal": .success(Expected(recipients: ["alice@example.org"], body: Array("only body\n".utf8))),
        "12-no-env-end": .success(Expected(recipients: ["alice@example.org"])),
        "13-no-to-envelope": .success(Expected(recipients: [], body: Array("b\n".utf8))),
        "15-duplicates": .success(
            Expected(recipients: ["alice@example.org", "ALICE@example.org", "alice@example.org"])),
        "16-several-in-one-to": .success(
            Expected(
                recipients: ["alice@example.org", "bob@example.org", "alice@example.org", "ext@remote.example"])),
        "17-bad-envelope-rcpt": .success(Expected(recipients: ["alice@example.org", "a b@example.org"])),
        "18-unknown-envelope-line": .failure(.unknownEnvelopeLine(line: 1, text: "frobnicate x")),
        "19-no-recipients": .failure(.noRecipient),
        "21-folded-headers-8bit": .success(
            Expected(recipients: ["alice@example.org"], body: Array("8bit ".utf8) + [0xE9, 0x0A])),
        "22-local-sender": .success(
            Expected(
                recipients: ["alice@example.org"], sender: .address(Array("alice@store.example.net".utf8)),
                body: Array("x\n".utf8))),
    ]

    @Test func envelopeLinesAreKeptWithTheirValues() throws {
        let submission = try Self.parse(
            """
            External
            rcvdfrom client ([192.0.2.7]:4711)
            bodytype 8BITMIME
            with ESMTP
            via \t UUCP
            identinfo joe
            envid QQ+2B
            notaryret HDRS
            comment anything
            todsn NOTIFY=NEVER
            to <a@x>, <b@x>
            to c@x
            from <s@x>
            env-end

            """)
        let envelope = submission.envelope
        #expect(envelope.isExternal && !envelope.isErrorMessage)
        #expect(envelope.receivedFrom.map(text) == "client ([192.0.2.7]:4711)")
        #expect(envelope.bodyType.map(text) == "8BITMIME")
        #expect(envelope.with.map(text) == "ESMTP")
        #expect(envelope.via.map(text) == "UUCP")
        #expect(envelope.identityInformation.map(text) == "joe")
        #expect(envelope.envelopeIdentifier.map(text) == "QQ+2B")
        #expect(envelope.returnMode.map(text) == "HDRS")
        #expect(envelope.others.map(text) == ["comment anything"])
        #expect(envelope.recipients.map { $0.notification.map(text) } == ["NOTIFY=NEVER", "NOTIFY=NEVER", nil])
    }

    @Test(arguments: [
        ("<a>,<b>", ["a", "b"]), ("a, b", ["a", "b"]), ("<@r1,@r2:u@d>", ["@r1,@r2:u@d"]), ("\"a,b\"@d", ["\"a,b\"@d"]),
        ("Joe, (x, y) <a@d>", ["Joe", "a@d"]), ("(x, y) <a@d>", ["a@d"]), ("<a>,", ["a"]), ("<>", [""]), ("", [""]),
        ("<a@d", ["<a@d"]), ("a>,b", ["a>,b"]), ("|prog a,b", ["|prog a,b"]), ("/f,g", ["/f,g"]),
        (":include:/f,g", [":include:/f,g"]), ("a\\,b@d", ["a\\,b@d"]), ("\"a@d", ["\"a@d"]), (",", [""]),
    ])
    func oneLineMayNameSeveralRecipients(value: String, addresses: [String]) throws {
        let submission = try Self.parse("from <s@x>\nto \(value)\nenv-end\n\n")
        #expect(submission.envelope.recipients.map { text($0.address) } == addresses)
    }

    @Test(arguments: [
        ("", SubmissionError.empty),
        ("frobnicate\n", .unknownEnvelopeLine(line: 1, text: "frobnicate")),
        ("to <a>\nenv-end\n\n", .noSender),
        ("from <a>\nenv-end\nSubject: x\n\n", .noRecipient),
        ("from\nto <a>\n\n", .missingValue(line: 1, keyword: "from")),
        ("from <a>\n to <b>\n", .continuationInEnvelope(line: 2)),
        ("\u{1}\u{2}\u{3}", .unknownEnvelopeLine(line: 1, text: "???")),
    ])
    func whatIsNoMessageIsSaidSo(input: String, error: SubmissionError) {
        #expect(throws: error) { _ = try SubmissionParser.parse(Array(input.utf8), isWhole: true) }
    }

    @Test func headerFieldsKeepTheirBytes() throws {
        let input = "from <s@x>\r\nto <a>\r\nenv-end\r\nSubject:  a\r\n\tb \r\nX-Odd : y\r\n\r\nbody"
        let submission = try Self.parse(input)
        let subject = try #require(submission.first(named: "SUBJECT"))
        #expect(text(submission.value(of: subject)) == "  a\r\n\tb ")
        #expect(text(submission.bytes(of: subject)) == "Subject:  a\r\n\tb \r\n")
        #expect(text(HeaderValue.unfolded(submission.value(of: subject))) == "a\tb")
        let odd = try #require(submission.first(named: "x-odd"))
        #expect(text(submission.name(of: odd)) == "X-Odd" && text(submission.value(of: odd)) == " y")
        #expect(submission.bodyOffset == input.utf8.count - 4)
    }

    @Test func aLineThatIsNoFieldBeginsTheBody() throws {
        let submission = try Self.parse("from <s@x>\nto <a>\nenv-end\nSubject: x\nno field here\nmore\n")
        #expect(submission.fields.count == 1)
        #expect(submission.bodyOffset == "from <s@x>\nto <a>\nenv-end\nSubject: x\n".utf8.count)
    }

    @Test func recipientsComeFromTheHeaderWhereTheEnvelopeHasNone() throws {
        let plain = try Self.parse("from <s@x>\nenv-end\nTo: a@x\nSubject: t\nBCC: b@x\nCc: c@x\n\n")
        #expect(plain.recipientFields.map { text(plain.value(of: $0)) } == [" a@x", " b@x", " c@x"])
        let resent = try Self.parse(
            "env-end\nResent-To: n@x\nResent-From: f@x\nResent-To: old@x\nTo: a@x\nSender: s@x\n\n")
        #expect(resent.recipientFields.map { text(resent.value(of: $0)) } == [" n@x"])
        #expect(resent.senderField.map { text(resent.value(of: $0)) } == " f@x")
    }

    @Test func anyCutOfASubmissionAsksForMoreOrReadsTheSame() throws {
        let input = try Fixture.bytes("queue/07-dsn-all/input")
        let whole = try #require(try SubmissionParser.parse(input, isWhole: true))
        for length in 0..<input.count {
            let part = try SubmissionParser.parse(Array(input[..<length]), isWhole: false)
            #expect(part == nil || part == whole, "\(length)")
            #expect((part != nil) == (length >= whole.bodyOffset), "\(length)")
        }
    }

    @Test func damagedSubmissionsNeverCrash() throws {
        var generator = SeededNumbers(seed: 1)
        for name in Fixture.submissions {
            let input = try Fixture.bytes("queue/\(name)/input")
            for _ in 0..<300 {
                var bytes = input
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                let submission = try? SubmissionParser.parse(bytes, isWhole: true)
                for field in submission?.fields ?? [] { #expect(submission?.bytes(of: field).isEmpty == false) }
            }
        }
        for length in 0..<400 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? SubmissionParser.parse(bytes, isWhole: length % 2 == 0)
        }
    }

    private static func parse(_ input: String) throws -> Submission {
        try #require(try SubmissionParser.parse(Array(input.utf8), isWhole: true))
    }
}
