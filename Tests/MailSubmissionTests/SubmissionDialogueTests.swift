// SMTP into the spool: what is said, and what is there when it is said.

import Bytes
import Glibc
import MailSubmission
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SubmissionDialogueTests {
    let spool: SubmissionSpool

    init() throws { spool = try SubmissionSpool() }

    private func dialogue(sizeLimit: Int = 10_000) throws -> SubmissionDialogue {
        var origin = SubmissionOrigin()
        origin.login = Array("ann".utf8)
        return SubmissionDialogue(
            into: try MailDrop(path: spool.place.path), host: "h.example", atDomain: Array("@d.example".utf8),
            origin: origin, sizeLimit: sizeLimit)
    }

    /// Says all of it in pieces, and gives the codes of the replies.
    private func codes(_ dialogue: inout SubmissionDialogue, _ text: String, pieces: Int = 65_536) -> [Int] {
        var rest = Array(text.utf8)[...]
        var output = dialogue.takeOutput()
        while !rest.isEmpty, !dialogue.isOver {
            dialogue.receive(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
            output += dialogue.takeOutput()
        }
        return String(decoding: output, as: UTF8.self).split(separator: "\r\n").compactMap { line in
            line.dropFirst(3).first == " " ? Int(line.prefix(3)) : nil
        }
    }

    static let whole = """
        EHLO client.example
        MAIL FROM:<a@b.example> BODY=8BITMIME SIZE=40
        RCPT TO:<c@d.example> NOTIFY=NEVER
        RCPT TO:<e@f.example>
        DATA
        Subject: x

        ..dot
        body
        .
        QUIT

        """

    @Test(arguments: [1, 3, 65_536], ["\n", "\r\n"])
    func aMessageIsSubmittedBeforeItIsAnswered(pieces: Int, lineEnd: String) throws {
        var dialogue = try dialogue()
        let codes = codes(&dialogue, Self.whole.replacing("\n", with: lineEnd), pieces: pieces)
        #expect(codes == [220, 250, 250, 250, 250, 354, 250, 221])
        #expect(dialogue.isOver && dialogue.submitted.count == 1)
        let name = try #require(dialogue.submitted.first)
        #expect(
            try spool.submitted(name) == """
                rcvdfrom client.example (ann)
                with SMTP
                loginname ann
                bodytype 8BITMIME
                from <a@b.example>
                todsn NOTIFY=NEVER
                to <c@d.example>
                to <e@f.example>
                env-end
                Subject: x

                .dot
                body

                """)
    }

    /// A dialogue, the codes that it is answered with, and how many messages are submitted.
    @Test(
        arguments: [
            ("HELO h\nNOOP\nVRFY x\nRSET\nFROB\nQUIT\n", [220, 250, 250, 252, 250, 500, 221], 0),
            ("MAIL FROM:<a@b.example>\n", [220, 503], 0),
            ("EHLO h\nRCPT TO:<a@b.example>\nDATA\n", [220, 250, 503, 503], 0),
            ("EHLO h\nMAIL FROM:<a b@c>\nMAIL FROM:<|x>\n", [220, 250, 501, 553], 0),
            (
                "EHLO h\nMAIL FROM:<>\nRCPT TO:<a@b.example>\nDATA\nx\n.\nQUIT\n", [220, 250, 250, 250, 354, 250, 221],
                1
            ),
            (
                "EHLO h\nMAIL FROM:<a@b.example>\nRCPT TO:<a@b.example>\nRSET\nDATA\nQUIT\n",
                [
                    220, 250, 250, 250, 250, 503, 221,
                ], 0
            ),
            (
                "EHLO h\nMAIL FROM:<ann>\nRCPT TO:<bob>\nDATA\n.\nMAIL FROM:<ann>\nRCPT TO:<bob>\nDATA\n\n.\nQUIT\n",
                [
                    220, 250, 250, 250, 354, 250, 250, 250, 354, 250, 221,
                ], 2
            ),
            ("EHLO h\nMAIL FROM:<a@b.example> SIZE=10001\nQUIT\n", [220, 250, 552, 221], 0),
        ] as [(String, [Int], Int)])
    func whatIsSaidIsAnsweredAsSMTPHasIt(text: String, expected: [Int], submitted: Int) throws {
        var dialogue = try dialogue()
        #expect(codes(&dialogue, text) == expected)
        dialogue.end()
        #expect(try spool.names("router").count == submitted && spool.names("public").isEmpty)
    }

    /// Cut off at every byte, a dialogue submits its message or nothing of it.
    @Test func whateverTheEndComesAfterNothingHalfIsThere() throws {
        let text = Array(Self.whole.utf8)
        var cuts = 0
        for end in 0..<text.count {
            let spool = try SubmissionSpool()
            var dialogue = SubmissionDialogue(
                into: try MailDrop(path: spool.place.path), host: "h.example", atDomain: Array("@d.example".utf8),
                origin: SubmissionOrigin(), sizeLimit: 10_000)
            dialogue.receive(Array(text[..<end]))
            let isSaid = String(decoding: dialogue.takeOutput(), as: UTF8.self).contains("submitted as")
            dialogue.end()
            #expect(try spool.names("router").count == (isSaid ? 1 : 0), "\(end)")
            #expect(try spool.names("public").isEmpty, "\(end)")
            if !isSaid { cuts += 1 }
        }
        print("SubmissionDialogueTests: cut off at \(text.count) places, \(cuts) before the message was submitted")
        #expect(cuts > 100 && cuts < text.count)
    }

    @Test func aMessageThatIsTooLargeIsNotSubmitted() throws {
        var dialogue = try dialogue(sizeLimit: 100)
        let text =
            "EHLO h\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
            + String(repeating: "0123456789\n", count: 20) + ".\nQUIT\n"
        #expect(codes(&dialogue, text) == [220, 250, 250, 250, 354, 552, 221])
        #expect(try spool.names("router").isEmpty && spool.names("public").isEmpty)
    }
}
