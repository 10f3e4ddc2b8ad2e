// What is announced, as real servers announce it.

import LMTP
import Testing

private func capabilities(_ lines: String...) throws -> Capabilities {
    var parser = ReplyParser()
    let texts = ["250-server"] + lines.enumerated().map { "250\($0 == lines.count - 1 ? " " : "-")\($1)" }
    let bytes = Array((texts.joined(separator: "\r\n") + "\r\n").utf8)
    var position = 0
    return Capabilities(hello: try #require(try parser.next(in: bytes.span, from: &position)))
}

@Suite struct CapabilitiesTests {
    @Test func aDialogueWithCyrus() throws {
        let found = try capabilities(
            "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "SIZE", "AUTH EXTERNAL", "IGNOREQUOTA",
            "Ok SESSIONID=<cyrus-1-2-3>")
        #expect(found.extensions == [.eightBitMIME, .enhancedStatusCodes, .pipelining, .size, .ignoreQuota])
        #expect(found.sizeLimit == nil)
        #expect(found.authenticationMechanisms == ["EXTERNAL"])
    }

    @Test func aDialogueWithDovecot() throws {
        let found = try capabilities("8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES", "PIPELINING", "STARTTLS")
        #expect(found.extensions == [.eightBitMIME, .chunking, .enhancedStatusCodes, .pipelining, .startTLS])
    }

    @Test func anEmptyLastLineAsSmtpSinks() throws {
        #expect(try capabilities("PIPELINING", "8BITMIME", "").extensions == [.pipelining, .eightBitMIME])
    }

    @Test func wordsInAnyCaseBlanksOfAnyNumberArguments() throws {
        let found = try capabilities("size  20000", "smtputf8", "Dsn", "auth login  PLAIN login", "AUTH=CRAM-MD5 PLAIN")
        #expect(found.extensions == [.size, .smtpUTF8, .deliveryStatusNotifications])
        #expect(found.sizeLimit == 20_000)
        #expect(found.authenticationMechanisms == ["LOGIN", "PLAIN", "CRAM-MD5"])
    }

    @Test(arguments: ["SIZE", "SIZE 0", "SIZE x", "SIZE -1", "SIZE 99999999999999999999999"])
    func sizesThatAreNoLimit(_ line: String) throws {
        let found = try capabilities(line)
        #expect(found.extensions == .size)
        #expect(found.sizeLimit == nil)
    }

    @Test func aListOfMechanismsWithoutEndIsNoTrouble() throws {
        let words = (0..<10_000).map { "M\($0)" }.joined(separator: " ")
        #expect(try capabilities("AUTH " + words).authenticationMechanisms.count == 64)
    }

    @Test func theServersNameIsNoKeyword() throws {
        var parser = ReplyParser()
        var position = 0
        let reply = try parser.next(in: Array("250 PIPELINING\r\n".utf8).span, from: &position)
        #expect(Capabilities(hello: try #require(reply)).extensions.isEmpty)
    }
}
