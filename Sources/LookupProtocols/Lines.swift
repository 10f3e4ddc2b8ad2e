// The protocol `lines`: a map's name, a blank and a key a line, and an answer a line: for Exim's readsocket, shell scripts and
// netcat.

import Bytes

/// One connection of `lines`.
///
/// A request is `MAP KEY` and a line end (LF or CRLF), its answer a line `OK value`, `NOTFOUND text`, `TEMP text` or
/// `PERM text`. A client that closes its writing side, or says an empty line, is answered to the end, and the connection
/// closed. A last line without its end is none: a client that was cut off may have meant a longer key.
package struct Lines: LookupDialogue {
    private var hasAnswered = false

    /// Begins a connection.
    package init() {}

    package mutating func next(
        _ input: Span<UInt8>, from position: inout Int, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LookupStep {
        while true {
            switch RequestLine.next(input, from: &position) {
            case .incomplete: return .incomplete
            case .tooLong:
                Self.write(.refused, Array("\(RequestLine.tooLongText)".utf8).span, to: &output)
                return .close
            case .line(let range) where range.isEmpty: return .close
            case .line(let range):
                let line = input.extracting(range)
                if let blank = line.firstIndex(of: ASCII.space, from: 0) {
                    request.set(map: line.extracting(..<blank), key: line.extracting((blank + 1)...))
                    return .request
                }
                hasAnswered = true
                Self.write(.refused, Array("a request is a map's name, a blank and a key".utf8).span, to: &output)
            }
        }
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        hasAnswered = true
        Self.write(reply.status, reply.text.span, to: &output)
    }

    /// Exim takes a connection that is closed without a word for an answer that is empty.
    package mutating func farewell(isAsking: Bool, to output: inout [UInt8]) {
        guard isAsking || !hasAnswered else { return }
        Self.write(.failed, Array("the server ends this connection; ask again".utf8).span, to: &output)
    }

    /// Writes a line; a line end within the text would be the end of another's answer, and is shown as a blank.
    private static func write(_ status: LookupStatus, _ text: Span<UInt8>, to output: inout [UInt8]) {
        output.append(status.word)
        output.append(ASCII.space)
        if text.isEmpty { output.append(UInt8(ascii: "-")) }
        for position in text.indices {
            let byte = text[position]
            output.append(byte == ASCII.lineFeed || byte == ASCII.carriageReturn || byte == 0 ? ASCII.space : byte)
        }
        output.append(ASCII.lineFeed)
    }
}
