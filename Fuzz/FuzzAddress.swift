// Fuzz target: whatever is typed as an address or written as an address list is read or refused, and what is read
// survives being read again.

import MailAddress

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAddress(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    if let address = try? EnvelopeAddress(bytes) {
        // A quoted string by itself has lost its quotes, and need not be an address without them.
        let text = address.form == .quotedLocal ? QuotedString.quoted(address.text) : address.text
        guard let again = try? EnvelopeAddress(text), again == address else {
            fatalError("not stable: \(text)")
        }
    }
    if let members = try? AddressList.members(of: bytes.span) {
        for member in members where (try? AddressList.members(of: member.span)) != [member] {
            fatalError("not a list of one: \(member)")
        }
    }
    return 0
}
