// `zroute queue resubmit`: what was no message, and is one now.

import ArgumentParser
import Spool
import System

/// Submits again what was put aside.
struct QueueResubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resubmit",
        abstract: "Submit again what lies in postman.",
        discussion: """
            'queue show' shows a file with the reason for which it was refused. Mend it in its place, $POSTOFFICE/postman, \
            or mend what refused it, and submit it again: it is routed as what comes in, by a service within a second. \
            Reports cannot be submitted: they are for the postmaster to read.

            \(QueueStatuses.text)

            Examples:

              zroute queue resubmit postman/1234567
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    func run() throws {
        let action = try QueueAction(site, targets, in: [.aside])
        try action.run { (name, place) throws(QueueRefusal) in
            guard place == .aside else { throw QueueRefusal(.unreadableInput, "it does not lie in postman") }
            var patience = action.patience
            while true {
                switch try resubmit(name, action.postOffice) {
                case .submitted(let submission):
                    var event = LogEvent("resubmitted", message: name.description)
                    event.add("submission", .text(Array(submission.description.utf8)), as: "as", "router/\(submission)")
                    return event
                case .gone: throw QueueAction.gone
                case .isReport:
                    throw QueueRefusal(
                        .unreadableInput, "it is a report, for the postmaster to read; 'queue remove' removes it")
                case .busy:
                    guard patience.waits() else { throw action.busy(action.postOffice.path(of: name, in: .aside)) }
                }
            }
        }
    }

    private func resubmit(_ name: MessageName, _ postOffice: PostOffice) throws(QueueRefusal) -> ResubmissionOutcome {
        do throws(FileError) {
            return try postOffice.resubmit(name)
        } catch {
            throw QueueRefusal(.tryAgain, error.description)
        }
    }
}
