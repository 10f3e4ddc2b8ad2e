// Messages for peers without 8BITMIME (RFC 6152 3): bodies with 8-bit bytes become quoted-printable, as RFC 2045 and
// RFC 1428 ask for, and as ZMailer's transport agents do.
//
// Rules, for an entity (a message or a body part) whose body holds 8-bit bytes:
//   - a leaf, of whatever type, whose encoding is 7bit, 8bit, binary or unnamed: its body becomes quoted-printable;
//   - multipart and message/rfc822: their parts are converted, and their own encoding becomes 7bit;
//   - multipart/signed and multipart/encrypted, other message types, a multipart without its boundary, an entity that
//     names another encoding, nesting beyond the limit: as it is. Any change would do more harm than the 8th bit;
//   - a message without Content-Type gets one: charset utf-8 where the body is UTF-8, else unknown-8bit (RFC 1428), and
//     an X-Warning field that says so.
// 8-bit bytes in headers, preambles and epilogues stay: there is no encoding for them that changes nothing else.
//
// Whole messages, not streams: what a header has to say is known only when its body has been seen.

import Bytes

/// Converts messages to seven bits.
public enum SevenBitConversion {
    /// A message over the limit of what is converted in memory.
    public struct MessageTooLong: Error, Sendable, CustomStringConvertible {
        /// Its length in bytes.
        public let length: Int
        /// The limit in bytes.
        public let limit: Int

        /// Records a message that is too long.
        public init(length: Int, limit: Int) {
            self.length = length
            self.limit = limit
        }

        /// The form of messages.
        public var description: String {
            "message of \(length) bytes is too long to be converted to seven bits (limit \(limit)):"
                + " the next hop should offer 8BITMIME"
        }
    }

    /// The length up to which messages are converted by default: 64 MiB.
    public static let defaultLimit = 64 << 20

    /// Converts a message with LF or CRLF line ends.
    ///
    /// - Returns: the message with line ends as they were; it is the same where nothing was to be converted.
    /// - Throws: `MessageTooLong`.
    public static func convert(_ message: [UInt8], limit: Int = defaultLimit) throws(MessageTooLong) -> [UInt8] {
        guard message.count <= limit else { throw MessageTooLong(length: message.count, limit: limit) }
        return Converter(bytes: message).convert(0..<message.count, depth: 0, role: .message)
    }
}

private struct Converter {
    enum Role {
        case message
        case part
        /// A part of multipart/digest, whose type is message/rfc822 where none is named.
        case digestPart
    }

    /// Nesting beyond this is left alone: each level costs a pass over its content.
    private static let maximumDepth = 32

