// ZMailer's scheduler.conf: which command delivers for which channel and host, how often, and how much at a time.

import Bytes
package import Configuration

/// The clauses of scheduler.conf.
package struct SchedulerConf: ConfigurationReading, Sendable {
    /// One clause.
    package struct Clause: Sendable {
        /// The selector as written.
        package let selector: String
        /// The line the selector stands in, counted from 1.
        package let line: Int
        let channel: GlobPattern
        let host: GlobPattern
        /// What it sets, defaults of `*/*` clauses before it included.
        package internal(set) var parameters: SchedulerParameters
    }

    /// What the clauses say of one channel and host.
    package struct Match: Sendable {
        /// Which clause had the command, or was the last that fits; -1 where none fits.
        package let clause: Int
        /// The parameters of all clauses up to there, the later over the earlier.
        package let parameters: SchedulerParameters
    }

    /// The file.
    package let file: String
    /// The clauses in order.
    package private(set) var clauses: [Clause] = []
    /// What cannot be used, or was probably not meant.
    package private(set) var findings: [Finding] = []

    /// Reads a file as far as it can be understood.
    package init(reading file: String) {
        let read = ConfigurationFile(file) { _ in
            "; name the scheduler.conf with --scheduler, or do without it by --lmtp UNIX:/path"
        }
        self.init(reading: read.bytes, FindingList(file, after: read.findings))
    }

    /// Reads a file, for callers who can use it only whole.
    ///
    /// - Throws: `ConfigurationError` with every error that was found.
    package init(file: String) throws(ConfigurationError) { self = try Self(reading: file).checked() }

    /// Reads the bytes of a file.
    ///
    /// - Throws: `ConfigurationError` with every error that was found.
    package init(bytes: [UInt8], file: String) throws(ConfigurationError) {
        self = try Self(reading: bytes, FindingList(file)).checked()
    }

    /// Reads what can be understood.
    ///
    /// A clause that sets nothing shares what the next one sets. A clause `*/*` (or `*`) sets defaults for those after it.
    private init(reading bytes: [UInt8], _ before: FindingList) {
        file = before.file
        var found = before
        var defaults = SchedulerParameters()
        /// Clauses that wait for the next one's content.
        var isEmpty: [Bool] = []
        /// Whether the last selector is none, so that what follows belongs to no clause.
        var isAside = false
        for token in SchedulerTokens.read(bytes, &found) {
            switch token.kind {
            case .selector(let text):
                finishDefaults(&defaults, isEmpty: isEmpty)
                let clause = Self.clause(text, defaults, line: token.line, &found)
                isAside = clause == nil
                guard let clause else { continue }
                clauses.append(clause)
                isEmpty.append(true)
            case .parameter(let keyword, let value):
                if isAside {
                    var aside = SchedulerParameters()
                    aside.set(keyword, to: value, line: token.line, &found)
                } else if let last = clauses.indices.last {
                    clauses[last].parameters.set(keyword, to: value, line: token.line, &found)
                    isEmpty[last] = false
                } else {
                    found.error(
                        .invalidSelector, "'\(keyword)' stands before any 'channel/host' selector", line: token.line)
                }
            }
        }
        for index in clauses.indices.reversed().dropFirst() where isEmpty[index] {
            clauses[index].parameters = clauses[index + 1].parameters
        }
        findings = found.inOrder
    }

    private func finishDefaults(_ defaults: inout SchedulerParameters, isEmpty: [Bool]) {
        guard let last = clauses.last, isEmpty.last == false, last.selector == "*" || last.selector == "*/*" else {
            return
        }
        defaults.override(with: last.parameters)
    }

    private static func clause(
        _ selector: String, _ defaults: SchedulerParameters, line: Int, _ found: inout FindingList
    ) -> Clause? {
        guard !selector.contains("=") else {
            found.error(
                .invalidSelector, "'\(selector)': a parameter stands behind blanks, a selector begins the line",
                line: line)
            return nil
        }
        let parts = selector.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let host = parts.count == 2 && !parts[1].isEmpty ? String(parts[1]) : "*"
        guard let channel = parts.first, !channel.isEmpty, let channelPattern = GlobPattern(channel.utf8),
            let hostPattern = GlobPattern(host.utf8)
        else {
            found.error(
                .invalidSelector, "'\(selector)' is no pattern 'channel/host' with *, ? and {a,b}", line: line)
            return nil
        }
        return Clause(
            selector: selector, line: line, channel: channelPattern, host: hostPattern, parameters: defaults)
    }

    /// What is said of a channel and host: clauses are gone through in order up to the first with a command.
    package func match(channel: [UInt8], host: [UInt8]) -> Match {
        var parameters = SchedulerParameters()
        var found = -1
        for (index, clause) in clauses.enumerated()
        where clause.channel.matches(channel) && clause.host.matches(host) {
            parameters.override(with: clause.parameters)
            found = index
            if clause.parameters.command != nil { break }
        }
        return Match(clause: found, parameters: parameters)
    }
}

