// ZMailer's scheduler.conf: which command delivers for which channel and host, how often, and how much at a time.

import Bytes
package import Configuration

/// The clauses of scheduler.conf.
package struct SchedulerConf: Sendable {
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
    /// What was probably not meant, though it could be read.
    package private(set) var findings: [Finding] = []

    /// Reads a file.
    ///
    /// - Throws: `ConfigurationError` with file and line.
    package init(file: String) throws(ConfigurationError) {
        let read = try ConfigurationFile(file) { _ in
            "; name the scheduler.conf with --scheduler, or do without it by --lmtp UNIX:/path"
        }
        try self.init(bytes: read.bytes, file: file)
    }

    /// Reads the bytes of a file.
    ///
    /// A clause that sets nothing shares what the next one sets. A clause `*/*` (or `*`) sets defaults for those after it.
    ///
    /// - Throws: `ConfigurationError` with file and line.
    package init(bytes: [UInt8], file: String) throws(ConfigurationError) {
        self.file = file
        var defaults = SchedulerParameters()
        /// Clauses that wait for the next one's content.
        var isEmpty: [Bool] = []
        for token in try SchedulerTokens.read(bytes, file: file) {
            switch token.kind {
            case .selector(let text):
                finishDefaults(&defaults, isEmpty: isEmpty)
                clauses.append(try Self.clause(text, defaults, line: token.line, file: file))
                isEmpty.append(true)
            case .parameter(let keyword, let value):
                guard let last = clauses.indices.last else {
                    throw ConfigurationError(
                        file: file, line: token.line, text: "'\(keyword)' stands before any 'channel/host' selector")
                }
                if let problem = clauses[last].parameters.set(keyword, to: value, line: token.line) {
                    throw ConfigurationError(file: file, line: token.line, text: problem)
                }
                isEmpty[last] = false
                if ["interval", "idlemax"].contains(keyword.lowercased()), let value, TimeSpan.lacksUnit(value) {
                    findings.append(
                        Finding(
                            .timeWithoutUnit, .warning, file: file, line: token.line,
                            text: "\(keyword)=\(value) has no unit and is taken as seconds; write \(value)s, or another"
                                + " unit"))
                }
            }
        }
        for index in clauses.indices.reversed().dropFirst() where isEmpty[index] {
            clauses[index].parameters = clauses[index + 1].parameters
        }
    }

    /// The first variable that the command of a clause refers to and that is not set: what it names would be another file.
    ///
    /// Commands that are not carried out here may refer to what they want.
    package func unsetVariable(_ variables: Variables) -> Finding? {
        var known = variables
        known["channel"] = ""
        known["host"] = ""
        for clause in clauses {
            guard let command = clause.parameters.command, let line = clause.parameters.commandLine,
                SMTPCommandLine.isCarriedOut(command, variables: known), let name = known.expand(command).unset.first
            else { continue }
            return Finding(
                .unsetVariable, .error, file: file, line: line,
                text:
                    "the command refers to $\(name), which is not set; set it in zmailer.conf, or with --set \(name)=VALUE"
                    + suggestion(for: name, among: known.names))
        }
        return nil
    }

    private func finishDefaults(_ defaults: inout SchedulerParameters, isEmpty: [Bool]) {
        guard let last = clauses.last, isEmpty.last == false, last.selector == "*" || last.selector == "*/*" else {
            return
        }
        defaults.override(with: last.parameters)
    }

    private static func clause(
        _ selector: String, _ defaults: SchedulerParameters, line: Int, file: String
    ) throws(ConfigurationError) -> Clause {
        guard !selector.contains("=") else {
            throw ConfigurationError(
                file: file, line: line,
                text: "'\(selector)': a parameter stands behind blanks, a selector begins the line")
        }
        let parts = selector.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let host = parts.count == 2 && !parts[1].isEmpty ? String(parts[1]) : "*"
        guard let channel = parts.first, !channel.isEmpty, let channelPattern = GlobPattern(channel.utf8),
            let hostPattern = GlobPattern(host.utf8)
        else {
            throw ConfigurationError(
                file: file, line: line, text: "'\(selector)' is no pattern 'channel/host' with *, ? and {a,b}")
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
            if current == ASCII.lineFeed { line += 1 }
            position += 1
        }

        private static func isSpace(_ byte: UInt8) -> Bool { byte == ASCII.space || (0x09...0x0D).contains(byte) }

        mutating func next() throws(ConfigurationError) -> Token? {
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
                if byte == ASCII.lineFeed {
                    throw ConfigurationError(file: file, line: startLine, text: "the value's closing quote is missing")
                }
                advance()
                guard byte == UInt8(ascii: "\\"), let escaped = current else {
                    text.append(byte)
                    continue
                }
                advance()
                text.append(escaped == ASCII.lineFeed ? ASCII.space : escaped)
            }
            guard current != nil else {
                throw ConfigurationError(file: file, line: startLine, text: "the value's closing quote is missing")
            }
            advance()
            return String(decoding: text, as: UTF8.self)
        }
    }
}
