// ZMailer's scheduler.conf: which command delivers for which channel and host, how often, and how much at a time.

public import Configuration

/// The clauses of scheduler.conf.
public struct SchedulerConf: Sendable {
    /// One clause.
    public struct Clause: Sendable {
        /// The selector as written.
        public let selector: String
        /// The line the selector stands in, counted from 1.
        public let line: Int
        let channel: GlobPattern
        let host: GlobPattern
        /// What it sets, defaults of `*/*` clauses before it included.
        public internal(set) var parameters: SchedulerParameters
    }

    /// What the clauses say of one channel and host.
    public struct Match: Sendable {
        /// Which clause had the command, or was the last that fits; -1 where none fits.
        public let clause: Int
        /// The parameters of all clauses up to there, the later over the earlier.
        public let parameters: SchedulerParameters
    }

    /// The file.
    public let file: String
    /// The clauses in order.
    public private(set) var clauses: [Clause] = []
    /// What was probably not meant, though it could be read.
    package private(set) var findings: [Finding] = []

    /// Reads a file.
    ///
    /// - Throws: `ConfigurationError` with file and line.
    public init(file: String) throws(ConfigurationError) {
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
    public init(bytes: [UInt8], file: String) throws(ConfigurationError) {
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
    public func match(channel: [UInt8], host: [UInt8]) -> Match {
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
