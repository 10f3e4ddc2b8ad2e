// Addresses: what is read survives being read again, and the short way for plain ones says what the grammar says.

import Bytes
import MailSyntax

func fuzzAddress(_ bytes: [UInt8]) {
    let address = Result { () throws(AddressError) in try EnvelopeAddress(bytes) }
    checkBlock(bytes, gets: address)
    if let address = try? address.get() {
        // A quoted string by itself has lost its quotes, and need not be an address without them.
        let text = address.form == .quotedLocal ? QuotedString.quoted(address.text) : address.text
        precondition((try? EnvelopeAddress(text)) == address, "an address is not read back as itself")
    }
    checkOnlyMailbox(bytes)
    if let members = try? AddressList.members(of: bytes.span) {
        // A list that begins with # is none, wherever the member came from.
        // And node::user stands in a list in angle brackets only: without them it would begin a group.
        for member in members where member.first != UInt8(ascii: "#") && !isOfNode(member) {
            precondition((try? AddressList.members(of: member.span)) == [member], "a member is no list of itself")
        }
    }
}

/// Whether an address is of the form `node::user`.
private func isOfNode(_ address: [UInt8]) -> Bool {
    zip(address, address.dropFirst()).contains { $0 == UInt8(ascii: ":") && $1 == UInt8(ascii: ":") }
}

/// The short way for a list of one mailbox says what reading the list says.
private func checkOnlyMailbox(_ bytes: [UInt8]) {
    var block = TextArena()
    block.append("before")
    let list = block.append(bytes)
    guard let at = AddressList.onlyMailbox(list, of: block) else { return }
    let members = try? AddressList.members(of: bytes.span)
    precondition(members == [bytes], "a list of one mailbox is read as something else")
    precondition(block[at] == UInt8(ascii: "@") && list.contains(at), "the @ of a mailbox is elsewhere")
}

/// Reading into a block, which has a short way for plain addresses, gives what the grammar gives, behind what is in it.
private func checkBlock(_ bytes: [UInt8], gets address: Result<EnvelopeAddress, AddressError>) {
    var block = TextArena()
    block.append("before")
    let form = Result { () throws(AddressError) in try EnvelopeAddress.read(bytes.span, into: &block) }
    precondition(form == address.map(\.form), "reading into a block says something else")
    let text = (try? address.get().text) ?? []
    precondition(block.array == Array("before".utf8) + text, "the block has another text")
}
