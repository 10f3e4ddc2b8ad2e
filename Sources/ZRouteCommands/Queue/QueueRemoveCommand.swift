// `zroute queue remove`: messages that nobody gets any more.

import ArgumentParser
import Bytes
import MailSyntax
import Glibc
import Spool
import System

/// Removes messages.
struct QueueRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove messages: nobody gets them any more, and nobody is told.",
        discussion: """
            It is asked before each, unless --yes is said. 'queue bounce' returns a message to its sender instead. What was \
            split off a message is a message of its own, and stays. Files of postman are removed, too.

            \(QueueStatuses.text)

            Examples:

              zroute queue remove --yes 1234567
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    @Flag(help: "Do not ask.")
    var yes = false

    func run() throws {
        let action = try QueueAction(site, targets, in: MessagePlace.allCases)
        guard yes || isatty(STDIN_FILENO) == 1 else {
            action.session.log.say("nobody is there to be asked whether the messages are to be removed; say --yes")
            throw ExitCode.usage
        }
        try action.run { (name, place) throws(QueueRefusal) in
            guard yes || isWanted(name, place, action.postOffice) else { return nil }
            return try remove(name, place, action)
        }
    }

    private func remove(
        _ name: MessageName, _ place: MessagePlace, _ action: QueueAction
    ) throws(QueueRefusal) -> LogEvent {
        let event = LogEvent("removed", message: name.description)
        switch place {
        case .routed, .onHold:
            return try action.withMessage(name, place) { (message) throws(QueueRefusal) in
                var event = event
                if let process = message.contents.agentAtWork { throw QueueAction.agent(process) }
                event.addRecipients(message.contents.recipients.count { $0.tag == .pending })
                switch action.postOffice.discard(message) {
                case .removed: return event
                case .busy(let origin):
                    throw QueueRefusal(
                        .tryAgain, "message \(origin), which it was split off from, is being worked on; try again")
                case .failed(let reason): throw QueueRefusal(.tryAgain, reason)
                }
            }
        case .submitted:
            return try action.withSubmission(name) { (claim) throws(FileError) in
                try action.postOffice.discard(claim)
                return event
            }
        case .aside:
            let isRemoved: Bool
            do throws(FileError) {
                isRemoved = try action.postOffice.discardAside(name)
            } catch {
                throw QueueRefusal(.tryAgain, error.description)
            }
            guard isRemoved else { throw QueueAction.gone }
            return event
        }
    }

    /// Asks whether a message is to be removed.
    private func isWanted(_ name: MessageName, _ place: MessagePlace, _ postOffice: PostOffice) -> Bool {
        var what = place.directory
        if place == .routed || place == .onHold,
            let contents = try? postOffice.controlFile(of: name, onHold: place == .onHold)
        {
            let pending = contents.recipients.filter { $0.tag == .pending || $0.tag == .locked }
            let sender = printable(contents.recipients.first?.errorAddress ?? [])
            what =
                "from <\(sender)>, to "
                + pending.prefix(3).map { "<\(printable($0.addressKnownToSender.address))>" }
                .joined(separator: ", ")
            if pending.count > 3 { what += " and \(pending.count - 3) more" }
        }
        var output = OutputStream(descriptor: STDERR_FILENO)
        output.write("remove message \(name) (\(what))? [y/N] ")
        output.flush()
        guard let answer = readLine() else { return false }
        return ["y", "yes"].contains(answer.lowercased())
    }
}

extension LogEvent {
    /// Adds how many recipients it was done for.
    mutating func addRecipients(_ count: Int) {
        add("recipients", .number(count), as: "recipients", "\(count)")
    }
}
