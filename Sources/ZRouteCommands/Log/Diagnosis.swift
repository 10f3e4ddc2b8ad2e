// What a command says to people: a text, how much it matters, and the file and line it is about where those are known.

import Configuration
import Delivery
import Glibc
import Maps
import Spool
import System

/// Something said to people.
struct Diagnosis: Sendable {
    /// How much it matters.
    enum Severity: String, Sendable {
        /// Something was not done, or must be mended.
        case error
        /// Something was done, and probably not as it was meant.
        case warning
        /// Good to know.
        case notice
    }

    /// The whole message.
    let text: String
    let severity: Severity
    /// The file it is about.
    let file: String?
    /// The line there, counted from 1.
    let line: Int?
    /// The message of the spool it is about.
    var message: String?

    /// Something in words.
    init(_ text: String, _ severity: Severity = .error, file: String? = nil, line: Int? = nil) {
        self.text = text
        self.severity = severity
        self.file = file
        self.line = line
    }

    /// An error or a finding, with the place that it knows.
    ///
    /// - Parameter rest: what is said behind it.
    init(finding subject: some CustomStringConvertible, rest: String = "") {
        self.init(about: subject, "\(subject)\(rest)")
    }

    /// An error of any type.
    init(_ error: any Error, rest: String = "") {
        self.init(about: error, "\(error)\(rest)")
    }

    /// All that an error tells of: of a configuration the first errors that were found, and how many more there are.
    ///
    /// - Parameter rest: what is said behind the last.
    static func all(of error: any Error, rest: String = "") -> [Diagnosis] {
        guard let error = error as? ConfigurationError, !error.others.isEmpty else {
            return [Diagnosis(error, rest: rest)]
        }
        let kept = error.others.prefix(SourceFindings.limit - 1)
        let left = error.others.count - kept.count
        let last = left == 0 ? kept.indices.last : nil
        var said = [Diagnosis(error)]
        for index in kept.indices { said.append(Diagnosis(finding: kept[index], rest: index == last ? rest : "")) }
        if left > 0 {
            said.append(Diagnosis("\(counted(left, "more error", "more errors")) of the configuration\(rest)"))
        }
        return said
    }

    private init(about subject: Any, _ text: String) {
        switch subject {
        case let error as ConfigurationError: self.init(text, file: error.file, line: error.line)
        case let finding as Finding:
            self.init(text, finding.severity == .warning ? .warning : .error, file: finding.file, line: finding.line)
        case let error as CompileError: self.init(text, file: error.file, line: error.line)
        case let error as FileError: self.init(text, file: error.path)
        case let error as MapError: self.init(text, file: error.table.file)
        default: self.init(text, text.hasPrefix("warning: ") ? .warning : .error)
        }
    }

    /// The same as an event, for programs.
    var event: LogEvent {
        var event = LogEvent("diagnostic", message: message)
        event.add("severity", .text(Array(severity.rawValue.utf8)))
        event.add("text", .text(Array(text.utf8)))
        if let file { event.add("file", .text(Array(file.utf8))) }
        if let line { event.add("line", .number(line)) }
        return event
    }
}

// What a worker has to say to people about a batch: gathered here, said by the one thread that writes.

/// Diagnostics about a batch, each reason once, with how often it occurred.
struct Remarks: Sendable {
    /// One reason.
    struct Remark: Sendable {
        /// What is the same for many.
        let reason: String
        /// The whole message of the first.
        let text: String
        var count = 1
    }

    private(set) var all: [Remark] = []
    private(set) var unsaid = 0

    /// The number of different reasons that are kept; past it they are only counted.
    private static let distinctLimit = 100

    /// Adds a remark.
    ///
    /// - Parameters:
    ///   - reason: what is the same for many.
    ///   - text: the whole message for this one.
    mutating func add(_ reason: String, _ text: @autoclosure () -> String) {
        if let known = all.firstIndex(where: { $0.reason == reason }) {
            all[known].count += 1
        } else if all.count < Self.distinctLimit {
            all.append(Remark(reason: reason, text: text()))
        } else {
            unsaid += 1
        }
    }
}
