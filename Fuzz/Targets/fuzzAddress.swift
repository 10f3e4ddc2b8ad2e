// Addresses: what is read survives being read again.

import MailAddress

func fuzzAddress(_ bytes: [UInt8]) {
    if let address = try? EnvelopeAddress(bytes) {
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
