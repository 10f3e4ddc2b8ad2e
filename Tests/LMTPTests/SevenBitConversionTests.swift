// 8-bit messages for 7-bit peers: what is converted, what is left alone, and that the content comes back.

import LMTP
import Testing
import ZRouteTestKit

private func convert(_ text: String) throws -> String {
    string(try SevenBitConversion.convert(Array(text.utf8)))
}

private func decodeQuotedPrintable(_ text: [UInt8]) -> [UInt8] {
    var plain: [UInt8] = []
    var index = 0
    while index < text.count {
        if text[index] == 0x3D {
            let rest = text[(index + 1)...]
            if rest.first == 0x0A {
                index += 2
            } else if rest.starts(with: [0x0D, 0x0A]) {
                index += 3
            } else {
                plain.append(UInt8(string(rest.prefix(2)), radix: 16) ?? 0x3F)
                index += 3
            }
        } else {
            plain.append(text[index])
            index += 1
        }
    }
    return plain
}

@Suite struct SevenBitConversionTests {
    @Test(arguments: [
        "", "\n", "Subject: x\n\nplain\n", "Subject: caf\u{e9}\n\nplain\n", "Subject: caf\u{e9}\n",
        "Content-Transfer-Encoding: base64\n\n\u{e9}\n", "Content-Transfer-Encoding: x-own\n\n\u{e9}\n",
        "Content-Type: multipart/signed; boundary=a\n\n--a\n\n\u{e9}\n--a--\n",
        "Content-Type: multipart/mixed\n\n--a\n\n\u{e9}\n--a--\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--a\n\n\u{e9}\n--a--\n",
        "Content-Type: message/partial\n\n\u{e9}\n",
    ])
    func whatStaysAsItIs(_ message: String) throws {
        #expect(try convert(message) == message)
    }

