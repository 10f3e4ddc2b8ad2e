// Lines of a log on their way to a descriptor: the one place in which an event becomes bytes.

import Synchronization

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
