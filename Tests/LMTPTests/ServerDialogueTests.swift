// Whole dialogues with the server's half, without sockets: every command, every parameter, everything that is refused; and
// each of them cut at every place.

import LMTP
import Testing

/// What is said on a connection, and what the driver was asked.
struct ServerDialogue: Sendable, CustomStringConvertible {
    let name: String
    var options = wholeServer()
    var recipientReplies: [String: String] = [:], finalReplies: [String: String] = [:], refusal: String?
    /// What the client says, and what the server answers to it; lines end with LF.
    let steps: [(client: String, server: String)]
    let events: [String]

    var description: String { name }

    func driver() -> ServerDriver {
        var driver = ServerDriver(options)
        driver.senderReplies = ["bad": "550 5.7.1 not from there"]
        driver.recipientReplies = recipientReplies
        driver.finalReplies = finalReplies
        driver.refusal = refusal
        return driver
    }
}

private let hello = """
    250-h
    250-PIPELINING
    250-8BITMIME
    250-SMTPUTF8
    250-ENHANCEDSTATUSCODES
    250-DSN
    250-CHUNKING
    250 SIZE 1000

    """

private let opening = (client: "LHLO c\nMAIL FROM:<a@b>\n", server: hello + "250 2.1.0 ok\n")

/// A command that is refused, after LHLO and a MAIL that was accepted.
private func refused(_ command: String, _ reply: String, mail: Bool = true) -> ServerDialogue {
    ServerDialogue(
        name: command,
        steps: [mail ? opening : (client: "LHLO c\n", server: hello), ("\(command)\n", "\(reply)\n")],
        events: mail ? ["sender <a@b>"] : [])
}

