// What route-queue tells: a line for each message and recipient on standard output, what went wrong and the progress on
// standard error, and one exit status for all of it.

import ArgumentParser
import Bytes
import Glibc
import QueueRouting
import Routing
import Service
import Spool
import Synchronization
import System

/// The log of a run, written by all its workers.
final class RouteQueueLog: Sendable {
    private struct State: ~Copyable {
        var output: OutputStream
        var diagnostics: DiagnosticLog
        var progress = RouteQueueProgress()
        var hasFailed = false, hasDeferred = false, hasRejected = false, hasMissing = false
    }

    private let state: Mutex<State>
    private let lines: LogLines
    private let progress: ServiceProgress?

    /// A log.
    ///
    /// - Parameter progress: is told as messages are done.
    init(_ form: LogForm, turn: OutputLock? = nil, progress: ServiceProgress? = nil) {
        self.progress = progress
        lines = LogLines(form, descriptor: STDOUT_FILENO)
        state = Mutex(
            State(
                output: OutputStream(descriptor: STDOUT_FILENO, turn: turn), diagnostics: DiagnosticLog(form)))
    }

    /// The number of messages that there are, for the progress.
    func begin(_ total: Int) {
        state.withLock { $0.progress.total = total }
    }

    /// Adds what became of messages.
    func add(_ reports: [MessageReport]) {
        progress?.note()
        // Put together before the others have to wait.
        var text: [UInt8] = []
        for report in reports {
            for event in LogEvent.events(of: report) { lines.append(event, to: &text) }
        }
        state.withLock { state in
            for report in reports { count(report, &state) }
            state.output.write(text)
            state.output.flush()
            state.progress.advance(by: reports.count)
        }
    }

    private func count(_ report: MessageReport, _ state: inout State) {
        switch report.outcome {
        case .rejected: state.hasRejected = true
        case .postponed(let reason):
            state.hasDeferred = true
            state.diagnostics.sayOnce(reason, reason)
        case .stillHeld: state.hasDeferred = true
        case .routed, .rerouted, .completed: break
        }
        for notice in report.notices { state.diagnostics.sayOnce(notice, notice) }
        for delivery in report.deliveries {
            if delivery.route.isChannel("hold") {
                state.hasDeferred = true
                if let reason = delivery.reason { state.diagnostics.sayOnce(delivery.cause ?? reason, reason) }
            } else if delivery.route.isChannel("error") {
                state.hasFailed = true
            }
        }
    }

    /// Says what a look through the spool found.
    func say(_ report: RecoveryReport) {
        state.withLock { state in
            for path in report.removedFiles {
                state.diagnostics.say("\(path): left by a run that died; removed", .notice)
            }
            for message in report.messagesWithoutBody {
                state.diagnostics.say(
                    "message \(message): its body is missing from queue/: put it back, or remove transport/\(message)")
            }
        }
    }

    /// Looks through the spool, and says what was found or that it failed.
    func say(_ look: () throws(FileError) -> RecoveryReport) {
        do throws(FileError) {
            say(try look())
        } catch {
            say(error)
        }
    }

    /// Says that a name can be no submission.
    func say(_ refused: SpoolListing.Refused, in postOffice: String) {
        state.withLock { state in
            state.hasRejected = true
            state.diagnostics.say(
                "\(postOffice)/router/\(printable(refused.name)): \(refused.reason): no submission; remove it")
        }
    }

    /// Says that something happened.
    func say(_ event: LogEvent) { state.withLock { $0.diagnostics.say(event) } }

    /// Says something to people.
    func say(_ diagnosis: Diagnosis) { state.withLock { $0.diagnostics.say(diagnosis) } }

    /// Says that the system failed.
    func say(_ error: FileError) {
        state.withLock { state in
            state.hasDeferred = true
            state.diagnostics.sayOnce("\(error)", "\(error)")
        }
    }

    /// Says that a file named on the command line is none of the spool's.
    func sayMissing(_ text: String) {
        state.withLock { state in
            state.hasMissing = true
            state.diagnostics.say(text)
        }
    }

    /// Ends the log.
    ///
    /// - Returns: the exit status that all of it comes to.
    func finish() -> ExitCode {
        state.withLock { state in
            state.progress.finish()
            state.diagnostics.summarise()
            let isWritten = state.output.finish(state.diagnostics)
            if !isWritten { return .inputOutput }
            if state.hasDeferred { return .tryAgain }
            if state.hasMissing { return .missingInput }
            if state.hasRejected { return .unreadableInput }
            return state.hasFailed ? .noUser : .ok
        }
    }
}

// The events of route-queue's log: message, sender, recipient, route, time taken.

extension LogEvent {
    /// The events of a message: one for each route of each recipient, or one where it has none.
    static func events(of report: MessageReport) -> [LogEvent] {
        let reason: String? =
            switch report.outcome {
            case .rejected(let reason), .postponed(let reason): reason
            case .rerouted(into: let name?): "now \(name)"
            case .rerouted(into: nil): "served already"
            case .routed, .stillHeld, .completed: nil
            }
        guard !report.deliveries.isEmpty else { return [LogEvent(report, nil, reason)] }
        return report.deliveries.map { LogEvent(report, $0, reason ?? $0.reason) }
    }

    private init(_ report: MessageReport, _ delivery: MessageReport.Delivery?, _ reason: String?) {
        self.init(Self.name(report.outcome, delivery), message: report.message)
        if let delivery {
            let route = delivery.route
            add(sender: report.sender, recipient: delivery.recipient)
            add(channel: route.channel, host: route.host, user: route.user)
        }
        if report.size > 0 { add(size: report.size) }
        let microseconds = Int(clamping: report.nanoseconds / 1000)
        if microseconds > 0 { add(microseconds: microseconds) }
        if let reason { add("reason", words: reason) }
    }

    private static func name(_ outcome: MessageReport.Outcome, _ delivery: MessageReport.Delivery?) -> String {
        switch outcome {
        case .rejected: return "rejected"
        case .postponed: return "postponed"
        case .completed: return "completed"
        case .routed, .rerouted, .stillHeld:
            if delivery?.route.isChannel("hold") ?? false { return "held" }
            return delivery?.route.isChannel("error") ?? false ? "failed" : "routed"
        }
    }
}

// How far route-queue is: one line on a terminal that rewrites itself, and nothing anywhere else.

/// The progress of a run.
struct RouteQueueProgress {
    /// The number of messages that there are; nothing is shown until it is known.
    var total = 0
    private var done = 0
    private var shown: MonotonicTime?
    /// Log lines on the same terminal tell as much, and would be torn apart.
    private let isShown = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) != 1

    /// Counts messages, and shows the count not more often than can be read.
    mutating func advance(by count: Int) {
        guard isShown, total > 0 else { return }
        done += count
        let now = MonotonicTime.coarse()
        if let shown, now < shown.advanced(by: 200_000_000) { return }
        shown = now
        write("\rrouted \(done) of \(total) messages")
    }

    /// Ends the line.
    func finish() {
        if shown != nil { write("\rrouted \(done) of \(total) messages\n") }
    }

    private func write(_ text: String) {
        var output = OutputStream(descriptor: STDERR_FILENO)
        output.write(text)
        output.flush()
    }
}
