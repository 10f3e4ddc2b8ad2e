// The protocol `lines`: a map's name, a blank and a key a line, and an answer a line: for Exim's readsocket, shell scripts and
// netcat.

import Bytes

/// One connection of `lines`.
///
/// A request is `MAP KEY` and a line end (LF or CRLF), its answer a line `OK value`, `NOTFOUND text`, `TEMP text` or
/// `PERM text`. A client that closes its writing side, or says an empty line, is answered to the end, and the connection
/// closed. A last line without its end is none: a client that was cut off may have meant a longer key.
package struct Lines: LineDialogue {
    private var hasAnswered = false

    /// Begins a connection.
    package init() {}

    mutating func take(
        _ line: Span<UInt8>, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LineStep {
        guard !line.isEmpty else { return .close }
        guard let blank = line.firstIndex(of: ASCII.space, from: 0) else {
            refuse("a request is a map's name, a blank and a key", to: &output)
            return .done
        }
        request.set(map: line.extracting(..<blank), key: line.extracting((blank + 1)...))
        return .request
    }

    mutating func refuse(_ text: StaticString, to output: inout [UInt8]) {
        hasAnswered = true
        Self.write(.refused, [UInt8](text).span, to: &output)
    }

    package mutating func reply(_ reply: borrowing LookupReply, to output: inout [UInt8]) {
        hasAnswered = true
        Self.write(reply.status, reply.text.span, to: &output)
    }

    /// Exim takes a connection that is closed without a word for an answer that is empty.
    package mutating func farewell(isAsking: Bool, to output: inout [UInt8]) {
        guard isAsking || !hasAnswered else { return }
        Self.write(.failed, [UInt8]("the server ends this connection; ask again").span, to: &output)
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
