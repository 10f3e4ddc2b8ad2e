// `zroute queue bounce`: messages that are returned to their senders now.

import ArgumentParser
import Configuration
import Delivery
import Site
import Spool
import System

/// Returns messages to their senders.
struct QueueBounceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bounce",
        abstract: "Return messages to their senders: every recipient that waits has failed.",
        discussion: """
            The sender gets the report that delivery would send at the end of the expiry, unless NOTIFY says otherwise; who \
            was served stays served. A report that nobody may get goes to postman.

            \(QueueStatuses.text)

            Examples:

              zroute queue bounce --because 'this user has left' 1234567
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    @Option(help: ArgumentHelp("What the report says.", valueName: "text"))
    var because = "returned by the administrator of this system"

    func validate() throws {
        let isText = because.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard isText, !because.isEmpty, because.utf8.count <= 500 else {
            throw ValidationError("--because takes one line of text, of 500 bytes at most.")
        }
    }

    func run() throws {
        let action = try QueueAction(site, targets, in: [.routed, .onHold])
        let returning = MessageReturn(action.postOffice, hostname: action.session.settings.hostnameBytes)
        try action.run { (name, place) throws(QueueRefusal) in
            switch place {
            case .routed, .onHold:
                return try action.withMessage(name, place) { (message) throws(QueueRefusal) in
                    let returned: MessageReturn.Outcome
                    do throws(FileError) {
                        returned = try returning.run(message, because: because)
                    } catch {
                        throw QueueRefusal(.tryAgain, error.description)
                    }
                    return try Self.event(name, returned)
                }
            case .submitted: throw QueueStatuses.notRouted
            case .aside: throw QueueStatuses.putAside
            }
        }
    }

    private static func event(_ name: MessageName, _ returned: MessageReturn.Outcome) throws(QueueRefusal) -> LogEvent {
        if let process = returned.agent, returned.recipients == 0 { throw QueueAction.agent(process) }
        var event = LogEvent("bounced", message: name.description)
        event.addRecipients(returned.recipients)
        for report in returned.reports { event.add("report", words: "reported as router/\(report)") }
        for path in returned.aside { event.add("aside", words: "nobody may be told; the report is \(path)") }
        if let process = returned.agent {
            event.add("left", words: "process \(process) is at work on the others")
        }
        if let failure = returned.failure { event.add("failure", words: "what is left of it goes later: \(failure)") }
        return event
    }
}
