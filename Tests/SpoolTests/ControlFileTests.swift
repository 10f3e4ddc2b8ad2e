import Spool
import Testing
import ZRouteTestKit

@Suite struct ControlFileTests {
    @Test(arguments: Fixture.controlFiles)
    func whatZMailerWroteIsWrittenAgainTheSame(path: String) throws {
        let bytes = try Fixture.bytes(path)
        let file = try ControlFile(parsing: bytes)
        #expect(file.bytes() == bytes)
        #expect(file.size == bytes.count)
        #expect(file.unknownLines.isEmpty)
        #expect(!file.recipients.isEmpty)
        for recipient in file.recipients {
            #expect(bytes[recipient.offset] == UInt8(ascii: "r"))
            #expect(recipient.sender != nil)
            #expect(file.header(of: recipient)?.starts(with: "Received: ".utf8) == true)
            let header = try #require(recipient.headerOffset)
            #expect(bytes[header...].starts(with: "Received: ".utf8))
        }
        // The diagnostics that ZMailer's agent wrote point where this parser says recipient, header and parameters are.
        #expect(file.diagnostics.count == file.lines.count { $0.kind == .diagnostic })
        for line in file.diagnostics {
            let recipient = file.recipients.first { $0.offset == line.diagnostic.recipientOffset }
            #expect(recipient?.headerOffset == line.diagnostic.headerOffset)
            #expect(recipient?.notificationOffset == line.diagnostic.notificationOffset)
            #expect(line.diagnostic.text == file.lines.first { $0.text == line.diagnostic.text }?.text)
            #expect(line.diagnostic.notary.fields.count == 6)
            let dialogue = try #require(DialogueLine.lines(line.diagnostic.message))
            #expect(DialogueLine.message(dialogue) == line.diagnostic.message)
        }
    }

