// The transparency of messages: line ends, dots, and every way of cutting.

import LMTP
import Testing
import ZRouteTestKit

private func encode(_ message: [UInt8], _ framing: MessageEncoder.Framing = .data, by size: Int = 1 << 30)
    -> (wire: [UInt8], octets: UInt64)
{
    var encoder = MessageEncoder(framing: framing)
    var wire: [UInt8] = []
    var start = 0
    while start < message.count {
        let end = min(message.count, start + size)
        encoder.encode(message[start..<end].span, into: &wire)
        start = end
    }
    encoder.finish(into: &wire)
    return (wire, encoder.octetCount)
}

/// The rules, said the slow way.
private func reference(_ message: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    var index = 0
    while index < message.count {
        let byte = message[index]
        index += 1
        if byte == 0x0A || byte == 0x0D {
            if byte == 0x0D, index < message.count, message[index] == 0x0A { index += 1 }
            lines.append(line)
            line = []
        } else {
            line.append(byte)
        }
    }
    if !line.isEmpty { lines.append(line) }
    return lines
}

@Suite struct MessageEncoderTests {
    @Test(arguments: [
        ("", ""), ("a", "a\r\n"), ("a\n", "a\r\n"), ("a\r\n", "a\r\n"), ("a\r", "a\r\n"), ("a\rb", "a\r\nb\r\n"),
        ("\n", "\r\n"), (".", "..\r\n"), (".\n", "..\r\n"), ("..\n", "...\r\n"), ("a\n.\nb\n", "a\r\n..\r\nb\r\n"),
        ("a\r.\rb", "a\r\n..\r\nb\r\n"), ("a\r\n.\r\nb", "a\r\n..\r\nb\r\n"), ("a.b\n", "a.b\r\n"),
        ("a\r\r\nb", "a\r\n\r\nb\r\n"), ("a\n\rb", "a\r\n\r\nb\r\n"), ("a\u{0}b\n", "a\u{0}b\r\n"),
        ("\n.\r\nQUIT\r\n", "\r\n..\r\nQUIT\r\n"), ("a\r.\nb", "a\r\n..\r\nb\r\n"),
    ])
    func lineEndsAndDots(_ message: String, _ wire: String) {
        #expect(string(encode(Array(message.utf8)).wire) == wire)
    }

    @Test func aChunkOfBDATHasNoDotsDoubledAndItsExactLength() {
        let (wire, octets) = encode(Array(".\na\n..".utf8), .chunk)
        #expect(string(wire) == ".\r\na\r\n..\r\n")
        #expect(octets == 10)
    }

    @Test func aLineOfAnyLengthStaysWhole() {
        let line = [UInt8](repeating: 0xE9, count: 200_000)
        #expect(encode(line).wire == line + [0x0D, 0x0A])
    }

    @Test func randomMessagesArriveAsTheSameLinesHoweverTheyAreCut() {
        var random = SeededNumbers(seed: 99)
        let alphabet: [UInt8] = [0x0A, 0x0D, 0x2E, 0x2E, 0x61, 0x00, 0xE9, 0x0A]
        var count = 0
        for _ in 0..<1_000 {
            let message = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let (wire, octets) = encode(message)
            let lines = reference(message)
            #expect(wire == lines.flatMap { ($0.first == 0x2E ? [0x2E] : []) + $0 + [0x0D, 0x0A] })
            #expect(octets == UInt64(lines.map { $0.count + 2 }.reduce(0, +)))
            // No line can be read as the end, not even by a peer for whom CR or LF alone ends a line.
            #expect(!wire.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).contains { $0.elementsEqual([0x2E]) })
            #expect(encode(message, .chunk).wire == lines.flatMap { $0 + [0x0D, 0x0A] })
            for size in [1, 2, 3, 7] {
                #expect(encode(message, by: size) == (wire, octets))
                count += 1
            }
        }
        print("MessageEncoderTests: \(count) ways of cutting")
    }
}
