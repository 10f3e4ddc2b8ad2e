// `zroute queue retry`: an attempt before its time.

import ArgumentParser
import Bytes
import Glibc
import QueueRouting
import Routing
import Spool
import System

/// Asks for an attempt at messages now.
struct QueueRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try messages now, whatever their schedule says.",
        discussion: """
            Recipients that wait for a map (held) are routed by this command itself. For all others whoever delivers is \
            asked to try: a service does within a second or two, 'deliver --once' when it runs next.

            \(QueueStatuses.text)

            Examples:

              # Now that the store is back.
              zroute queue retry --host store1
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    func run() throws {
        try QueueRouter.run(site, targets) { (name, action, routing) throws(QueueRefusal) in
            try retry(name, action, routing)
        }
    }

    private func retry(
        _ name: MessageName, _ action: QueueAction, _ routing: QueueRouter
    ) throws(QueueRefusal) -> LogEvent {
        let contents = try action.readControlFile(name)
        let waiting = contents.recipients.filter { $0.tag == .pending || $0.tag == .locked }
        let held = waiting.count { $0.address.isChannel(OpenControlFile.holdChannel) }
        var event = LogEvent("retry", message: name.description)
        event.addRecipients(waiting.count)
        if held > 0 { event.add("held", words: try routing.retryHeld(name, action)) }
        // Even where all were held: whoever delivers removes what nothing is left to do for.
        try action.askForAttempt(at: name)
        guard waiting.count > held else { return event }
        event.add("routed", words: "whoever delivers is asked to try \(waiting.count - held) now")
        return event
    }
}

extension QueueAction {
    /// Asks whoever delivers to look at a message now.
    func askForAttempt(at name: MessageName) throws(QueueRefusal) {
        do throws(FileError) {
            try postOffice.askForAttempt(at: name)
        } catch {
            throw QueueRefusal(.tryAgain, error.description)
        }
    }

    /// A message's control file, as it is at this moment.
    func readControlFile(_ name: MessageName) throws(QueueRefusal) -> ControlFile {
        do throws(ControlAccessError) {
            guard let contents = try postOffice.controlFile(of: name) else { throw Self.goneFile(name) }
            return contents
        } catch {
            switch error {
            case .file(let failure) where failure.isMissing: throw Self.gone
            case .file: throw QueueRefusal(.tryAgain, error.description)
            case .content: throw QueueRefusal(.unreadableInput, error.description)
            }
        }
    }

    /// Whether a message has a body, without which nothing can be done for it.
    func hasBody(_ name: MessageName) throws(QueueRefusal) -> Bool {
        do throws(FileError) {
            return try postOffice.body(of: name) != nil
        } catch {
            throw QueueRefusal(.tryAgain, error.description)
        }
    }

    private static func goneFile(_ name: MessageName) -> ControlAccessError {
        .file(FileError(operation: "open", path: name.description, code: ENOENT))
    }
}

/// The engine of a command that routes single messages, made when it is first needed.
final class QueueRouter {
    private let action: QueueAction
    private var routing: SpoolRouting?

    private init(_ action: QueueAction) {
        self.action = action
    }

    /// Does something with each routed message that is meant.
    ///
    /// - Throws: the exit status where not all of it was done.
    static func run(
        _ site: SiteOptions, _ options: QueueTargetOptions,
        _ act: (MessageName, QueueAction, QueueRouter) throws(QueueRefusal) -> LogEvent
    ) throws(ExitCode) {
        // Before any thread is started: whoever dies inside an environment breaks it for all.
        let signals = TerminationSignals()
        let action = try QueueAction(site, options, in: [.routed], signals: signals)
        let routing = QueueRouter(action)
        var status = ExitCode.ok
        do throws(ExitCode) {
            try action.run { (name, place) throws(QueueRefusal) in
                switch place {
                case .routed: return try act(name, action, routing)
                case .onHold: throw QueueStatuses.onHold
                case .submitted: throw QueueStatuses.notRouted
                case .aside: throw QueueStatuses.putAside
                }
            }
        } catch {
            status = error
        }
        routing.routing?.close()
        signals.release()
        guard status == .ok else { throw status }
    }

    /// The routing of the spool.
    func made() throws(QueueRefusal) -> SpoolRouting {
        if let routing { return routing }
        let site: LoggedSite
        do {
            site = try LoggedSite(options: action.session.options)
        } catch {
            throw QueueRefusal(ExitCode(unusableConfiguration: error), "it cannot be routed: \(error)")
        }
        let made = SpoolRouting(site, action.postOffice, jobs: 1) { $0.retry = .atOnce }
        routing = made
        return made
    }

    /// Routes the held recipients of a message.
    ///
    /// - Returns: what became of them.
    func retryHeld(_ name: MessageName, _ action: QueueAction) throws(QueueRefusal) -> String {
        var patience = action.patience
        while true {
            if let report = try made().retryHeld(name) { return try Self.words(report) }
            // Nobody is left to be routed, or another run has the message.
            let isLeft = try action.readControlFile(name).recipients.contains { recipient in
                recipient.tag == .pending && recipient.address.isChannel(OpenControlFile.holdChannel)
            }
            guard isLeft else { return "others have routed the held recipients just now" }
            guard try action.hasBody(name) else { throw QueueRefusal(.unreadableInput, "its body is missing") }
            guard patience.waits() else { throw action.busy(action.postOffice.path(of: name, in: .routed)) }
        }
    }

    private static func words(_ report: MessageReport) throws(QueueRefusal) -> String {
        switch report.outcome {
        case .rerouted(let name?): return "held recipients were routed, as message \(name)"
        case .rerouted(nil): return "held recipients have a copy already"
        case .stillHeld:
            let reasons = report.deliveries.compactMap(\.cause)
            return "held recipients have no route yet: \(reasons.first ?? "a value of a map says so")"
        case .postponed(let reason): throw QueueRefusal(.tryAgain, reason)
        case .routed, .completed, .rejected: return "held recipients were looked at"
        }
    }
}
