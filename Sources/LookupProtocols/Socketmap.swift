// The socketmap protocol of sendmail and Postfix (socketmap_table(5)): netstrings, a map's name, a blank and a key in each.

import Bytes

/// One connection of a socketmap client.
///
/// The answer is `OK value`, `NOTFOUND text`, `TEMP text` or `PERM text`: always a word, a blank and at least one byte more, as
/// Postfix takes a bare `OK` for an absence, and sendmail crashes of it.
package struct Socketmap: LookupDialogue {
    /// Postfix refuses longer payloads.
    static let longestReply = 100_000
    /// The digits of the longest length that a request may have.
    private static let lengthDigits = 6

    /// Begins a connection.
    package init() {}

    package mutating func next(
        _ input: Span<UInt8>, from position: inout Int, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LookupStep {
        while true {
            var length = 0
            var digits = 0
            var offset = position
            while true {
                guard offset < input.count else { return .incomplete }
                let byte = input[offset]
                offset += 1
                if byte == UInt8(ascii: ":"), digits > 0 { break }
                guard ASCII.isDigit(byte), digits < Self.lengthDigits else {
                    return refuse("no netstring begins with its length and a colon here", &output)
                }
                length = length * 10 + Int(byte - UInt8(ascii: "0"))
                digits += 1
            }
            guard length <= LookupLimits.request else {
                return refuse("a request has at most \(LookupLimits.request) bytes", &output)
            }
            guard input.count - offset > length else { return .incomplete }
            guard input[offset + length] == UInt8(ascii: ",") else {
                return refuse("no comma stands at the end of the netstring", &output)
            }
            position = offset + length + 1
            let payload = input.extracting(offset..<(offset + length))
            if let blank = payload.firstIndex(of: ASCII.space, from: 0) {
                request.set(map: payload.extracting(..<blank), key: payload.extracting((blank + 1)...))
                return .request
            }
            // What follows is in step: the netstring was whole.
            Self.write(.refused, Array("a request is a map's name, a blank and a key".utf8).span, to: &output)
        }
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        Self.write(reply.status, reply.text.span, to: &output)
    }

    /// Nothing is said: Postfix asks once more over another connection.
    package mutating func farewell(isAsking: Bool, to output: inout [UInt8]) {}

    private func refuse(_ text: String, _ output: inout [UInt8]) -> LookupStep {
        Self.write(.refused, Array(text.utf8).span, to: &output)
        return .close
    }

    private static func write(_ status: LookupStatus, _ text: Span<UInt8>, to output: inout [UInt8]) {
        let word = status.word
        let count = word.utf8CodeUnitCount + 1 + max(text.count, 1)
        guard count <= longestReply else {
            return write(
                .failed, Array("the answer has more than \(longestReply) bytes, which Postfix does not take".utf8).span,
                to: &output)
        }
        output.append(decimal: UInt64(count))
        output.append(UInt8(ascii: ":"))
        output.append(word)
        output.append(ASCII.space)
        if text.isEmpty { output.append(UInt8(ascii: "-")) } else { output.append(from: text) }
        output.append(UInt8(ascii: ","))
    }
}
