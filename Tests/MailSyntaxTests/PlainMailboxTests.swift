// Nearly every address that is read into a block is told apart in one short pass, without the grammar. The grammar must
// say the same of it.

import Bytes
import MailSyntax
import Testing

@Suite struct PlainMailboxTests {
    /// What an address was read as.
    private struct Reading: Equatable {
        let form: EnvelopeAddress.Form
        let text: [UInt8]
    }

    private func read(_ bytes: [UInt8]) -> Result<Reading, AddressError> {
        // Something stands before the address, and something else, that was forgotten, behind it.
        var block = TextArena()
        block.append("@")
        block.append("@.abcdefgh@.abcdefgh")
        block.removeAll(from: 1)
        let form = Result { () throws(AddressError) in try EnvelopeAddress.read(bytes.span, into: &block) }
        return form.map { Reading(form: $0, text: Array(block.array.dropFirst())) }
    }

    private func expectGrammarAgrees(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let byGrammar = Result { () throws(AddressError) in try EnvelopeAddress(bytes) }
        let wanted = byGrammar.map { Reading(form: $0.form, text: $0.text) }
        #expect(read(bytes) == wanted, "\(bytes)", sourceLocation: sourceLocation)
    }

    @Test(arguments: ["us.er+t@ex-a.example", "a@b", "|a@b", "/a@b", "a", "\"a\"@b", "@a:b@c"])
    func areWhatTheGrammarReadsWhateverByteStandsInThem(text: String) {
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

    @Test(arguments: ["us.er+t@ex-a.example", "a@b", "#a@b", "%1@b", "a@%b", "a.%1@b", "/a@b", "a@b.c"])
    func areWhatTheGrammarOfListsReadsTooWhereTheyAreTheOnlyMember(text: String) {
        let list = Array(text.utf8)
        var lists = [list]
        for byte in UInt8.min ... .max {
            for place in list.indices {
                lists.append(list)
                lists[lists.count - 1][place] = byte
            }
            for place in 0...list.count {
                lists.append(list)
                lists[lists.count - 1].insert(byte, at: place)
            }
        }
        for list in lists {
            var block = TextArena()
            block.append("@")
            let value = block.append(list)
            guard let at = AddressList.onlyMailbox(value, of: block) else { continue }
            #expect((try? AddressList.members(of: list.span)) == [list], "\(list)")
            let isAtSign = value.contains(at) && block[at] == UInt8(ascii: "@")
            #expect(isAtSign)
        }
        let isShort = !text.contains { "#%/".contains($0) }
        var block = TextArena()
        let value = block.append(list)
        #expect((AddressList.onlyMailbox(value, of: block) != nil) == isShort)
    }

    @Test func ofTwoOrThreeBytesAreWhatTheGrammarReads() {
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

    @Test func haveLabelsAndDomainsNoLongerThanTheGrammarAllows() {
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
