// The dialogues that ZMailer's own agent had: the same commands, message and outcomes are wanted.

import Bytes
import LMTP
import MailSyntax
import System
import Testing

private struct Recorded {
    var peer = ScriptedPeer()
    var commands: [String] = []
    /// The message as it stood on the wire, dots doubled.
    var wire: [UInt8] = []
    /// The message in a file: LF, dots single.
    var body: [UInt8] = []

    static func fixture(_ name: String) throws -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return try readFile("/\(folder)/Fixtures/lmtp/\(name)", limit: 1 << 20).bytes
    }

    init(_ name: String) throws {
        var replies: [Step: [Answer]] = [:]
        var step = Step.greeting
        var hello: [String] = []
        for line in try Self.fixture(name + ".dialogue").split(separator: 0x0A) {
            let text = line.dropFirst(3)
            switch line.prefix(2) {
            case [0x53, 0x3A]:
                if step == .hello {
                    hello.append(string(text))
                } else {
                    replies[step, default: []].append(.line(string(text)))
                }
            case [0x43, 0x3A]:
                commands.append(string(text))
                step =
                    switch text.prefix(4) {
                    case Array("LHLO".utf8)[...]: .hello
                    case Array("MAIL".utf8)[...]: .mail
                    case Array("RCPT".utf8)[...]: .rcpt
                    case Array("DATA".utf8)[...]: .data
                    default: .quit
                    }
            default:
                step = .final
                wire += text + [0x0D, 0x0A]
                if text != [0x2E] { body += (text.first == 0x2E ? text.dropFirst() : text) + [0x0A] }
            }
        }
        replies[.hello] = [.say(hello)]
        peer.script = replies
    }

    /// The envelope that the commands spell.
    func envelope() throws -> Envelope {
        var envelope = Envelope(sender: [], recipients: [])
        for command in commands {
            let words = command.split(separator: " ").map(String.init)
            let address = words.dropFirst().first.map { $0.drop { $0 != "<" }.dropFirst().dropLast() } ?? ""
            let parameters = Dictionary(
                uniqueKeysWithValues: words.dropFirst(2).map { word in
                    let parts = word.split(separator: "=", maxSplits: 1)
                    return (String(parts[0]), Array(String(parts[1]).utf8))
                })
            if words[0] == "MAIL" {
                envelope.sender = Array(address.utf8)
                envelope.length = parameters["SIZE"].flatMap { UInt64(string($0)) }.map { .estimate($0) } ?? .unknown
                envelope.envelopeID = parameters["ENVID"].flatMap { XText(encoded: $0) }
                envelope.returnedContent = parameters["RET"].flatMap { ReturnedContent(rawValue: string($0)) }
            } else if words[0] == "RCPT" {
                var recipient = EnvelopeRecipient(Array(address.utf8))
                // What ZMailer adds by itself is not told to the session: it is to add the same.
                if parameters["NOTIFY"].map({ string($0) }) != "FAILURE" {
                    recipient.notify = parameters["NOTIFY"].flatMap { NotifyConditions($0) }
                    recipient.originalRecipient = parameters["ORCPT"].flatMap { OriginalRecipient($0) }
                }
                envelope.recipients.append(recipient)
            }
        }
        return envelope
    }
}

private func upperCasedPaths(_ command: String) -> String {
    command.replacing("MAIL From:", with: "MAIL FROM:").replacing("RCPT To:", with: "RCPT TO:")
        .replacing("LHLO vm", with: "LHLO client.example")
}

@Suite struct ConformanceTests {
    static let names = ["01-two-ok", "02-mixed", "03-dsn", "04-nocaps", "05-null-sender", "07-local-channel"]

    @Test(arguments: names, [true, false])
    func commandsMessageAndOutcomesAreThoseOfTheRecording(_ name: String, _ isPipelined: Bool) throws {
        let recorded = try Recorded(name)
        let envelope = try recorded.envelope()
        let result = converse(
            try options { $0.usesPipelining = isPipelined }, recorded.peer, [envelope], body: recorded.body)
        #expect(result.peer.commands == recorded.commands.map(upperCasedPaths))
        #expect(result.closings == [nil])
        if name != "04-nocaps" {
            let sent = result.writes.reduce([], +)
            #expect(string(sent).contains(string(recorded.wire)))
        }
        let report = try #require(result.reports.first)
        let lines = try Recorded.fixture("outcomes.tsv").split(separator: 0x0A).map { string($0) }
            .map { $0.split(separator: "\t", omittingEmptySubsequences: false) }.filter { $0[0] == name }
        #expect(lines.count == report.recipients.count)
        for (line, (recipient, outcome)) in zip(lines, zip(envelope.recipients, report.recipients)) {
            #expect(string(recipient.address) == line[1])
            #expect((line[2] == "+" ? .delivered : line[2] == "-" ? .failed : .deferred) == outcome.outcome)
            #expect(String(outcome.reply.code) == line[3])
            #expect(outcome.reply.enhancedCode?.description == String(line[4]))
        }
    }

    @Test func aPeerWithout8BITMIMEGetsQuotedPrintableWithTheSameContent() throws {
        let recorded = try Recorded("04-nocaps")
        let body = Array("Subject: hello\n\nbody line 1\n.dot line\n8bit \u{FF} end\nlast\n".utf8)
            .map { $0 == 0xC3 ? 0xE9 : $0 }.filter { $0 != 0xBF }
        let result = converse(try options(), recorded.peer, [try recorded.envelope()], body: body)
        let message = string(result.peer.messages[0])
        #expect(message.hasSuffix("\r\n\r\nbody line 1\r\n=2Edot line\r\n8bit =E9 end\r\nlast\r\n"))
        #expect(message.contains("\r\nMIME-Version: 1.0\r\n"))
        #expect(message.contains("\r\nContent-Transfer-Encoding: quoted-printable\r\n"))
        #expect(message.contains("\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"))
        #expect(message.contains("\r\nX-Warning: "))
    }

    @Test func theDialogueOfARefusedRecipientAsZMailerWritesItIntoAControlFile() throws {
        let recorded = try Recorded("02-mixed")
        let result = converse(try options(), recorded.peer, [try recorded.envelope()], body: recorded.body)
        let report = try #require(result.reports.first)
        let mail = "\r<<- MAIL FROM:<sender@remote.example> BODY=8BITMIME SIZE=342\r->> 250 2.1.0 ok"
        let rcpt = { (user: String, orcpt: String) in
            "\r<<- RCPT TO:<\(user)@virt.example> NOTIFY=FAILURE ORCPT=rfc822;\(orcpt)@virt.example\r->> "
        }
        #expect(
            string(report.dialogue(recipient: 4)) == mail + rcpt("bad", "bad") + "550 5.1.1 no such mailbox")
        #expect(
            string(report.dialogue(recipient: 2)) == mail + rcpt("dbad", "dbad")
                + "250 2.1.5 ok\r<<- DATA\r->> 354 go\r<<- .\r->> 552 5.2.2 over quota <dbad@virt.example>")
    }
}
