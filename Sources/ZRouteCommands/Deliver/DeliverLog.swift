// What deliver says. A pass (`--once`) prints results, one recipient a line, for scripts; a service writes a log. Troubles
// go to standard error.

import ArgumentParser
import Delivery
import Glibc
import LMTP
import Spool
import Synchronization
import System

/// Writes events of a spool's delivery, from any thread.
final class DeliveryLog: Sendable {
    /// What goes to standard output.
    enum Output {
        /// Columns divided by tabs, as `deliver --to` has them.
        case results
        /// Lines of the log.
        case events
    }

    private struct State: ~Copyable {
        var output: OutputStream
        var log: DiagnosticLog
        var hasTrouble = false, hasMisconfiguration = false
        var nextFlush = MonotonicTime(nanoseconds: 0)
    }

    private let state: Mutex<State>
    private let lines: LogLines
    private let output: Output

    /// A log.
    ///
    /// - Parameter output: what goes to standard output as text; as JSON that is always events.
    init(_ form: LogForm, _ output: Output, turn: OutputLock? = nil) {
        lines = LogLines(form, descriptor: STDOUT_FILENO)
        self.output = form.format == .json ? .events : output
        state = Mutex(
            State(output: OutputStream(descriptor: STDOUT_FILENO, turn: turn), log: DiagnosticLog(form)))
    }

    /// Writes what is still held back.
    func flush() { state.withLock { $0.output.flush() } }

    func say(_ diagnosis: Diagnosis) { state.withLock { $0.log.say(diagnosis) } }

    func say(_ event: LogEvent) { state.withLock { $0.log.say(event) } }

    /// Ends the log.
    ///
    /// - Returns: the exit status that all of it comes to.
    func finish() -> ExitCode {
        state.withLock { state in
            if !state.output.finish(state.log) { return .inputOutput }
            if state.hasMisconfiguration { return .configuration }
            return state.hasTrouble ? .tryAgain : .ok
        }
    }

    func record(_ event: DeliveryEvent) {
        // Put together before the others have to wait.
        var text: [UInt8] = []
        append(event, to: &text)
        state.withLock { state in
            switch event {
            case .kept(_, let channel, _, let reason, let isFault):
                state.hasMisconfiguration = state.hasMisconfiguration || isFault
                let reason = "channel \(printable(channel)): \(reason); its recipients stay queued"
                state.log.sayOnce(reason, reason)
            case .trouble(let message, let text):
                state.hasTrouble = true
                var diagnosis = Diagnosis(text)
                diagnosis.message = message?.description
                state.log.say(diagnosis)
            case .notice(let text): state.log.say(Diagnosis(text, .warning))
            case .putAside(let message, let path):
                var diagnosis = Diagnosis("failed, and its sender may not be told: see \(path)", .warning, file: path)
                diagnosis.message = message.description
                state.log.say(diagnosis)
            case .attempt, .reported, .removed: break
            }
            guard !text.isEmpty else { return }
            state.output.write(text)
            // Workers wait for each other here: not for a write each.
            let now = MonotonicTime.coarse()
            guard now >= state.nextFlush else { return }
            state.nextFlush = now.advanced(by: 100_000_000)
            state.output.flush()
        }
    }

    private func append(_ event: DeliveryEvent, to text: inout [UInt8]) {
        switch (output, event) {
        case (.results, .attempt(let attempt)):
            text.append(contentsOf: DeliveryResult(attempt).line.utf8)
        case (.results, .reported(let message, let report, let address)):
            text.append(contentsOf: "\(message)\treported to \(printable(address)) as \(report)\n".utf8)
        case (.results, _): break
        case (.events, _): if let event = LogEvent(event) { lines.append(event, to: &text) }
        }
    }
}

extension LogEvent {
    /// The event in the log; nil for what is said on standard error alone.
    fileprivate init?(_ event: DeliveryEvent) {
        switch event {
        case .attempt(let attempt):
            self = DeliveryResult(attempt).event(message: attempt.message.description)
        case .reported(let message, let report, let address):
            self.init("reported", message: message.description)
            add("reportedTo", .text(address), as: "to", "<\(printable(address))>")
            add("report", .text(Array(report.description.utf8)), as: "report", report.description)
        case .removed(let message): self.init("removed", message: message.description)
        case .kept(let message, let channel, let host, let reason, _):
            self.init("kept", message: message.description)
            add("channel", .text(channel), as: "channel", printable(channel))
            add("host", .text(host), as: "host", printable(host))
            add("reason", words: reason)
        case .putAside, .notice, .trouble: return nil
        }
    }
}

// What became of one recipient: a line of columns for scripts, or an event of the log.

/// One recipient's result.
struct DeliveryResult {
    /// What the first column names: the message, or the recipient as given on the command line.
    let subject: String
    let sender: [UInt8], recipient: [UInt8]
    let size: Int
    let address: ControlAddress
    let outcome: RecipientReport.Outcome
    let reply: Reply
    let endpoint: Endpoint?

    /// Columns divided by tabs: message or recipient, route, outcome, server, reply, sender, recipient as the sender wrote
    /// it, size in bytes.
    var line: String {
        let fields = [address.channel, address.host, address.user]
        let columns = [
            subject, fields.map { printable($0) }.joined(separator: "!"), name, endpoint.map { "\($0)" } ?? "-",
            printable(Array(reply.description.utf8)), "<\(printable(sender))>", "<\(printable(recipient))>", "\(size)",
        ]
        return columns.joined(separator: "\t") + "\n"
    }

    /// The same as an event.
    ///
    /// - Parameter message: the message of the spool; nil where it is in none.
    func event(message: String?) -> LogEvent {
        var event = LogEvent(name, message: message)
        event.add(sender: sender, recipient: recipient)
        event.add(channel: address.channel, host: address.host, user: address.user)
        event.add(size: size)
        // Routing has events `failed` too: this member tells delivery's.
        event.add("result", .text(Array(name.utf8)))
        if let endpoint { event.add("endpoint", .text(Array("\(endpoint)".utf8)), as: "server", "\(endpoint)") }
        event.add("reply", words: "\(reply)")
        return event
    }

    private var name: String {
        switch outcome {
        case .delivered: "delivered"
        case .failed: "failed"
        case .deferred: "deferred"
        }
    }
}

extension DeliveryResult {
    /// The result of an attempt at a message of the spool.
    init(_ attempt: DeliveryAttempt) {
        self.init(
            subject: attempt.message.description, sender: attempt.sender, recipient: attempt.originalRecipient,
            size: attempt.size, address: attempt.address, outcome: attempt.outcome, reply: attempt.reply,
            endpoint: attempt.endpoint)
    }
}
