// `zroute queue reroute`: messages whose addresses go elsewhere since a map was mended.

import ArgumentParser
import Glibc
import QueueRouting
import Spool
import System

/// Routes messages anew.
struct QueueRerouteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reroute",
        abstract: "Route messages anew after a map was mended.",
        discussion: """
            The recipients that wait are asked about again by the addresses that they were submitted with. Those that have \
            other routes now go into a control file of their own, which is delivered at once; whoever has a copy gets no \
            second one. Recipients without another route stay as they are.

            \(QueueStatuses.text)

            Examples:

              # Now that the map is mended.
              zroute queue reroute 1234567
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    func run() throws {
        try QueueRouter.run(site, targets) { (name, action, routing) throws(QueueRefusal) in
            let routing = try routing.made()
            return try action.withMessage(name, .routed) { (message) throws(QueueRefusal) in
                let report = routing.reroute(message)
                // Its turn may be hours away by its schedule.
                if report.isFinished { try action.askForAttempt(at: name) }
                return try event(name, report, action.session.log)
            }
        }
    }

    private func event(
        _ name: MessageName, _ report: RerouteReport, _ log: borrowing DiagnosticLog
    ) throws(QueueRefusal) -> LogEvent {
        for (address, reason) in report.kept {
            log.say("message \(name): <\(printable(address))> stays as it was: \(reason)", .warning)
        }
        if let failure = report.failure { throw QueueRefusal(.tryAgain, failure) }
        var event = LogEvent("rerouted", message: name.description)
        event.addRecipients(report.rerouted)
        event.add("unchanged", .number(report.unchanged), as: "unchanged", "\(report.unchanged)")
        event.add("kept", .number(report.kept.count), as: "kept", "\(report.kept.count)")
        if let message = report.message {
            event.add("into", words: "into message \(message)")
        } else if report.rerouted > 0 {
            event.add("into", words: "everybody has a copy already")
        }
        return event
    }
}
