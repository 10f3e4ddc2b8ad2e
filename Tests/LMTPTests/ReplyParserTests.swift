// Replies from bytes: forms, limits, errors, and every way of cutting them.

import LMTP
import MailSyntax
import Testing

/// Parses everything, fed in pieces of a size.
private func parse(_ bytes: [UInt8], by size: Int, limits: ReplyParser.Limits = .init()) throws(ReplySyntaxError)
    -> [Reply]
{
    var parser = ReplyParser(limits: limits)
    var replies: [Reply] = []
    var start = 0
    while start < bytes.count {
        let end = min(start + size, bytes.count)
        let piece = Array(bytes[start..<end])
        var position = 0
        while let reply = try parser.next(in: piece.span, from: &position) { replies.append(reply) }
        start = end
    }
    return replies
}

private func parse(_ text: String) throws(ReplySyntaxError) -> [Reply] {
    try parse(Array(text.utf8), by: Int.max / 2)
}

@Suite struct ReplyParserTests {
    static let good: [(text: String, codes: [UInt16], enhanced: String?, bytes: String)] = [
        ("250 ok\r\n", [250], nil, "250 ok"),
        ("250\r\n", [250], nil, "250"),
        ("250 \r\n", [250], nil, "250 "),
        ("250 ok\n", [250], nil, "250 ok"),
        ("250-a\r\n250-b\n250 c\r\n", [250], nil, "250-a\n250-b\n250 c"),
        ("250-a\r\n250\r\n", [250], nil, "250-a\n250"),
        ("550-no\r\n550-such\r\n550 5.1.1 user\r\n", [550], "5.1.1", "550-no\n550-such\n550 5.1.1 user"),
        ("550 5.7.509 x\r\n", [550], "5.7.509", "550 5.7.509 x"),
        ("550 5.1.1\r\n", [550], "5.1.1", "550 5.1.1"),
        ("250 5.1.1 class of another\r\n", [250], nil, "250 5.1.1 class of another"),
        ("550 5.1.1234 x\r\n", [550], nil, "550 5.1.1234 x"),
        ("550 5.1.1x\r\n", [550], nil, "550 5.1.1x"),
        ("550 5..1 x\r\n", [550], nil, "550 5..1 x"),
        ("550 5.1 x\r\n", [550], nil, "550 5.1 x"),
        ("199 x\r\n399 y\r\n599 z\r\n", [199, 399, 599], nil, "199 x"),
        ("250 caf\u{e9}\r\n", [250], nil, "250 caf\u{e9}"),
    ]

    @Test(arguments: good)
    func formsThatAreReplies(_ text: String, _ codes: [UInt16], _ enhanced: String?, _ bytes: String) throws {
        let replies = try parse(text)
        #expect(replies.map(\.code) == codes)
        #expect(replies.first?.enhancedCode?.description == enhanced)
        #expect(replies.first.map { string($0.bytes) } == bytes)
    }

    static let bad: [(text: String, reason: ReplySyntaxError.Reason)] = [
        ("\r\n", .noCode), ("\n", .noCode), ("25\r\n", .noCode), ("hello\r\n", .noCode), ("050 x\r\n", .noCode),
        ("650 x\r\n", .noCode), ("2x0 x\r\n", .noCode), (" 250 ok\r\n", .noCode), ("HTTP/1.1 400\r\n", .noCode),
        ("\u{0}250 x\r\n", .noCode), ("250x\r\n", .badSeparator), ("250\tok\r\n", .badSeparator),
        ("2500 ok\r\n", .badSeparator), ("250_ok\r\n", .badSeparator),
        ("250-a\r\n251 b\r\n", .codeChanged), ("550-a\r\n250 b\r\n", .codeChanged),
        ("250-a\r\n\r\n", .noCode), ("250 a\r550 b\r\n", .bareCarriageReturn), ("250 a\r\r\n", .bareCarriageReturn),
        ("\r250 a\r\n", .bareCarriageReturn),
    ]

    @Test(arguments: bad)
    func formsThatAreNone(_ text: String, _ reason: ReplySyntaxError.Reason) {
        let error = #expect(throws: ReplySyntaxError.self) { try parse(text) }
        #expect(error?.reason == reason)
        #expect(error?.description.isEmpty == false)
    }

    @Test(arguments: 1...60)
    func everyWayOfCuttingGivesTheSameReplies(_ size: Int) throws {
        let text = Self.good.map(\.text).joined()
        #expect(try parse(Array(text.utf8), by: size) == parse(text))
    }

    @Test(arguments: [1, 1000, 1_000_000])
    func noMoreThan65536BytesOfALineAreRead(_ size: Int) throws {
        let longest = Array("250 ".utf8) + [UInt8](repeating: 0x61, count: 65_536 - 5)
        #expect(try parse(longest + [0x0D, 0x0A], by: size).count == 1)
        let error = #expect(throws: ReplySyntaxError.self) { try parse(longest + [0x61, 0x0D, 0x0A], by: size) }
        #expect(error?.reason == .lineTooLong)
        // Without any line end the error comes as soon as the limit is passed.
        #expect(throws: ReplySyntaxError.self) { try parse([UInt8](repeating: 0x32, count: 65_537), by: size) }
    }

    @Test func noMoreThan4096LinesAreRead() throws {
        let line = "250-" + String(repeating: "x", count: 96) + "\r\n"
        let text = String(repeating: line, count: 4_095) + "250 end\r\n"
        let reply = try #require(try parse(text).first)
        #expect(reply.isTruncated)
        #expect(reply.bytes.count <= 65_536)
        #expect(reply.bytes.last == UInt8(ascii: "x"))
        #expect(reply.lines.allSatisfy { $0.count == 100 })
        let error = #expect(throws: ReplySyntaxError.self) { try parse(line + text) }
        #expect(error?.reason == .tooManyLines)
    }

    @Test func anEnhancedCodeIsFoundBeyondWhatIsKept() throws {
        var limits = ReplyParser.Limits()
        limits.keptLength = 20
        let reply = try parse(Array("550-no\r\n550-such mailbox\r\n550 5.1.1 x\r\n".utf8), by: 7, limits: limits).first
        #expect(reply?.enhancedCode == EnhancedStatusCode(5, 1, 1))
        #expect(reply.map { string($0.bytes) } == "550-no")
        #expect(reply?.isTruncated == true)
    }
}
