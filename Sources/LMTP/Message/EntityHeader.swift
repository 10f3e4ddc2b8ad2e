// The header of a message or of a body part, as far as its transfer encoding hangs on it: RFC 2045.

import Bytes

/// Where the fields of a header stand, and what three of them say.
struct EntityHeader {
    struct Field {
        /// In lower case.
        let name: String
        /// All its lines with their line ends.
        let range: Range<Int>
        let value: ArraySlice<UInt8>
    }

    let fields: [Field]
    /// Where the header's last line ends.
    let end: Int
    /// Where the body begins, behind the blank line.
    let bodyStart: Int

    /// Finds the header at the start of a range.
    ///
    /// A line that is neither field nor continuation ends the header, as a blank one does.
    init(of bytes: [UInt8], in range: Range<Int>) {
        var fields: [Field] = []
        var position = range.lowerBound
        var bodyStart = range.upperBound
        while position < range.upperBound {
            let lineEnd = Self.endOfLine(in: bytes, from: position, limit: range.upperBound)
            let content = bytes[position..<lineEnd].prefix { $0 != ASCII.lineFeed && $0 != ASCII.carriageReturn }
            if content.isEmpty {
                bodyStart = lineEnd
                break
            }
            if ASCII.isBlank(bytes[position]), let last = fields.popLast() {
                let extended = last.range.lowerBound..<lineEnd
                fields.append(
                    Field(name: last.name, range: extended, value: bytes[last.value.startIndex..<lineEnd]))
            } else if let colon = content.firstIndex(of: UInt8(ascii: ":")), colon > position {
                let name = bytes[position..<colon].map(ASCII.lowercase).filter { !ASCII.isBlank($0) }
                fields.append(
                    Field(
                        name: String(decoding: name, as: UTF8.self), range: position..<lineEnd,
                        value: bytes[(colon + 1)..<lineEnd]))
            } else {
                bodyStart = position
                break
            }
            position = lineEnd
        }
        self.fields = fields
        self.end = position
        self.bodyStart = bodyStart
    }

    /// The first field of a name.
    subscript(name: String) -> Field? { fields.first { $0.name == name } }

    /// The transfer encoding in lower case; `7bit` where none is named.
    var transferEncoding: String {
        guard let field = self["content-transfer-encoding"] else { return "7bit" }
        var tokens = MIMETokenizer(field.value)
        return tokens.nextWord().map { String(decoding: $0.map(ASCII.lowercase), as: UTF8.self) } ?? ""
    }

    /// The media type, such as `multipart/mixed`, in lower case, and the boundary; nil where none is named.
    var contentType: (name: String, boundary: [UInt8]?)? {
        guard let field = self["content-type"] else { return nil }
        var tokens = MIMETokenizer(field.value)
        var name: [UInt8] = []
        while let word = tokens.next(), word != [UInt8(ascii: ";")] { name += word }
        var boundary: [UInt8]?
        while let attribute = tokens.nextWord() {
            guard tokens.next() == [UInt8(ascii: "=")], let value = tokens.nextWord() else { break }
            if attribute.map(ASCII.lowercase) == Array("boundary".utf8) { boundary = value }
            while let rest = tokens.next(), rest != [UInt8(ascii: ";")] {}
        }
        return (String(decoding: name.map(ASCII.lowercase), as: UTF8.self), boundary)
    }

    /// The offset behind the line's LF.
    static func endOfLine(in bytes: [UInt8], from start: Int, limit: Int) -> Int {
        bytes[start..<limit].firstIndex(of: ASCII.lineFeed).map { $0 + 1 } ?? limit
    }
}

/// Cuts a structured field's value into words, quoted strings and single specials; comments and blanks are dropped.
private struct MIMETokenizer {
    private var rest: ArraySlice<UInt8>
    private var wasSpecial = false

    init(_ value: ArraySlice<UInt8>) {
        rest = value
    }

    /// The next token; a quoted string without its quotes.
    mutating func next() -> [UInt8]? {
        skipBlanksAndComments()
        guard let first = rest.first else { return nil }
        wasSpecial = false
        if first == UInt8(ascii: "\"") {
            rest.removeFirst()
            return quotedString()
        }
        if Self.isSpecial(first) {
            wasSpecial = true
            rest.removeFirst()
            return [first]
        }
        let word = rest.prefix {
            !Self.isSpecial($0) && $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "(") && $0 != 0x7F
        }
        rest = rest[word.endIndex...]
        // A control character where a word is due is passed over, or nothing would ever move on.
        if word.isEmpty { rest.removeFirst() }
        return Array(word)
    }

    /// The next token if it is a word or a quoted string.
    mutating func nextWord() -> [UInt8]? {
        guard let token = next(), !wasSpecial else { return nil }
        return token
    }

    private mutating func quotedString() -> [UInt8] {
        var text: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                if let escaped = rest.popFirst() { text.append(escaped) }
            } else if byte != ASCII.carriageReturn, byte != ASCII.lineFeed {
                text.append(byte)
            }
        }
        return text
    }

    private mutating func skipBlanksAndComments() {
        var depth = 0
        while let byte = rest.first {
            if byte == UInt8(ascii: "(") {
                depth += 1
            } else if depth > 0 {
                if byte == UInt8(ascii: ")") { depth -= 1 }
                if byte == UInt8(ascii: "\\") { rest.removeFirst() }
            } else if !ASCII.isBlank(byte), byte != ASCII.carriageReturn, byte != ASCII.lineFeed {
                return
            }
            _ = rest.popFirst()
        }
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ";") || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ")")
    }
}
