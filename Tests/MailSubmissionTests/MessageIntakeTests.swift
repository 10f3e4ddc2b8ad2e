// What becomes of a message on its way from a program into the spool, whatever the pieces it comes in.

import Bytes
import Glibc
import MailSubmission
import MailSyntax
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct MessageIntakeTests {
    /// A message as it comes, and what is to stand behind the envelope.
    struct Form: Sendable, CustomTestStringConvertible {
        let name: String
        let given: String
        let kept: String
        var endsAtDot = false
        var testDescription: String { name }
    }

    static let forms = [
        Form(name: "header and body", given: "Subject: x\n\nbody\n", kept: "Subject: x\n\nbody\n"),
        Form(name: "CRLF", given: "Subject: x\r\n\r\nbody\r\n", kept: "Subject: x\n\nbody\n"),
        Form(name: "CRLF and LF", given: "Subject: x\r\nTo: y\n\r\na\r\nb\n", kept: "Subject: x\nTo: y\n\na\nb\n"),
        Form(name: "CR alone", given: "Subject: x\n\na\rb\n\r", kept: "Subject: x\n\na\rb\n\r\n"),
        Form(name: "no header", given: "just words\nmore: words\n", kept: "\njust words\nmore: words\n"),
        Form(name: "header without end", given: "Subject: x\nTo: y", kept: "Subject: x\nTo: y\n"),
        Form(name: "header that text follows", given: "Subject: x\nhello there\n", kept: "Subject: x\nhello there\n"),
        Form(name: "folded header", given: "Subject: x\n y\n\n", kept: "Subject: x\n y\n\n"),
        Form(name: "first line indented", given: " x\ny\n", kept: "\n x\ny\n"),
        Form(name: "empty line first", given: "\nbody\n", kept: "\nbody\n"),
        Form(name: "nothing", given: "", kept: "\n"),
        Form(name: "no last line end", given: "A: b\n\nbody", kept: "A: b\n\nbody\n"),
        Form(name: "mailbox line", given: "From a@b Sun Nov 29\nA: b\n\nFrom c\n", kept: "A: b\n\nFrom c\n"),
        Form(name: "quoted mailbox line", given: ">From a@b Sun\nA: b\n\nx\n", kept: "A: b\n\nx\n"),
        Form(name: "envelope lines in the body", given: "to <x@y>\nexternal\n", kept: "\nto <x@y>\nexternal\n"),
        Form(name: "8 bits and NUL", given: "A: \u{e9}\n\n\u{0}\u{20ac}\n", kept: "A: \u{e9}\n\n\u{0}\u{20ac}\n"),
        Form(
            name: "long line", given: "A: b\n\n" + String(repeating: "x", count: 5000),
            kept: "A: b\n\n" + String(repeating: "x", count: 5000) + "\n"),
        Form(name: "dot that is no end", given: "A: b\n\na\n.\nb\n", kept: "A: b\n\na\n.\nb\n"),
        Form(name: "dot", given: "A: b\n\na\n.\nb\n", kept: "A: b\n\na\n", endsAtDot: true),
        Form(name: "dot with CRLF", given: "A: b\r\n\r\na\r\n.\r\nb\r\n", kept: "A: b\n\na\n", endsAtDot: true),
        Form(name: "dots with company", given: "A: b\n\n..\n.a\nb.\n", kept: "A: b\n\n..\n.a\nb.\n", endsAtDot: true),
        Form(name: "dot in the header", given: "A: b\n.\nx\n", kept: "A: b\n", endsAtDot: true),
        Form(name: "dot at the end of the file", given: "A: b\n\na\n.", kept: "A: b\n\na\n", endsAtDot: true),
        Form(name: "dot and nothing else", given: ".\n", kept: "\n", endsAtDot: true),
    ]

    @Test(arguments: forms, [1, 2, 7, 65_536])
    func theSpoolHasTheMessageWithLinesOfItsOwn(form: Form, piece: Int) throws {
        let spool = try SubmissionSpool()
        let name = try spool.submit(Array(form.given.utf8), pieces: piece, endsAtDot: form.endsAtDot)
        let text = try spool.submitted(name)
        let parts = text.split(separator: "env-end\n", maxSplits: 1, omittingEmptySubsequences: false)
        #expect(parts.count == 2 && parts.last ?? "" == form.kept, "\(text.debugDescription)")
        #expect(try spool.names("public").isEmpty)
    }

    @Test(arguments: [
        ("To: a@b.example\n\nx\n", ["a@b.example"]),
        (
            "To: Ann <a@b.example>,\n c@d.example\nCc: e@f.example\nBcc: g@h.example\n\n",
            [
                "g@h.example", "e@f.example", "a@b.example", "c@d.example",
            ]
        ),
        ("To: a@b.example\nResent-To: r@b.example\n\n", ["r@b.example"]),
        ("To: undisclosed-recipients:;\nBcc: a@b.example, a@b.example\n\n", ["a@b.example"]),
        ("Subject: nobody\n\nTo: a@b.example\n", []), ("", []),
    ])
    func recipientsAreThoseOfTheHeaderAndThoseThatAreNamed(message: String, expected: [String]) throws {
        for named in [[], ["n@o.example"]] {
            let spool = try SubmissionSpool()
            var submission = ProgramSubmission(sender: Array("s@s.example".utf8))
            submission.readsRecipients = true
            submission.recipients = named.map { Array($0.utf8) }
            guard !(named + expected).isEmpty else {
                #expect(throws: SubmissionFailure.self) { _ = try spool.submit(Array(message.utf8), submission) }
                #expect(try spool.names("public").isEmpty && spool.names("router").isEmpty)
                continue
            }
            let name = try spool.submit(Array(message.utf8), submission)
            let lines = try spool.submitted(name).split(separator: "\n").filter { $0.hasPrefix("to <") }
            #expect(lines.map(String.init) == (named + expected).map { "to <\($0)>" })
        }
    }

    /// What a program may hand over as a recipient: lists, and what would be another line.
    @Test(
        arguments: [
            ("a@b.example, c@d.example", ["a@b.example", "c@d.example"]), ("Ann <a@b.example>", ["a@b.example"]),
            ("ann", ["ann"]), ("|/bin/sh -c x, y", ["|/bin/sh -c x, y"]), ("/etc/passwd", ["/etc/passwd"]),
            (":include:/etc/passwd", [":include:/etc/passwd"]), ("a@b.example\nto <x@y.example>", nil),
            ("a@b\nchannel error", nil), ("a>\nexternal", nil),
        ] as [(String, [String]?)])
    func anArgumentIsAListAndNeverALine(argument: String, expected: [String]?) throws {
        var submission = ProgramSubmission(sender: Array("s@s.example".utf8))
        submission.recipients = [Array(argument.utf8)]
        let head = try? submission.head([])
        let lines = head.map { String(decoding: $0.bytes, as: UTF8.self).split(separator: "\n").map(String.init) }
        if let expected {
            #expect(lines == ["from <s@s.example>"] + expected.map { "to <\($0)>" } + ["env-end"])
        } else {
            // Either it is refused, or each line that came of it is one recipient's.
            let others = (lines ?? []).filter { !$0.hasPrefix("to <") }
            #expect(others.isEmpty || others == ["from <s@s.example>", "env-end"], "\(others)")
        }
    }

    @Test func whatIsKnownOfTheSenderStaysOnItsLine() throws {
        var submission = ProgramSubmission(sender: [])
        submission.recipients = [Array("a@b.example".utf8)]
        submission.origin.fullName = Array("Ann\nto <x@y.example>\u{7f}".utf8)
        submission.origin.client = Array("h\r\nexternal".utf8)
        submission.notify = .failure
        let text = String(decoding: try submission.head([]).bytes, as: UTF8.self)
        #expect(
            text == """
                rcvdfrom h??external
                fullname Ann?to <x@y.example>?
                channel error
                todsn NOTIFY=FAILURE
                to <a@b.example>
                env-end

                """)
    }

    @Test func whatIsTooLargeIsRefusedAndLeavesNothing() throws {
        let spool = try SubmissionSpool()
        let body = Array("A: b\n\n".utf8) + [UInt8](repeating: 0x78, count: 100_000)
        #expect(throws: SubmissionFailure.self) { _ = try spool.submit(body, sizeLimit: 100_005) }
        #expect(throws: SubmissionFailure.self) {
            _ = try spool.submit(Array("A: ".utf8) + [UInt8](repeating: 0x78, count: 16 << 20), pieces: 1 << 20)
        }
        #expect(try spool.names("public").isEmpty && spool.names("router").isEmpty)
        _ = try spool.submit(body, sizeLimit: 100_006)
    }
}

