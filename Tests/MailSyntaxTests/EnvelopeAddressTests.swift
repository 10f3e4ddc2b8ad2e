// What is an address and what is not, and where it goes wrong.

import Bytes
import MailSyntax
import Testing

@Suite struct EnvelopeAddressTests {
    /// An address as typed, and as it is routed.
    static let valid: [(typed: String, routed: String)] = [
        ("user@example.org", "user@example.org"),
        ("User+Tail@Example.ORG", "User+Tail@Example.ORG"),
        (" user@example.org ", "user@example.org"),
        ("user @example.org", "user@example.org"),
        ("user@ example.org", "user@example.org"),
        ("\tuser@example.org", "user@example.org"),
        ("(comment)user@example.org", "user@example.org"),
        ("user(a (nested) one)@example.org(too)", "user@example.org"),
        ("<user@example.org>", "user@example.org"),
        (" < user@example.org > ", "user@example.org"),
        (#""a b"@example.org"#, #""a b"@example.org"#),
        (#""a@b"@example.org"#, #""a@b"@example.org"#),
        (#""a\"b"@example.org"#, #""a\"b"@example.org"#),
        (#""a b""#, "a b"),
        (#""a\"b""#, #"a"b"#),
        ("user@[192.0.2.1]", "user@[192.0.2.1]"),
        ("user@[IPv6:2001:db8::1]", "user@[IPv6:2001:db8::1]"),
        ("@a.example:user@b.example", "@a.example:user@b.example"),
        ("@a.example , @b.example : user@c.example", "@a.example,@b.example:user@c.example"),
        ("@[smtp]:user@b.example", "@[smtp]:user@b.example"),
        ("user%host@example.org", "user%host@example.org"),
        ("host!user", "host!user"),
        ("node::user", "node::user"),
        ("user", "user"),
        (#"\user"#, #"\user"#),
        ("|/bin/prog", "|/bin/prog"),
        ("/var/../spool/x.", "/var/../spool/x."),
        (":include:/etc/lists/x.y", ":include:/etc/lists/x.y"),
        ("us]er@example.org", "us]er@example.org"),
        ("us)er@example.org", "us)er@example.org"),
        (#"us\er@example.org"#, #"us\er@example.org"#),
        ("pelé@example.org", "pelé@example.org"),
        ("éa@example.org", "éa@example.org"),
        ("user@exämple.org", "user@exämple.org"),
        ("用户@例え.jp", "用户@例え.jp"),
        ("$(id)@example.org", "$@example.org"),
    ]

    @Test(arguments: valid)
    func isReadIntoItsRoutedForm(typed: String, routed: String) throws {
        let address = try EnvelopeAddress(Array(typed.utf8))
        #expect(String(decoding: address.text, as: Unicode.UTF8.self) == routed)
    }

    /// An invalid address, what is wrong with it, and at which byte.
    static let invalid: [(typed: String, reason: AddressError.Reason, offset: Int)] = [
        ("", .empty, 0),
        ("  ", .empty, 2),
        ("<>", .empty, 1),
        ("(only a comment)", .empty, 16),
        ("user@", .emptyDomain, 5),
        ("@example.org", .routeWithoutMailbox, 0),
        ("@", .emptyLocalPart, 0),
        (".user@example.org", .misplacedDot, 0),
        ("user.@example.org", .misplacedDot, 4),
        ("us..er@example.org", .misplacedDot, 3),
        ("user@.example.org", .misplacedDot, 5),
        ("user@example..org", .misplacedDot, 13),
        ("user@example.org.", .misplacedDot, 16),
        ("user.", .misplacedDot, 4),
        ("user name@example.org", .unquotedBlank, 4),
        ("user name", .unquotedBlank, 4),
        ("a b@example.org", .unquotedBlank, 1),
        ("us;er@example.org", .unquotedSpecial(UInt8(ascii: ";")), 2),
        ("us,er@example.org", .unquotedSpecial(UInt8(ascii: ",")), 2),
        ("us:er@example.org", .unquotedSpecial(UInt8(ascii: ":")), 2),
        ("us<er@example.org", .unquotedSpecial(UInt8(ascii: "<")), 2),
        ("us>er@example.org", .unquotedSpecial(UInt8(ascii: ">")), 2),
        ("us[er@example.org", .unquotedSpecial(UInt8(ascii: "[")), 2),
        ("us(er@example.org", .unterminated("("), 2),
        ("node::user@example.org", .unquotedSpecial(UInt8(ascii: ":")), 4),
        (":include:/x@example.org", .severalAtSigns, 11),
        ("Name <user@example.org>", .unquotedSpecial(UInt8(ascii: "<")), 5),
        ("<user@example.org", .unterminated("<"), 0),
        ("user@example.org>", .unquotedSpecial(UInt8(ascii: ">")), 16),
        (#""a b"#, .unterminated("\""), 0),
        (#""a\"#, .unterminated("\""), 0),
        (#""""#, .emptyLocalPart, 2),
        (#""a b"+t@example.org"#, .joinedQuotedString, 5),
        (#"user+"a b"@example.org"#, .joinedQuotedString, 5),
        (#""a""b"@example.org"#, .joinedQuotedString, 3),
        ("a@b@example.org", .severalAtSigns, 3),
        (#"user@"example.org""#, .emptyDomain, 5),
        ("user@[192.0.2.1", .unterminated("["), 5),
        ("user@[]", .emptyDomain, 5),
        ("@a.example:user", .routeWithoutMailbox, 0),
        ("@a.example:", .routeWithoutMailbox, 0),
        ("@a.example", .routeWithoutMailbox, 0),
        ("us\u{1}er@example.org", .controlCharacter, 2),
        ("user@exa\u{7F}mple.org", .controlCharacter, 8),
        ("\"a\tb\"@example.org", .controlCharacter, 2),
        ("user@\(String(repeating: "d", count: 64)).org", .labelTooLong, 5),
        ("user@\(String(repeating: "d.", count: 128))org", .domainTooLong, 5),
    ]

    @Test(arguments: invalid)
    func isRefusedWithTheReasonAndThePlace(typed: String, reason: AddressError.Reason, offset: Int) {
        #expect(throws: AddressError(reason, at: offset)) { try EnvelopeAddress(Array(typed.utf8)) }
    }

    @Test(arguments: [
        [0xE9] + Array("@r.example".utf8), Array("a".utf8) + [0xC0, 0x80] + Array("@r.example".utf8),
        Array("a@r".utf8) + [0xED, 0xA0, 0x80], Array("\"".utf8) + [0xFF] + Array("\"@x".utf8),
    ])
    func isRefusedWhereItIsNoUTF8(typed: [UInt8]) throws {
        let error = try #require(throws: AddressError.self) { try EnvelopeAddress(typed) }
        #expect(error.reason == .invalidUTF8)
    }

    @Test func ofNobodyIsTheNullSenderWhereThatIsAllowed() throws {
        #expect(try EnvelopeAddress(Array("<>".utf8), allowsNull: true).form == .null)
        #expect(try EnvelopeAddress([], allowsNull: true).form == .null)
    }

    @Test(arguments: [
        ("a@b", EnvelopeAddress.Form.mailbox(at: 1)), ("a", .local), ("\"a\"", .quotedLocal), ("@a:b@c", .route),
        ("@[a]:b@c", .channelLiteral), (":include:/x", .include),
    ])
    func tellsItsForm(typed: String, form: EnvelopeAddress.Form) throws {
        #expect(try EnvelopeAddress(Array(typed.utf8)).form == form)
    }

    @Test func ofAnyBytesIsReadOrRefusedNeverMoreThanThat() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ab.@<>()[]\\\",:;!%|/+- \t".utf8) + [0, 0x1F, 0x7F, 0x80, 0xC3, 0xA9, 0xFF]
        for _ in 0..<20_000 {
            let length = Int.random(in: 0..<24, using: &generator)
            let bytes = (0..<length).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            _ = try? EnvelopeAddress(bytes)
            _ = try? AddressList.members(of: bytes.span)
        }
    }
}