    @Test func fieldsOfAFixtureMeanWhatTheySay() throws {
        let file = try ControlFile(parsing: try Fixture.bytes("queue/07-dsn-all/control"))
        let recipients = file.recipients
        #expect(file.name.map(text) == "16517015" && file.bodyOffset == 551)
        #expect(file.logIdentity.map(text) == "<m1@remote.example>")
        #expect(recipients.map { text($0.address.channel) }.prefix(3) == ["smtp-lmtp", "smtp-lmtp", "smtp"])
        #expect(recipients.first?.notification.map(text)?.hasPrefix("NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=") == true)
        #expect(recipients.first?.returnMode.map(text) == "FULL")
        #expect(recipients.first?.envelopeIdentifier.map(text) == "QQ314159+2B")
        #expect(recipients.last?.notification == nil)
        #expect(recipients.allSatisfy { $0.errorAddress.map(text) == "sender@remote.example" })
        let null = try ControlFile(parsing: try Fixture.bytes("queue/09-null-sender/control")).recipients
        #expect(null.allSatisfy { $0.errorAddress == nil && $0.sender?.isChannel("error") == true })
        let after = try ControlFile(parsing: try Fixture.bytes("lmtp-control/02-mixed/control.after"))
        #expect(after.recipients.map(\.tag) == [.pending, .failed, .pending, .failed, .pending, .done])
        #expect(
            after.unreportedFailures.map { text($0.recipient.address.user) } == [
                "bad@virt.example", "dbad@virt.example",
            ])
    }

    @Test(arguments: [
        ("", "-"), ("-", "-"), ("plain", "plain"), ("This domain is closed", "\"This domain is closed\""),
        ("\"a b\"@d", "\"a b\"@d"), ("\"a b", "\"\\\"a b\""), ("a\\ b", "a\\ b"), ("a b\\", "\"a b\\\\\""),
        ("a\tb", "\"a\tb\""), ("\"|/bin/prog arg\"", "\"|/bin/prog arg\""), ("<>", "<>"), (" ", "\" \""),
    ])
    func fieldsAreQuotedAsZMailerQuotesThem(value: String, field: String) {
        #expect(text(ControlField.quoted(Array(value.utf8))) == field)
    }

    @Test(arguments: ["This domain is closed", "\"a b", "a b\\", "x \"y\" z", " "])
    func quotedTextsComeBack(value: String) throws {
        let quoted = ControlField.quoted(Array(value.utf8))
        #expect(text(ControlField.unquoted(quoted)) == value)
        let address = ControlAddress(
            channel: Array("error".utf8), host: Array(value.utf8), user: Array(value.utf8), privilege: 65534)
        let name = try #require(MessageName("1"))
        let file = try draft(recipients: []).adding(address).file(name: name)
        #expect(try ControlFile(parsing: file.bytes()).recipients.first?.address == address)
    }

    @Test func aDraftIsWrittenInZMailersForm() throws {
        let group = ControlFileDraft.Group(
            errorAddress: Array("s@x".utf8),
            sender: ControlAddress(
                channel: Array("local".utf8), host: Array("s@x".utf8), user: Array("s@x".utf8), privilege: 0),
            recipients: [
                .init(
                    address: ControlAddress(
                        channel: Array("smtp-lmtp".utf8), host: Array("node".utf8), user: Array("u".utf8),
                        privilege: 65534),
                    notification: Array("NOTIFY=NEVER".utf8), returnMode: Array("HDRS".utf8),
                    envelopeIdentifier: Array("E1".utf8))
            ],
            header: Array("To: u\r\nSubject: a\r\n b".utf8))
        let draft = ControlFileDraft(
            bodyOffset: 99, logIdentity: Array("<m@x>".utf8), errorAddress: Array("<s@x>".utf8), groups: [group])
        let name = try #require(MessageName("4711"))
        let file = try draft.file(name: name)
        #expect(
            text(file.bytes())
                == "@ 0x00000007\ni 4711\no 99\nl <m@x>\ne <s@x>\ne s@x\ns local s@x s@x 0\n"
                + "r           smtp-lmtp node u 65534\nN NOTIFY=NEVER\nR HDRS\nn E1\nm\nTo: u\nSubject: a\n b\n\n")
        #expect(try ControlFile(parsing: file.bytes()) == file)
    }

    @Test(arguments: ["To: a\n\nx\n", "\nTo: a\n", "To: a\u{0}\n"])
    func aHeaderThatWouldEndTheBlockIsRefused(header: String) throws {
        var draft = draft(recipients: [("smtp", "u")])
        draft.groups[0].header = Array(header.utf8)
        let name = try #require(MessageName("1"))
        #expect(throws: ControlFileError.unrepresentable(.header)) { _ = try draft.file(name: name) }
    }

    @Test func aLineEndInARouteIsRefused() throws {
        let name = try #require(MessageName("1"))
        #expect(throws: ControlFileError.unrepresentable(.recipient)) {
            _ = try control(name, recipients: [("smtp", "u\nr+          smtp h v 0")])
        }
    }

    @Test func linesOfUnknownLettersAreKeptAndTold() throws {
        let bytes = Array("@ 0x00000007\ni 1\no 0\n? what\nQ\ns local a a 0\nr           smtp h u 0\nm\nTo: x\n\n".utf8)
        let file = try ControlFile(parsing: bytes)
        #expect(file.bytes() == bytes)
        #expect(file.unknownLines == [3, 4])
        #expect(file.recipients.count == 1)
    }

    @Test func alternativesAndLocksAreRead() throws {
        let file = try ControlFile(
            parsing: Array(
                "@ 0x7\ni 1\no 0\ns local a a 0\nX~  4711  123 smtp h u 0\nr~4711      smtp h u 0\nr?          x y z 0\nm\n\n"
                    .utf8))
        #expect(file.recipients.map(\.alternativeSet) == [3, nil, nil])
        #expect(file.recipients.map(\.process) == [4711, nil, nil])
        #expect(file.recipients.map(\.tag) == [.locked, .locked, nil])
        #expect(!file.isFinished)
    }

    @Test(arguments: [
        ("", ControlFileError.unsupportedFormat), ("@ 0x00000008\n", .unsupportedFormat),
        ("@ 0x00000001\n", .unsupportedFormat), ("@ 0x00000007\no 1\n", .missing(.name)),
        ("@ 0x00000007\ni 1\no x\n", .missing(.bodyOffset)),
        ("@ 0x00000007\ni 1\no 99999999999999999999\n", .missing(.bodyOffset)),
        ("@ 0x00000007\ni 1", .truncated(offset: 13)), ("@ 0x00000007\n\n", .emptyLine(offset: 13)),
        ("@ 0x00000007\ni 1\no 1\nm\nTo: x\n", .truncated(offset: 21)),
        ("@ 0x00000007\ni 1\no 1\ns local a\n", .malformedAddress(offset: 21)),
        ("@ 0x00000007\ni 1\no 1\nr smtp h u 0\n", .malformedAddress(offset: 21)),
        ("@ 0x00000007\ni 1\no 1\nr           smtp \"h u 0\n", .malformedAddress(offset: 21)),
    ])
    func damagedFilesAreRefused(input: String, error: ControlFileError) {
        #expect(throws: error) { _ = try ControlFile(parsing: Array(input.utf8)) }
    }

    @Test func anUnfinishedDiagnosticIsKept() throws {
        let bytes = try Fixture.bytes("lmtp-control/02-mixed/control.after").dropLast(10)
        let file = try ControlFile(parsing: Array(bytes))
        #expect(file.unfinished.starts(with: "d 309:".utf8))
        #expect(file.diagnostics.count == 1)
        #expect(file.bytes() == Array(bytes))
    }

    @Test func diagnosticsSurviveHostileReplies() throws {
        let file = try ControlFile(parsing: try Fixture.bytes("lmtp-control/03-dsn/control.before"))
        let recipient = try #require(file.recipients.first)
        let notary = Diagnostic.Notary(
            address: Array("u".utf8), action: Array("failed".utf8), status: Array("5.1.1".utf8),
            diagnostic: Array("smtp; 550 (a\tb\u{1}c\nd)".utf8), place: Array(" (UNIX:/s)".utf8),
            agent: Array("zroute[1]".utf8))
        let dialogue = DialogueLine.message([
            DialogueLine(.sent, Array("RCPT To:<u>".utf8)), DialogueLine(.received, Array("550\rx\ny\tz\u{0}".utf8)),
        ])
        let diagnostic = Diagnostic(recipient: recipient, time: 1_795_392_403, notary: notary, message: dialogue)
        let back = try #require(Diagnostic(parsing: diagnostic.text))
        #expect(!diagnostic.text.contains(0x0A) && !diagnostic.text.contains(0))
        #expect(back.recipientOffset == 156 && back.headerOffset == 312 && back.notificationOffset == 207)
        #expect(back.notary.diagnostic.map(text) == "smtp; 550 (a b c d)")
        #expect(back.message == Array("\r<<- RCPT To:<u>\r->> 550 x y\tz ".utf8))
    }

    @Test func damagedControlFilesNeverCrash() throws {
        var generator = SeededNumbers(seed: 2)
        for path in Fixture.controlFiles {
            let input = try Fixture.bytes(path)
            for _ in 0..<200 {
                var bytes = input
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                if let file = try? ControlFile(parsing: bytes) {
                    #expect(file.bytes() == bytes)
                    _ = file.recipients
                    _ = file.unreportedFailures
                }
            }
        }
    }
}

extension ControlFileDraft {
    fileprivate func adding(_ address: ControlAddress) -> ControlFileDraft {
        var draft = self
        draft.groups[0].recipients.append(.init(address: address))
        return draft
    }
}
