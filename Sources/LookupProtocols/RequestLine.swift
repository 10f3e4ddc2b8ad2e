// Protocols whose requests are a line each.

import Bytes

/// What a line has come to.
enum LineStep {
    /// It is a request, to be answered by the driver.
    case request
    /// It is answered, or needs no answer.
    case done
    /// The connection is to be closed after what is to be said.
    case close
}

/// A protocol whose requests end with LF or CRLF.
protocol LineDialogue: LookupDialogue {
    /// Takes a line, without its end.
    mutating func take(
        _ line: Span<UInt8>, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LineStep

    /// Appends that a line is no request, and why.
    mutating func refuse(_ text: StaticString, to output: inout [UInt8])
}

extension LineDialogue {
    package mutating func next(
        _ input: Span<UInt8>, from position: inout Int, into request: inout LookupRequest, output: inout [UInt8]
    ) -> LookupStep {
        while true {
            let end = input.firstIndex(of: ASCII.lineFeed, from: position)
            // What follows a line that is too long cannot be told from it.
            guard (end ?? input.count) - position <= LookupLimits.request + 1 else {
                refuse("a line has at most 16384 bytes", to: &output)
                return .close
            }
            guard let end else { return .incomplete }
            let start = position
            position = end + 1
            let hasReturn = end > start && input[end - 1] == ASCII.carriageReturn
            switch take(input.extracting(start..<(hasReturn ? end - 1 : end)), into: &request, output: &output) {
            case .request: return .request
            case .close: return .close
            case .done: break
            }
        }
    }
}

extension [UInt8] {
    /// The bytes of a text written in source.
    init(_ text: StaticString) {
        self.init()
        append(text)
    }
}
