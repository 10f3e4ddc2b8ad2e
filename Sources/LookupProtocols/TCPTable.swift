// Postfix's tcp_table(5): `get KEY`, and an answer with a status of three digits, a line each.

import Bytes

/// One connection of a tcp_table client, which asks one map.
///
/// `200 VALUE` is found, `500 text` absent, and `400 text` everything else: what is no request as well, since Postfix takes a
/// 500 for a certain absence. Postfix tries a request again ten times, a second apart, after an answer that it cannot read.
package struct TCPTable: LineDialogue {
    /// Postfix reads no longer line than this, its end counted.
    private static let longestLine = 4096

    private let map: [UInt8]

    /// Begins a connection to a map.
    package init(map: [UInt8]) {
        self.map = map
    }

    mutating func take(
        _ line: Span<UInt8>, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LineStep {
        guard line.count > 4, line.extracting(..<4).isEqual(to: "get ") else {
            refuse("a request is 'get', a blank and a key", to: &output)
            return .done
        }
        request.set(map: map.span, key: line.extracting(0..<0))
        guard Self.decode(line.extracting(4...), into: &request.key) else {
            refuse("a % in a key is followed by two hexadecimal digits", to: &output)
            return .done
        }
        return .request
    }

    func refuse(_ text: StaticString, to output: inout [UInt8]) {
        Self.write(.refused, [UInt8](text).span, to: &output)
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        let start = output.count
        Self.write(reply.status, reply.text.span, to: &output)
        guard output.count - start > Self.longestLine else { return }
        output.removeSubrange(start...)
        guard reply.status == .found else { return Self.write(reply.status, Span(), to: &output) }
        let text: StaticString = "the value makes a line of more than 4096 bytes, which Postfix does not take"
        Self.write(.failed, [UInt8](text).span, to: &output)
    }

    /// Nothing is said: Postfix tries again over another connection.
    package mutating func farewell(isAsking: Bool, to output: inout [UInt8]) {}

    /// Undoes `%XX`.
    private static func decode(_ text: Span<UInt8>, into key: inout [UInt8]) -> Bool {
        var position = 0
        while position < text.count {
            let byte = text[position]
            position += 1
            guard byte == UInt8(ascii: "%") else {
                key.append(byte)
                continue
            }
            guard position + 1 < text.count, let high = ASCII.hexadecimalValue(ASCII.uppercase(text[position])),
                let low = ASCII.hexadecimalValue(ASCII.uppercase(text[position + 1]))
            else { return false }
            key.append(high << 4 | low)
            position += 2
        }
        return true
    }

    private static func write(_ status: LookupStatus, _ text: Span<UInt8>, to output: inout [UInt8]) {
        switch status {
        case .found: output.append("200 ")
        case .absent: output.append("500 ")
        case .failed, .refused: output.append("400 ")
        }
        if text.isEmpty { output.append(UInt8(ascii: "-")) }
        for position in text.indices {
            let byte = text[position]
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(ASCII.hexadecimalDigit(byte >> 4))
                output.append(ASCII.hexadecimalDigit(byte & 15))
            }
        }
        output.append(ASCII.lineFeed)
    }
}