    let bytes: [UInt8]
    private let lineEnd: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
        let lineFeed = bytes.firstIndex(of: ASCII.lineFeed) ?? 0
        lineEnd =
            lineFeed > 0 && bytes[lineFeed - 1] == ASCII.carriageReturn
            ? [ASCII.carriageReturn, ASCII.lineFeed] : [ASCII.lineFeed]
    }

    func convert(_ entity: Range<Int>, depth: Int, role: Role) -> [UInt8] {
        let original = bytes[entity]
        guard hasHighBytes(original), depth <= Self.maximumDepth else { return Array(original) }
        let header = EntityHeader(of: bytes, in: entity)
        let body = header.bodyStart..<entity.upperBound
        guard hasHighBytes(bytes[body]), ["7bit", "8bit", "binary"].contains(header.transferEncoding) else {
            return Array(original)
        }
        let type = header.contentType
        let name = type?.name ?? (role == .digestPart ? "message/rfc822" : "text/plain")
        if name.hasPrefix("multipart/") {
            guard name != "multipart/signed", name != "multipart/encrypted",
                let boundary = type?.boundary, !boundary.isEmpty,
                let parts = convertParts(of: body, boundary, depth: depth, isDigest: name == "multipart/digest")
            else { return Array(original) }
            return compose(header, encoding: hasHighBytes(parts[...]) ? nil : "7bit", parts, role)
        }
        if name == "message/rfc822" {
            let message = convert(body, depth: depth + 1, role: .message)
            return compose(header, encoding: hasHighBytes(message[...]) ? nil : "7bit", message, role)
        }
        guard !name.hasPrefix("message/") else { return Array(original) }
        var encoded: [UInt8] = []
        QuotedPrintable.encode(bytes[body], softLineEnd: lineEnd, to: &encoded)
        return compose(header, encoding: "quoted-printable", encoded, role, guessingFrom: bytes[body])
    }

    /// Converts the parts of a multipart body.
    ///
    /// - Returns: nil where its boundary is not found.
    private func convertParts(of body: Range<Int>, _ boundary: [UInt8], depth: Int, isDigest: Bool) -> [UInt8]? {
        let delimiter = [UInt8(ascii: "-"), UInt8(ascii: "-")] + boundary
        var output: [UInt8] = []
        var partStart: Int?
        var hasDelimiter = false
        var isClosed = false
        /// What lies before it is in the output.
        var copied = body.lowerBound
        var position = body.lowerBound
        while position < body.upperBound, !isClosed {
            let end = EntityHeader.endOfLine(in: bytes, from: position, limit: body.upperBound)
            defer { position = end }
            guard let kind = delimiterKind(bytes[position..<end], delimiter) else { continue }
            hasDelimiter = true
            if let start = partStart {
                let partEnd = max(start, beforeLineEnd(position, from: start))
                output += convert(start..<partEnd, depth: depth + 1, role: isDigest ? .digestPart : .part)
                copied = partEnd
            }
            output += bytes[copied..<end]
            copied = end
            partStart = kind == .opening ? end : nil
            isClosed = kind == .closing
        }
        guard hasDelimiter else { return nil }
        if let start = partStart {
            output += convert(start..<body.upperBound, depth: depth + 1, role: isDigest ? .digestPart : .part)
        } else {
            output += bytes[copied..<body.upperBound]
        }
        return output
    }

    private enum DelimiterKind {
        case opening
        case closing
    }

    private func delimiterKind(_ line: ArraySlice<UInt8>, _ delimiter: [UInt8]) -> DelimiterKind? {
        guard line.starts(with: delimiter) else { return nil }
        var rest = line.dropFirst(delimiter.count)
        let isClosing = rest.starts(with: [UInt8(ascii: "-"), UInt8(ascii: "-")])
        if isClosing { rest = rest.dropFirst(2) }
        guard rest.allSatisfy({ ASCII.isBlank($0) || $0 == ASCII.carriageReturn || $0 == ASCII.lineFeed }) else {
            return nil
        }
        return isClosing ? .closing : .opening
    }

    /// The line end before a delimiter is part of the delimiter (RFC 2046 5.1.1).
    private func beforeLineEnd(_ position: Int, from start: Int) -> Int {
        guard position > start, bytes[position - 1] == ASCII.lineFeed else { return position }
        return position - 1 > start && bytes[position - 2] == ASCII.carriageReturn ? position - 2 : position - 1
    }

    /// Joins a header with its encoding changed and a new body.
    ///
    /// - Parameter encoding: nil to leave what the header says.
    private func compose(
        _ header: EntityHeader, encoding: String?, _ body: [UInt8], _ role: Role,
        guessingFrom text: ArraySlice<UInt8>? = nil
    ) -> [UInt8] {
        var output: [UInt8] = []
        var isNamed = false
        for field in header.fields {
            if let encoding, field.name == "content-transfer-encoding" {
                if !isNamed { appendField("Content-Transfer-Encoding: \(encoding)", to: &output) }
                isNamed = true
            } else {
                output += bytes[field.range]
                // A header that ends without a line end, at the very end of the message, gets one.
                if output.last != ASCII.lineFeed { output += lineEnd }
            }
        }
        if role == .message, header["mime-version"] == nil, encoding != nil {
            appendField("MIME-Version: 1.0", to: &output)
        }
        if role == .message, let text, header["content-type"] == nil {
            let charset = String(validating: text, as: UTF8.self) == nil ? "unknown-8bit" : "utf-8"
            appendField("Content-Type: text/plain; charset=\(charset)", to: &output)
            appendField("X-Warning: 8-bit text without a MIME type; converted, its charset guessed", to: &output)
        }
        // 7bit goes without saying; an unnamed encoding is changed only to something else.
        if let encoding, !isNamed, encoding != "7bit" {
            appendField("Content-Transfer-Encoding: \(encoding)", to: &output)
        }
        if header.bodyStart > header.end {
            output += bytes[header.end..<header.bodyStart]
        } else {
            output += lineEnd
        }
        return output + body
    }

    private func appendField(_ text: String, to output: inout [UInt8]) {
        output += Array(text.utf8)
        output += lineEnd
    }

    private func hasHighBytes(_ slice: ArraySlice<UInt8>) -> Bool {
        slice.contains { $0 >= 0x80 }
    }
}

// Quoted-printable (RFC 2045 6.7): text with 8-bit bytes as lines of at most 76 ASCII characters.

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
            let lineFeed = body[start...].firstIndex(of: ASCII.lineFeed)
            var end = lineFeed ?? body.endIndex
            if lineFeed != nil, end > start, body[end - 1] == ASCII.carriageReturn { end -= 1 }
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
                output.append(UInt8(ascii: "="))
                output.append(contentsOf: softLineEnd)
                column = 0
            }
            if column == 0, byte == ASCII.dot { isLiteral = false }
            if isLiteral {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "="))
                output.append(ASCII.hexadecimalDigit(byte >> 4))
                output.append(ASCII.hexadecimalDigit(byte & 0x0F))
            }
            column += isLiteral ? 1 : 3
        }
    }

    /// Whether a byte may stand for itself; blanks not at the end of a line, where they get lost.
    private static func isLiteral(_ byte: UInt8, isLast: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "="): false
        case 0x21...0x7E: true
        case ASCII.space, 0x09: !isLast
        default: false
        }
    }
}
