// A message on its way from the wire: the end of DATA found, doubled dots undone (RFC 5321 4.5.2), piece by piece; what
// `MessageEncoder` does, the other way round.
//
// Rules. Only CRLF ends a line here, so only CRLF "." CRLF ends a message: what takes "." between bare LFs for an end lets
// a sender hide a second message in the first (CVE-2023-51764). A bare LF or CR is content like any other byte. The lenient
// reading, for a dialogue typed by hand, takes LF alone for a line end too.

import Bytes

/// Decodes one message sent by DATA.
public struct MessageDecoder: Sendable {
    /// What ends a line.
    public enum LineEnd: Sendable {
        /// CRLF alone.
        case strict
        /// CRLF, and LF alone.
        case lenient
    }

    private enum State {
        case lineStart
        case text
        /// Behind a dot at the start of a line.
        case dot
        /// Behind that dot and a CR.
        case dotAndCarriageReturn
    }

    private let lineEnd: LineEnd
    private var state = State.lineStart
    private var isAfterCarriageReturn = false

    /// Makes a decoder that stands behind the reply to DATA.
    public init(lineEnd: LineEnd = .strict) {
        self.lineEnd = lineEnd
    }

    /// Reads on until the message ends or the bytes are used up.
    ///
    /// - Parameters:
    ///   - bytes: what was received, in pieces of any size.
    ///   - position: where to read on in them; moved behind what was read.
    ///   - output: the message's bytes are appended to it, line ends as they came.
    /// - Returns: whether the message is at its end.
    public mutating func decode(
        _ bytes: borrowing Span<UInt8>, from position: inout Int, into output: inout [UInt8]
    ) -> Bool {
        while position < bytes.count {
            let byte = bytes[position]
            switch state {
            case .text: takeText(bytes, &position, &output)
            case .lineStart:
                state = byte == ASCII.dot ? .dot : .text
                if byte == ASCII.dot { position += 1 }
            case .dot:
                switch byte {
                case ASCII.carriageReturn:
                    state = .dotAndCarriageReturn
                    position += 1
                case ASCII.lineFeed where lineEnd == .lenient:
                    position += 1
                    return true
                default: state = .text
                }
            case .dotAndCarriageReturn:
                if byte == ASCII.lineFeed {
                    position += 1
                    return true
                }
                output.append(ASCII.carriageReturn)
                isAfterCarriageReturn = true
                state = .text
            }
        }
        return false
    }

    /// Takes bytes up to and with the next line end before a dot.
    private mutating func takeText(
        _ bytes: borrowing Span<UInt8>, _ position: inout Int, _ output: inout [UInt8]
    ) {
        let start = position
        while position < bytes.count {
            let end = bytes.index(of: ASCII.lineFeed, from: position)
            guard end < bytes.count else {
                output.append(bytes.extracting(start..<end))
                isAfterCarriageReturn = bytes[end - 1] == ASCII.carriageReturn
                position = end
                return
            }
            let isLineEnd =
                lineEnd == .lenient
                || (end > start ? bytes[end - 1] == ASCII.carriageReturn : isAfterCarriageReturn)
            position = end + 1
            if isLineEnd, position == bytes.count || bytes[position] == ASCII.dot {
                state = .lineStart
                break
            }
        }
        output.append(bytes.extracting(start..<position))
        isAfterCarriageReturn = false
    }
}
