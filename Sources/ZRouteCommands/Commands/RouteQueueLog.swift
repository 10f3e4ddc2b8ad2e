// What route-queue tells: a line for each message and recipient on standard output, what went wrong and the progress on
// standard error, and one exit status for all of it.

import ArgumentParser
import Batch
import Files
import Glibc
import MailAddress
import Routing
import ServiceManagement
import Spool
import Synchronization

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
    private let watchdog: Watchdog?

    /// A log.
    ///
    /// - Parameter watchdog: is fed as messages are done.
    init(_ form: LogForm, turn: OutputTurn? = nil, watchdog: Watchdog? = nil) {
        self.watchdog = watchdog
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
        watchdog?.feed()
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
