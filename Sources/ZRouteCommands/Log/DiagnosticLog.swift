// What is said to people, on standard error: `zroute: text`, or an object a line. A reason that holds for many addresses is
// said once and counted.

import Configuration
import Files
import Glibc

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

    /// Says what went wrong.
    ///
    /// - Parameter rest: what is said behind it.
    func say(_ error: any Error, rest: String = "") { say(Diagnosis(error, rest: rest)) }

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
