// Requests that are a line each: where the next line of what came is.

import Bytes

/// The next line of what a client has sent.
enum RequestLine {
    /// Its end has not come yet.
    case incomplete
    /// It is longer than a request may be; the rest of it cannot be told from other requests.
    case tooLong
    /// Its bytes, without the line end (LF or CRLF).
    case line(Range<Int>)

    static let tooLongText: StaticString = "a line has at most 16384 bytes"

    /// Takes a line.
    static func next(_ input: Span<UInt8>, from position: inout Int) -> RequestLine {
        guard let end = input.firstIndex(of: ASCII.lineFeed, from: position) else {
            return input.count - position > LookupLimits.request ? .tooLong : .incomplete
        }
        let start = position
        guard end - start <= LookupLimits.request + 1 else { return .tooLong }
        position = end + 1
        return .line(start..<(end > start && input[end - 1] == ASCII.carriageReturn ? end - 1 : end))
    }
}
