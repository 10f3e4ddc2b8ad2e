// What is said to people, on standard error: `zroute: text`, or an object a line. A reason that holds for many addresses is
// said once and counted.

import ArgumentParser
import Configuration
import Glibc
import Synchronization
import System

/// Writes diagnostics to standard error.
struct DiagnosticLog: ~Copyable {
    private let lines: LogLines
    private var counts: [String: Int] = [:]
    private let signals: TerminationSignals?

    /// The number of different reasons that are said; past it they are only counted.
    private static let distinctLimit = 100
    private var unsaid = 0

    /// A log in some form.
    ///
    /// - Parameter signals: those that are held back, and that must not wait for a reader who does not read.
    init(_ form: LogForm, signals: TerminationSignals? = nil) {
        lines = LogLines(form, descriptor: STDERR_FILENO)
        self.signals = signals
    }

    /// Says something in words.
    func say(_ text: String, _ severity: Diagnosis.Severity = .error) {
        say(Diagnosis(text, severity))
    }

    /// Says what went wrong, of a configuration all of it.
    ///
    /// - Parameter rest: what is said behind it.
    func say(_ error: any Error, rest: String = "") {
        for diagnosis in Diagnosis.all(of: error, rest: rest) { say(diagnosis) }
    }

    /// Says something.
    func say(_ diagnosis: Diagnosis) {
        write { $0.append(diagnosis, to: &$1) }
    }

    /// Says that something happened.
    func say(_ event: LogEvent) {
        write { $0.append(event, to: &$1) }
    }

    private func write(_ append: (LogLines, inout [UInt8]) -> Void) {
        var output = OutputStream(descriptor: STDERR_FILENO, signals: signals)
        output.write { append(lines, &$0) }
        output.flush()
    }

    /// Says what was found in a source: the first findings of each severity, and how many more there are.
    func say(_ findings: SourceFindings) {
        for finding in findings.first { say(Diagnosis(finding: finding)) }
        for remainder in findings.remainders { say(remainder, findings.errorCount > 0 ? .error : .warning) }
    }

    /// Says each reason the first time it occurs.
    mutating func say(_ remarks: Remarks) {
        for remark in remarks.all {
            if let count = counts[remark.reason] {
                counts[remark.reason] = count + remark.count
            } else if counts.count < Self.distinctLimit {
                counts[remark.reason] = remark.count
                say(remark.text)
            } else {
                unsaid += remark.count
            }
        }
        unsaid += remarks.unsaid
    }

    /// Says a reason the first time it occurs.
    ///
    /// - Parameters:
    ///   - reason: what is the same for many.
    ///   - text: the whole message for this one.
    mutating func sayOnce(_ reason: String, _ text: @autoclosure () -> String) {
        var remarks = Remarks()
        remarks.add(reason, text())
        say(remarks)
    }

    /// Says how often each reason occurred beyond the first time.
    func summarise() {
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }) where count > 1 {
            say("\(reason): \(count - 1) more of the same", .notice)
        }
        if unsaid > 0 { say("\(unsaid) more of other kinds", .notice) }
    }
}

// How a command's log looks: as text or as JSON, and with the time wherever nobody else adds it.

/// The forms of log lines.
enum LogFormat: KeywordOption {
    case text
    case json

    static let choices = [(word: "text", choice: LogFormat.text), ("json", .json)]

    /// The form that a command line asks for, for what is wrong with the command line itself.
    init(askedForIn arguments: [String]) {
        let isJSON =
            arguments.contains("--log=json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == "--log" && $1 == "json" }
        self = isJSON ? .json : .text
    }
}

/// The option for the form of the log, which every command has.
struct LogOptions: ParsableArguments {
    @Option(name: .customLong("log"), help: "The form of the log: text or json.")
    var format = LogFormat.text

    /// The log of a command that people wait for.
    var form: LogForm { LogForm(format, isTimed: false) }

    /// The log of work that is looked into later: of services, and of passes over the spool.
    var timedForm: LogForm { LogForm(format, isTimed: true) }
}

/// How the lines of a log look.
struct LogForm: Sendable {
    /// Text or JSON.
    let format: LogFormat
    /// Whether lines of text carry the time where no journal adds it; lines of JSON always carry it.
    private let isTimed: Bool

    init(_ format: LogFormat, isTimed: Bool) {
        self.format = format
        self.isTimed = isTimed
    }

    /// Whether lines of text that go to a descriptor begin with the time.
    func showsTime(on descriptor: Int32) -> Bool { isTimed && !Self.isJournal(descriptor) }

    /// Whether systemd's journal reads a descriptor, and so knows the time of each line: `JOURNAL_STREAM` names the device
    /// and the inode of the journal's socket (systemd.exec(5)).
    private static func isJournal(_ descriptor: Int32) -> Bool {
        guard let stream = environmentVariable("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}

// Lines of a log on their way to a descriptor: the one place in which an event becomes bytes.

/// Puts events and diagnostics into the lines of a descriptor's log, from any thread.
final class LogLines: Sendable {
    private let format: LogFormat
    private let showsTime: Bool
    private let clock = Mutex(LogTime())

    /// Lines for a descriptor.
    init(_ form: LogForm, descriptor: Int32) {
        format = form.format
        showsTime = form.showsTime(on: descriptor)
    }

    /// Appends an event's line.
    func append(_ event: LogEvent, to output: inout [UInt8]) {
        switch format {
        case .text:
            appendTime(to: &output)
            event.appendText(to: &output)
        case .json: event.appendJSON(to: &output, time: time())
        }
        output.append(0x0A)
    }

    /// Appends what is said to people.
    func append(_ diagnosis: Diagnosis, to output: inout [UInt8]) {
        switch format {
        case .text:
            appendTime(to: &output)
            // What is quoted in a message may come from anywhere: it neither ends the line nor controls a terminal.
            let words = diagnosis.message.map { "\($0): \(diagnosis.text)" } ?? diagnosis.text
            output.append(contentsOf: "zroute: \(printable(Array(words.utf8)))".utf8)
        case .json: diagnosis.event.appendJSON(to: &output, time: time())
        }
        output.append(0x0A)
    }

    private func appendTime(to output: inout [UInt8]) {
        guard showsTime else { return }
        output.append(contentsOf: time())
        output.append(0x20)
    }

    private func time() -> [UInt8] { clock.withLock { $0.now() } }
}
