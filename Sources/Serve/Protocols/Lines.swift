// The protocol `lines`: a map's name, a blank and a key a line, and an answer a line: for Exim's readsocket, shell scripts and
// netcat.

import Bytes

/// One connection of `lines`.
///
/// A request is `MAP KEY` and a line end (LF or CRLF), its answer a line `OK value`, `NOTFOUND text`, `TEMP text` or
/// `PERM text`. A client that closes its writing side, or says an empty line, is answered to the end, and the connection
/// closed. A last line without its end is none: a client that was cut off may have meant a longer key.
package struct Lines: LookupDialogue {
    /// Begins a connection.
    package init() {}

    package mutating func next(
        _ input: Span<UInt8>, from position: inout Int, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LookupStep {
        while true {
            guard let end = input.firstIndex(of: ASCII.lineFeed, from: position) else {
                guard input.count - position > LookupLimits.request else { return .incomplete }
                Self.write(.refused, Array("a line has at most \(LookupLimits.request) bytes".utf8).span, to: &output)
                return .close
            }
            let start = position
            position = end + 1
            let hasReturn = end > start && input[end - 1] == ASCII.carriageReturn
            let line = input.extracting(start..<(hasReturn ? end - 1 : end))
            if line.isEmpty { return .close }
            if line.count <= LookupLimits.request, let blank = line.firstIndex(of: ASCII.space, from: 0) {
                request.set(map: line.extracting(..<blank), key: line.extracting((blank + 1)...))
                return .request
            }
            let text =
                line.count > LookupLimits.request
                ? "a line has at most \(LookupLimits.request) bytes" : "a request is a map's name, a blank and a key"
            Self.write(.refused, Array(text.utf8).span, to: &output)
        }
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        Self.write(reply.status, reply.text.span, to: &output)
    }

    package mutating func inputClosed() -> Bool { true }

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