let serverDialogues: [ServerDialogue] = [
    ServerDialogue(
        name: "one message", finalReplies: ["y": "452 4.2.2 full"],
        steps: [
            opening, ("RCPT TO:<x@b>\n", "250 2.1.5 ok\n"), ("RCPT TO:<y@b>\n", "250 2.1.5 ok\n"),
            ("DATA\n", "354 go ahead\n"),
            (
                "Subject: s\n\n..dot\n..\nend\n.\n",
                "250 2.1.5 delivered\n"
                    + "452 4.2.2 full\n"
            ), ("QUIT\n", "221 2.0.0 bye\n"),
        ],
        events: [
            "sender <a@b>", "recipient 0 <x@b>", "recipient 1 <y@b>", "begin", "message",
            #"end "Subject: s\r\n\r\n.dot\r\n.\r\nend\r\n""#, "close",
        ]),
    ServerDialogue(
        name: "pipelined, with everything refused that can be",
        recipientReplies: [
            "no": "550-5.1.1 no\n"
                + "550 5.1.1 such"
        ],
        steps: [
            (
                """
                LHLO c
                MAIL FROM:<>
                RCPT TO:<no@b>
                RCPT TO:<x@b>
                RCPT TO:<no@c>
                DATA

                """,
                hello + "250 2.1.0 ok\n550-5.1.1 no\n550 5.1.1 such\n250 2.1.5 ok\n550-5.1.1 no\n550 5.1.1 such\n"
                    + "354 go ahead\n"
            ),
            (
                ".\nMAIL FROM:<bad>\nRCPT TO:<x>\nDATA\nRSET\nQUIT\n",
                "250 2.1.5 delivered\n"
                    + "550 5.7.1 not from there\n"
                    + "503 5.5.1 MAIL first\n503 5.5.1 no valid recipients\n250 2.0.0 ok\n221 2.0.0 bye\n"
            ),
        ],
        events: [
            "sender <>", "recipient 0 <no@b>", "recipient 1 <x@b>", "recipient 2 <no@c>", "begin", #"end """#,
            "sender <bad>", "close",
        ]),
    ServerDialogue(
        name: "nobody is left", recipientReplies: ["": "450 4.2.1 busy"],
        steps: [
            opening,
            (
                "RCPT TO:<x>\nRCPT TO:<y>\nDATA\n",
                "450 4.2.1 busy\n450 4.2.1 busy\n"
                    + "503 5.5.1 no valid recipients\n"
            ),
            ("RSET\n", "250 2.0.0 ok\n"),
        ], events: ["sender <a@b>", "recipient 0 <x>", "recipient 1 <y>", #"discard """#]),
    ServerDialogue(
        name: "a message that is not taken", refusal: "451 4.3.1 disk full",
        steps: [
            opening, ("RCPT TO:<x>\nDATA\n", "250 2.1.5 ok\n451 4.3.1 disk full\n"),
            (
                "RSET\n"
                    + "NOOP x\n", "250 2.0.0 ok\n250 2.0.0 ok\n"
            ),
        ], events: ["sender <a@b>", "recipient 0 <x>", "begin", #"discard """#]),
    ServerDialogue(
        name: "chunks", finalReplies: ["y": "550 5.2.0 no"],
        steps: [
            opening, ("RCPT TO:<x>\nRCPT TO:<y>\nBDAT 5\n\n.\n", "250 2.1.5 ok\n250 2.1.5 ok\n250 2.0.0 5 octets\n"),
            ("BDAT 0\n", "250 2.0.0 0 octets\n"),
            (
                "RCPT TO:<z>\nDATA\n",
                "503 5.5.1 the message has begun\n"
                    + "503 5.5.1 the message was begun by BDAT\n"
            ),
            ("bdat 3 last\nabcNOOP\n", "250 2.1.5 delivered\n550 5.2.0 no\n250 2.0.0 ok\n"),
        ],
        events: [
            "sender <a@b>", "recipient 0 <x>", "recipient 1 <y>", "begin", "message", #"end "\r\n.\r\nabc""#,
        ]),
    ServerDialogue(
        name: "chunks for nobody and for an end",
        steps: [
            (
                client: "LHLO c\nBDAT 3\nabcBDAT 2 LAST\nab",
                server: hello + "503 5.5.1 no valid recipients\n"
                    + "503 5.5.1 no valid recipients\n"
            ),
            (
                "MAIL FROM:<a@b>\nRCPT TO:<x>\nBDAT 0 LAST\nBDAT 5 LATS\n",
                "250 2.1.0 ok\n250 2.1.5 ok\n"
                    + "250 2.1.5 delivered\n501 5.5.4 BDAT has a number of octets and perhaps LAST\n"
            ),
        ], events: ["sender <a@b>", "recipient 0 <x>", "begin", #"end """#, "close"]),
    ServerDialogue(
        name: "a first chunk that is not taken", refusal: "451 4.3.1 disk full",
        steps: [
            opening,
            (
                "RCPT TO:<x>\nRCPT TO:<y>\nBDAT 4\nRSETBDAT 3 LAST\nabc",
                "250 2.1.5 ok\n250 2.1.5 ok\n"
                    + "451 4.3.1 disk full\n503 5.5.1 no valid recipients\n"
            ),
            (
                "MAIL FROM:<c>\nRCPT TO:<x>\nRCPT TO:<y>\nBDAT 6 LAST\nQUIT\n",
                "250 2.1.0 ok\n250 2.1.5 ok\n"
                    + "250 2.1.5 ok\n451 4.3.1 disk full\n451 4.3.1 disk full\n"
            ),
        ],
        events: [
            "sender <a@b>", "recipient 0 <x>", "recipient 1 <y>", "begin", #"discard """#, "sender <c>",
            "recipient 0 <x>",
            "recipient 1 <y>", "begin", #"discard """#,
        ]),
    ServerDialogue(
        name: "too large", options: wholeServer { $0.limits.messageSize = 10 },
        steps: [
            (
                "LHLO c\nMAIL FROM:<a@b> SIZE=10\nRCPT TO:<x>\nRCPT TO:<y>\n"
                    + "DATA\n",
                hello.replacing("1000", with: "10") + "250 2.1.0 ok\n250 2.1.5 ok\n250 2.1.5 ok\n"
                    + "354 go ahead\n"
            ),
            ("123456789\n0\n.\n", "552 5.3.4 message too large\n552 5.3.4 message too large\n"),
            (
                "MAIL FROM:<a@b>\nRCPT TO:<x>\nDATA\n12345678\n.\n",
                "250 2.1.0 ok\n250 2.1.5 ok\n354 go ahead\n"
                    + "250 2.1.5 delivered\n"
            ),
            (
                "MAIL FROM:<a@b>\nRCPT TO:<x>\nBDAT 9\n123456789BDAT 9\n123456789BDAT 1 LAST\n1",
                "250 2.1.0 ok\n"
                    + "250 2.1.5 ok\n250 2.0.0 9 octets\n552 5.3.4 message too large\n503 5.5.1 no valid recipients\n"
            ),
            (
                "MAIL FROM:<a@b>\nRCPT TO:<x>\nRCPT TO:<y>\nBDAT 11 LAST\n12345678901",
                "250 2.1.0 ok\n"
                    + "250 2.1.5 ok\n250 2.1.5 ok\n552 5.3.4 message too large\n552 5.3.4 message too large\n"
            ),
        ],
        events: [
            "sender <a@b> size=10", "recipient 0 <x>", "recipient 1 <y>", "begin", "message", #"discard "123456789\r""#,
            "sender <a@b>", "recipient 0 <x>", "begin", "message", #"end "12345678\r\n""#,
            "sender <a@b>", "recipient 0 <x>", "begin", "message", #"discard "1234567891""#,
            "sender <a@b>", "recipient 0 <x>", "recipient 1 <y>", "begin", "message", #"discard "1234567890""#,
        ]),
    ServerDialogue(
        name: "parameters",
        steps: [
            (
                "LHLO c\nmail from: <a@b>  size=5 BODY=8bitmime SMTPUTF8 ret=hdrs ENVID=x+2By \n",
                hello + "250 2.1.0 ok\n"
            ),
            (
                "RCPT TO:<j\u{F6}@b> NOTIFY=success,DELAY ORCPT=rfc822;x+2By\nrcpt to:<\"a> b\"@c> notify=NEVER\n",
                "250 2.1.5 ok\n250 2.1.5 ok\n"
            ),
            ("LHLO d\nMAIL FROM:<a> BODY=7BIT\n", hello + "250 2.1.0 ok\n"),
        ],
        events: [
            "sender <a@b> size=5 utf8 ret=HDRS envid=x+2By",
            "recipient 0 <j\u{F6}@b> notify=SUCCESS,DELAY orcpt=rfc822;x+2By",
            #"recipient 1 <"a> b"@c> notify=NEVER"#, #"discard """#, "sender <a> 7bit",
        ]),
    ServerDialogue(
        name: "before LHLO",
        steps: [
            (
                "MAIL FROM:<a>\nRCPT TO:<a>\nDATA\nEHLO c\nHELO c\nLHLO\nLHLO  \n",
                "503 5.5.1 say LHLO first\n"
                    + "503 5.5.1 MAIL first\n503 5.5.1 no valid recipients\n500 5.5.1 this is LMTP: say LHLO\n"
                    + "500 5.5.1 this is LMTP: say LHLO\n501 5.5.4 LHLO needs a name\n501 5.5.4 LHLO needs a name\n"
            ),
            (
                "VRFY a\nRSET\nEXPN a\nHELP\n\n",
                "252 2.5.0 cannot say; send it to find out\n250 2.0.0 ok\n"
                    + "500 5.5.2 unknown command\n500 5.5.2 unknown command\n500 5.5.2 unknown command\n"
            ),
        ], events: []),
    ServerDialogue(
        name: "SMTP", options: wholeServer(.smtp), finalReplies: ["x": "250 2.1.5 fine", "y": "550 5.2.0 no"],
        steps: [
            (
                "LHLO c\nHELO c\nEHLO c\nMAIL FROM:<a@b>\n",
                "500 5.5.1 this is SMTP: say EHLO\n"
                    + "250 h\n" + hello + "250 2.1.0 ok\n"
            ),
            ("RCPT TO:<x>\nRCPT TO:<y>\nDATA\nm\n.\n", "250 2.1.5 ok\n250 2.1.5 ok\n354 go ahead\n550 5.2.0 no\n"),
        ], events: ["sender <a@b>", "recipient 0 <x>", "recipient 1 <y>", "begin", "message", #"end "m\r\n""#]),
    ServerDialogue(
        name: "hidden ends of a message",
        steps: [
            opening, ("RCPT TO:<x>\nDATA\n", "250 2.1.5 ok\n354 go ahead\n"),
            ("a\u{0}\n.\u{B}b\n\n.\n", "250 2.1.5 delivered\n"),
        ],
        events: [
            "sender <a@b>", "recipient 0 <x>", "begin", "message",
            #"end "a\0\r\n\u{0B}b\r\n\r\n""#,
        ]),
    refused("MAIL FROM:<c>", "503 5.5.1 one sender is enough"),
    refused("MAIL FROM:<c> SIZE=1000000000000000000", "552 5.3.4 message too large", mail: false),
    refused("MAIL FROM:<c> SIZE=99999999999999999999", "552 5.3.4 message too large", mail: false),
    refused("MAIL FROM:<c> SIZE=123456789012345678901", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> SIZE=-1", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> SIZE", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> SIZE=", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> BODY=BINARYMIME", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> SMTPUTF8=1", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> RET=ALL", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused("MAIL FROM:<c> ENVID=a+zz", "501 5.5.4 a parameter's value cannot be read", mail: false),
    refused(
        "MAIL FROM:<c> ENVID=" + String(repeating: "x", count: 101), "501 5.5.4 a parameter's value cannot be read",
        mail: false),
    refused("MAIL FROM:<c> SIZE=1 size=2", "501 5.5.4 a parameter is given twice", mail: false),
    refused("MAIL FROM:<c> AUTH=<>", "555 5.5.4 unknown parameter", mail: false),
    refused("MAIL FROM:<c>SIZE=1", "501 5.5.4 no path", mail: false),
    refused("MAIL FROM:c", "501 5.5.4 no path", mail: false),
    refused("MAIL FROM:<c", "501 5.5.4 no path", mail: false),
    refused("MAIL FROM:<\"c>", "501 5.5.4 no path", mail: false),
    refused("MAIL FORM:<c>", "501 5.5.4 no path", mail: false),
    refused("MAIL", "501 5.5.4 no path", mail: false),
    refused("MAIL FROM:<a b>", "501 5.1.3 the address cannot be read", mail: false),
    refused("MAIL FROM:<\u{E9}@b>", "553 5.6.7 the address needs SMTPUTF8", mail: false),
    refused("MAIL FROM:<a\u{0}b>", "500 5.5.2 control characters are in no command", mail: false),
    refused("RCPT TO:<>", "501 5.1.3 no user"),
    refused("RCPT TO:<\u{E9}>", "553 5.6.7 the address needs SMTPUTF8"),
    refused("RCPT TO:<a<b>", "501 5.1.3 the address cannot be read"),
    refused("RCPT TO:<a> NOTIFY=NEVER,DELAY", "501 5.5.4 a parameter's value cannot be read"),
    refused("RCPT TO:<a> NOTIFY=success,", "501 5.5.4 a parameter's value cannot be read"),
    refused("RCPT TO:<a> ORCPT=rfc822", "501 5.5.4 a parameter's value cannot be read"),
    refused(
        "RCPT TO:<a> ORCPT=rfc822;" + String(repeating: "x", count: 500), "501 5.5.4 a parameter's value cannot be read"
    ),
    refused("RCPT TO:<a> SIZE=1", "555 5.5.4 unknown parameter"),
    refused("RCPT FROM:<a>", "501 5.5.4 no path"),
    refused("DATA now", "501 5.5.4 this command has no argument"),
    refused("RSET it", "501 5.5.4 this command has no argument"),
    refused("QUIT it", "501 5.5.4 this command has no argument"),
    refused("STARTTLS", "500 5.5.2 unknown command"),
    refused(String(repeating: "x", count: 9000), "500 5.5.2 line too long"),
]

@Suite struct ServerDialogueTests {
    @Test(arguments: serverDialogues)
    func aDialogueSaysAndAsksWhatItShould(_ dialogue: ServerDialogue) {
        var driver = dialogue.driver()
        #expect(driver.said() == "220 h ready\n")
        for step in dialogue.steps {
            driver.hear(step.client)
            #expect(driver.said() == step.server)
        }
        #expect(driver.events == dialogue.events)
    }

    /// Nothing that is said or asked depends on the pieces in which a dialogue comes.
    @Test(arguments: serverDialogues)
    func everyCutOfADialogueGivesTheSame(_ dialogue: ServerDialogue) {
        // All of it at once: what is cut needs not wait for the server.
        let bytes = wire(dialogue.steps.map(\.client).joined())
        var whole = dialogue.driver()
        whole.hear(bytes)
        let said = whole.said()
        var differing: [Int] = []
        let places = bytes.count > 4000 ? Array(stride(from: 0, through: bytes.count, by: 97)) : Array(0...bytes.count)
        for place in places {
            var cut = dialogue.driver()
            cut.hear(bytes, cutAt: [place])
            if cut.said() != said || cut.events != whole.events { differing.append(place) }
        }
        #expect(differing.isEmpty)
        for size in [1, 2, 3, 7] {
            var cut = dialogue.driver()
            cut.hear(bytes, cutAt: Array(stride(from: size, to: bytes.count, by: size)))
            #expect(cut.said() == said && cut.events == whole.events, "in pieces of \(size)")
        }
        #expect(said == "220 h ready\n" + dialogue.steps.map(\.server).joined())
    }
}