extension Finding.Name {
    /// A selector that is no pattern of channels and hosts, or that is missing.
    static let invalidSelector = Finding.Name("invalid-selector")
    /// A value in quotes that does not end.
    static let unclosedQuote = Finding.Name("unclosed-quote")
    /// A parameter that neither ZMailer nor this program has.
    static let unknownParameter = Finding.Name("unknown-parameter")
    /// A value that a parameter cannot have.
    static let invalidParameter = Finding.Name("invalid-parameter")
    /// A time that is a number alone.
    static let timeWithoutUnit = Finding.Name("time-without-unit")
}

// The words of scheduler.conf: a selector begins a line, parameters stand behind blanks, `#` begins a comment, and a
// value in double quotes may go on in the next line behind a backslash.

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

    /// Reads a file's words.
    ///
    /// - Parameter found: is told of quotes that do not end: such a value goes as far as its line.
    static func read(_ bytes: [UInt8], _ found: inout FindingList) -> [Token] {
        var scanner = Scanner(bytes: bytes)
        var tokens: [Token] = []
        while let token = scanner.next(&found) { tokens.append(token) }
        return tokens
    }

    private struct Scanner {
        let bytes: [UInt8]
        private var position = 0
        private var line = 1

        init(bytes: [UInt8]) { self.bytes = bytes }

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func advance() {
            if current == ASCII.lineFeed { line += 1 }
            position += 1
        }

        private static func isSpace(_ byte: UInt8) -> Bool { byte == ASCII.space || (0x09...0x0D).contains(byte) }

        mutating func next(_ found: inout FindingList) -> Token? {
            while let byte = current, Self.isSpace(byte) || byte == UInt8(ascii: "#") {
                if byte == UInt8(ascii: "#") {
                    while let byte = current, byte != ASCII.lineFeed { _ = byte; advance() }
                } else {
                    advance()
                }
            }
            guard current != nil else { return nil }
            let startLine = line
            let isSelector = position == 0 || bytes[position - 1] == ASCII.lineFeed
            let word = takeWord {
                Self.isSpace($0) || $0 == UInt8(ascii: "#") || (!isSelector && $0 == UInt8(ascii: "="))
            }
            if isSelector { return Token(line: startLine, kind: .selector(word)) }
            let afterWord = (position, line)
            while let byte = current, ASCII.isBlank(byte) { advance() }
            guard current == UInt8(ascii: "=") else {
                (position, line) = afterWord
                return Token(line: startLine, kind: .parameter(word, value: nil))
            }
            advance()
            while let byte = current, ASCII.isBlank(byte) { advance() }
            let value =
                current == UInt8(ascii: "\"")
                ? takeQuoted(&found) : takeWord { Self.isSpace($0) || $0 == UInt8(ascii: "\"") }
            return Token(line: startLine, kind: .parameter(word, value: value))
        }

        private mutating func takeWord(until isEnd: (UInt8) -> Bool) -> String {
            let start = position
            while let byte = current, !isEnd(byte) { advance() }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func takeQuoted(_ found: inout FindingList) -> String {
            let startLine = line
            var text: [UInt8] = []
            advance()
            while let byte = current, byte != UInt8(ascii: "\""), byte != ASCII.lineFeed {
                advance()
                guard byte == UInt8(ascii: "\\"), let escaped = current else {
                    text.append(byte)
                    continue
                }
                advance()
                text.append(escaped == ASCII.lineFeed ? ASCII.space : escaped)
            }
            if current == UInt8(ascii: "\"") {
                advance()
            } else {
                found.error(.unclosedQuote, "the value's closing quote is missing", line: startLine)
            }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
