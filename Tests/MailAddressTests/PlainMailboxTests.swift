// Nearly every address is told apart in one short pass, without the grammar. The grammar must say the same of it: a blank
// in front, which means nothing, makes it read the whole.

import MailAddress
import Testing

@Suite("Plain mailboxes")
struct PlainMailboxTests {
    private func read(_ bytes: [UInt8]) -> Result<EnvelopeAddress, AddressError> {
        Result { () throws(AddressError) in try EnvelopeAddress(bytes) }
    }

    private func expectGrammarAgrees(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let byGrammar = read([0x20] + bytes).mapError { AddressError($0.reason, at: $0.offset - 1) }
        #expect(read(bytes) == byGrammar, "\(bytes)", sourceLocation: sourceLocation)
    }

    @Test(
        "are what the grammar reads, whatever byte stands in them",
        arguments: ["us.er+t@ex-a.example", "a@b", "|a@b", "/a@b", "a", "\"a\"@b", "@a:b@c"])
    func everyByte(text: String) {
        let address = Array(text.utf8)
        for byte in UInt8.min ... .max {
            for place in address.indices {
                var changed = address
                changed[place] = byte
                expectGrammarAgrees(changed)
            }
            for place in 0...address.count {
                var longer = address
                longer.insert(byte, at: place)
                expectGrammarAgrees(longer)
            }
        }
    }

    @Test("of every two bytes, or three of those that mean something, are what the grammar reads")
    func shortOnes() {
        for first in UInt8.min ... .max {
            for second in UInt8.min ... .max { expectGrammarAgrees([first, second]) }
        }
        let telling = Array("a@.|/\"\\<>()[],:; %!".utf8) + [0x09, 0x7F, 0xC3, 0xA9]
        for first in telling {
            for second in telling {
                for third in telling {
                    expectGrammarAgrees([first, second, third])
                    expectGrammarAgrees([first, second, third, UInt8(ascii: "b")])
                }
            }
        }
    }

    @Test("have labels and domains no longer than the grammar allows")
    func lengths() {
        func domain(_ labels: Int...) -> [UInt8] {
            Array(labels.map { [UInt8](repeating: 0x64, count: $0) }.joined(separator: [0x2E]))
        }
        for length in 60...66 {
            for address in [domain(length), domain(length, 2), domain(2, length), domain(2, length, 2)] {
                let bytes = Array("u@".utf8) + address
                expectGrammarAgrees(bytes)
                #expect(((try? read(bytes).get()) != nil) == (length <= 63))
            }
        }
        for last in 55...63 {
            let bytes = Array("u@".utf8) + domain(63, 63, 63, last)
            expectGrammarAgrees(bytes)
            #expect(((try? read(bytes).get()) != nil) == (bytes.count - 2 <= 255))
        }
        for last in 1...4 { expectGrammarAgrees(Array("u@".utf8) + domain(63, 63, 63, 61, last)) }
    }
}
