// The words of scheduler.conf: a selector begins a line, parameters stand behind blanks, `#` begins a comment, and a
// value in double quotes may go on in the next line behind a backslash.

import Configuration

/// The words of scheduler.conf in order.
enum SchedulerTokens {
    struct Token {
        enum Kind {
            case selector(String)
            case parameter(String, value: String?)
        }

        let line: Int
        let kind: Kind
    }

    static func read(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> [Token] {
        var scanner = Scanner(bytes: bytes, file: file)
        var tokens: [Token] = []
        while let token = try scanner.next() { tokens.append(token) }
        return tokens
    }

    private struct Scanner {
        let bytes: [UInt8]
        let file: String
        private var position = 0
        private var line = 1

        init(bytes: [UInt8], file: String) {
            self.bytes = bytes
            self.file = file
        }

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func advance() {
            if current == 0x0A { line += 1 }
            position += 1
        }

        private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

        mutating func next() throws(ConfigurationError) -> Token? {
            while let byte = current, Self.isSpace(byte) || byte == UInt8(ascii: "#") {
                if byte == UInt8(ascii: "#") {
                    while let byte = current, byte != 0x0A { _ = byte; advance() }
                } else {
                    advance()
                }
            }
            guard current != nil else { return nil }
            let startLine = line
            let isSelector = position == 0 || bytes[position - 1] == 0x0A
            let word = takeWord {
                Self.isSpace($0) || $0 == UInt8(ascii: "#") || (!isSelector && $0 == UInt8(ascii: "="))
            }
            if isSelector { return Token(line: startLine, kind: .selector(word)) }
            let afterWord = (position, line)
            while let byte = current, byte == 0x20 || byte == 0x09 { advance() }
            guard current == UInt8(ascii: "=") else {
                (position, line) = afterWord
                return Token(line: startLine, kind: .parameter(word, value: nil))
            }
            advance()
            while let byte = current, byte == 0x20 || byte == 0x09 { advance() }
            let value =
                current == UInt8(ascii: "\"")
                ? try takeQuoted() : takeWord { Self.isSpace($0) || $0 == UInt8(ascii: "\"") }
            return Token(line: startLine, kind: .parameter(word, value: value))
        }

        private mutating func takeWord(until isEnd: (UInt8) -> Bool) -> String {
            let start = position
            while let byte = current, !isEnd(byte) { advance() }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func takeQuoted() throws(ConfigurationError) -> String {
            let startLine = line
            var text: [UInt8] = []
            advance()
            while let byte = current, byte != UInt8(ascii: "\"") {
                if byte == 0x0A {
                    throw ConfigurationError(file: file, line: startLine, text: "the value's closing quote is missing")
                }
                advance()
                guard byte == UInt8(ascii: "\\"), let escaped = current else {
                    text.append(byte)
                    continue
                }
                advance()
                text.append(escaped == 0x0A ? 0x20 : escaped)
            }
            guard current != nil else {
                throw ConfigurationError(file: file, line: startLine, text: "the value's closing quote is missing")
            }
            advance()
            return String(decoding: text, as: UTF8.self)
        }
    }
}
