// Addresses: what is read survives being read again, and the short way for plain ones says what the grammar says.

import MailAddress

func fuzzAddress(_ bytes: [UInt8]) {
    let address = Result { () throws(AddressError) in try EnvelopeAddress(bytes) }
    checkGrammar(bytes, says: address)
    checkBlock(bytes, gets: address)
    if let address = try? address.get() {
        // A quoted string by itself has lost its quotes, and need not be an address without them.
        let text = address.form == .quotedLocal ? QuotedString.quoted(address.text) : address.text
        precondition((try? EnvelopeAddress(text)) == address, "an address is not read back as itself")
    }
    if let members = try? AddressList.members(of: bytes.span) {
        // A list that begins with # is none, wherever the member came from.
        for member in members where member.first != UInt8(ascii: "#") {
            precondition((try? AddressList.members(of: member.span)) == [member], "a member is no list of itself")
        }
    }
}

/// A blank in front, which means nothing, leaves no plain mailbox: the full grammar has to read what is behind it.
private func checkGrammar(_ bytes: [UInt8], says address: Result<EnvelopeAddress, AddressError>) {
    let byGrammar = Result { () throws(AddressError) in try EnvelopeAddress([UInt8(ascii: " ")] + bytes) }
    let shifted = address.mapError { AddressError($0.reason, at: $0.offset + 1) }
    precondition(shifted == byGrammar, "the short way and the grammar differ")
}

/// Reading into a block gives the same, behind what is in it.
private func checkBlock(_ bytes: [UInt8], gets address: Result<EnvelopeAddress, AddressError>) {
    var block = ByteBlock()
    block.append("before")
    let form = Result { () throws(AddressError) in try EnvelopeAddress.read(bytes.span, into: &block) }
    precondition(form == address.map(\.form), "reading into a block says something else")
    let text = (try? address.get().text) ?? []
    precondition(block.array == Array("before".utf8) + text, "the block has another text")
}
