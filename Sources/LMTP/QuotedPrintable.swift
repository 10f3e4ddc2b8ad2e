// Quoted-printable (RFC 2045 6.7): text with 8-bit bytes as lines of at most 76 ASCII characters.

import MailAddress

/// Encodes bodies as quoted-printable.
enum QuotedPrintable {
    private static let lineLimit = 76

    /// Appends the encoded form of a body.
    ///
    /// Line ends, LF or CRLF, stay as they are; a CR elsewhere is data. A dot at a line's start and the `F` of `From ` are
    /// encoded too, so that no careless agent changes them (RFC 2049 3).
    ///
    /// - Parameter softLineEnd: the line end used where a line is broken.
    static func encode(_ body: ArraySlice<UInt8>, softLineEnd: [UInt8], to output: inout [UInt8]) {
        var start = body.startIndex
        while start < body.endIndex {
            let lineFeed = body[start...].firstIndex(of: 0x0A)
            var end = lineFeed ?? body.endIndex
            if lineFeed != nil, end > start, body[end - 1] == 0x0D { end -= 1 }
            encodeLine(body[start..<end], softLineEnd: softLineEnd, to: &output)
            guard let lineFeed else { return }
            output.append(contentsOf: body[end...lineFeed])
            start = lineFeed + 1
        }
    }

    private static func encodeLine(_ line: ArraySlice<UInt8>, softLineEnd: [UInt8], to output: inout [UInt8]) {
        let startsWithFrom = line.starts(with: [0x46, 0x72, 0x6F, 0x6D, 0x20])
        var column = 0
        for index in line.indices {
            let byte = line[index]
            let isLast = index + 1 == line.endIndex
            let isFrom = startsWithFrom && index == line.startIndex
            var isLiteral = isLiteral(byte, isLast: isLast) && !isFrom
            // The last column is the `=` of a soft line end, but on a line's last piece.
            if column + (isLiteral ? 1 : 3) > (isLast ? lineLimit : lineLimit - 1) {
                output.append(0x3D)
                output.append(contentsOf: softLineEnd)
                column = 0
            }
            if column == 0, byte == 0x2E { isLiteral = false }
            if isLiteral {
                output.append(byte)
            } else {
                output.append(0x3D)
                output.append(hexadecimalDigit(byte >> 4))
                output.append(hexadecimalDigit(byte & 0x0F))
            }
            column += isLiteral ? 1 : 3
        }
    }

    /// Whether a byte may stand for itself; blanks not at the end of a line, where they get lost.
    private static func isLiteral(_ byte: UInt8, isLast: Bool) -> Bool {
        switch byte {
        case 0x3D: false
        case 0x21...0x7E: true
        case 0x20, 0x09: !isLast
        default: false
        }
    }
}