    @Test func theEncodingOfASinglePartIsReplacedOrAdded() throws {
        let header = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        #expect(
            try convert(header + "Content-Transfer-Encoding:\n 8bit\nTo: x\n\ncaf\u{e9} = 1 \n")
                == header + "Content-Transfer-Encoding: quoted-printable\nTo: x\n\ncaf=C3=A9 =3D 1=20\n")
        #expect(
            try convert(header + "\n\u{e9}") == header + "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9")
        let windows = (header + "content-transfer-encoding: 8BIT\n\n\u{e9}\n").replacing("\n", with: "\r\n")
        #expect(
            try convert(windows)
                == (header + "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n").replacing("\n", with: "\r\n"))
    }

    @Test func withoutAMIMEHeaderTheCharacterSetIsGuessed() throws {
        let added =
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            + "X-Warning: 8-bit text without a MIME type; converted, its charset guessed\n"
            + "Content-Transfer-Encoding: quoted-printable\n"
        #expect(try convert("To: x\n\n\u{e9}\n") == "To: x\n" + added + "\n=C3=A9\n")
        #expect(try convert("no header \u{e9}\n") == added + "\nno header =C3=A9\n")
        #expect(try convert("\n\u{e9}\n") == added + "\n=C3=A9\n")
        let latin1 = try SevenBitConversion.convert(Array("To: x\n\n".utf8) + [0xE9, 0x0A])
        #expect(string(latin1).contains("charset=unknown-8bit\n"))
        #expect(string(latin1).hasSuffix("\n\n=E9\n"))
    }

    @Test func eachPartOfAMultipartIsConvertedForItself() throws {
        let message = """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="a b" (comment; boundary=x)
            Content-Transfer-Encoding: 8bit

            preamble
            --a b
            Content-Type: text/plain

            ascii
            --a b
            Content-Type: text/html; charset=utf-8
            Content-Transfer-Encoding: 8bit

            \u{e9}
            --a bc is no delimiter
            --a b
            Content-Type: multipart/alternative;
             BOUNDARY=inner

            --inner
            Content-Type: message/rfc822

            Subject: nested
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8

            \u{fc}
            --inner--
            --a b--
            epilogue

            """
        let expected =
            message.replacing(
                "boundary=x)\nContent-Transfer-Encoding: 8bit", with: "boundary=x)\nContent-Transfer-Encoding: 7bit"
            )
            .replacing("Content-Transfer-Encoding: 8bit", with: "Content-Transfer-Encoding: quoted-printable")
            .replacing("\u{e9}", with: "=C3=A9").replacing("\u{fc}", with: "=C3=BC")
            .replacing(
                "charset=utf-8\n\n=C3=BC", with: "charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n=C3=BC")
        #expect(try convert(message) == expected)
        #expect(try convert(message.replacing("\n", with: "\r\n")) == expected.replacing("\n", with: "\r\n"))
    }

    @Test func digestsAndMultipartsWithoutTheirEndAreConverted() throws {
        let digest =
            "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nContent-Type: text/plain\n\n\u{e9}\n--d--\n"
        #expect(
            try convert(digest).contains(
                "\n--d\n\nContent-Type: text/plain\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9\n--d--\n"
            ))
        let open = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=d\n\n--d\n\n\u{e9}\n"
        #expect(try convert(open).hasSuffix("--d\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9\n"))
        let signed = "Content-Type: multipart/signed; boundary=s\n\n--s\n\n\u{e9}\n--s--\n"
        let mixed =
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\nContent-Transfer-Encoding: 8bit\n\n--m\n\(signed)--m--\n"
        #expect(try convert(mixed) == mixed)
    }

    @Test func quotedPrintableOfRandomBytesDecodesToTheSame() throws {
        var random = SeededNumbers(seed: 5)
        let header = "MIME-Version: 1.0\nContent-Type: text/plain\n"
        for round in 0..<600 {
            var body = (0..<Int.random(in: 1..<300, using: &random)).map { _ in
                round % 2 == 0
                    ? UInt8.random(in: 0...255, using: &random)
                    : [0x20, 0x2E, 0x61, 0x3D, 0xE9, 0x0D].randomElement(using: &random) ?? 0
            }
            if round % 3 == 0 { body.append(contentsOf: [0x0A] + Array("From me .\n.\nFrom ".utf8)) }
            body.append(0x80)
            let converted = try SevenBitConversion.convert(Array(header.utf8) + [0x0A] + body)
            let start = header.utf8.count + "Content-Transfer-Encoding: quoted-printable\n\n".utf8.count
            let encoded = Array(converted[start...])
            #expect(decodeQuotedPrintable(encoded) == body)
            for line in encoded.split(separator: 0x0A) {
                let content = line.last == 0x0D ? line.dropLast() : line
                #expect(content.count <= 76)
                #expect(content.first != 0x2E)
                #expect(!content.starts(with: Array("From ".utf8)))
                #expect(content.last != 0x20 && content.last != 0x09)
                #expect(content.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 })
            }
        }
    }

    @Test func hostileStructuresAreNoTrouble() throws {
        var nested = ""
        for level in 0..<200 { nested += "Content-Type: multipart/mixed; boundary=b\(level)\n\n--b\(level)\n" }
        _ = try convert(nested + "\n\u{e9}\n")
        _ = try convert(String(repeating: "Content-Type: message/rfc822\n\n", count: 5_000) + "\u{e9}\n")
        var random = SeededNumbers(seed: 6)
        let pieces = [
            "Content-Type", ":", " multipart/mixed", "; boundary=", "\"", "a", "\n", "\r\n", "--a", "--a--", "(", ")",
            "\\", "\u{e9}", " ", "message/rfc822", "Content-Transfer-Encoding: 8bit\n", "\r", "=", ";", "\u{1}",
        ]
        for _ in 0..<2_000 {
            let text = (0..<30).compactMap { _ in pieces.randomElement(using: &random) }.joined()
            #expect(try SevenBitConversion.convert(Array(text.utf8)).count >= text.utf8.count / 2)
        }
    }

    @Test func theLimitIsKept() throws {
        let error = #expect(throws: SevenBitConversion.MessageTooLong.self) {
            try SevenBitConversion.convert([1, 2, 3], limit: 2)
        }
        #expect(error?.description.contains("8BITMIME") == true)
    }
}