/// A spool of its own to submit to.
final class SubmissionSpool {
    let place: TemporaryDirectory

    init() throws {
        place = try TemporaryDirectory(isInMemory: true)
        try PostOffice.create(path: place.path)
    }

    /// The names in a directory of the spool, sorted.
    func names(_ directory: String) throws -> [String] { try place.names(directory) }

    /// What was submitted under a name.
    func submitted(_ name: MessageName) throws -> String {
        String(decoding: try place.read("router/\(name)"), as: UTF8.self)
    }

    /// Submits a message to `c@d.example`, or as is said.
    func submit(
        _ message: [UInt8], _ submission: ProgramSubmission? = nil, pieces: Int = 65_536, endsAtDot: Bool = false,
        sizeLimit: Int = 64 << 20
    ) throws -> MessageName {
        var usual = ProgramSubmission(sender: Array("a@b.example".utf8))
        usual.recipients = [Array("c@d.example".utf8)]
        let meant = submission ?? usual
        var intake = MessageIntake(
            into: try MailDrop(path: place.path), sizeLimit: sizeLimit, endsAtDot: endsAtDot
        ) { (header) throws(SubmissionFailure) in try meant.head(header) }
        var rest = message[...]
        while !rest.isEmpty, !intake.isAtEnd {
            try intake.take(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        return try intake.finish()
    }
}
