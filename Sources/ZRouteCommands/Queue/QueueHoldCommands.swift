// `zroute queue hold` and `zroute queue release`: messages that nobody is to work on for a while.

import ArgumentParser
import Spool

/// Puts messages on hold.
struct QueueHoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Put messages on hold: nobody routes or delivers them before they are released.",
        discussion: """
            The message stays with all that was done for it. Its age goes on: what is older than its expiry when it is \
            released is tried once and then returned.

            \(QueueStatuses.text)

            Examples:

              # Until somebody has looked at it.
              zroute queue hold 1234567
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    func run() throws {
        let action = try QueueAction(site, targets, in: [.routed])
        try action.run { (name, place) throws(QueueRefusal) in
            switch place {
            case .routed:
                return try action.withMessage(name, place) { (message) throws(QueueRefusal) in
                    try action.settled(action.postOffice.hold(message), LogEvent("on hold", message: name.description))
                }
            case .onHold: return .already("on hold", name)
            case .submitted: throw QueueStatuses.notRouted
            case .aside: throw QueueStatuses.putAside
            }
        }
    }
}

/// Releases messages on hold.
struct QueueReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Release messages that are on hold.",
        discussion: """
            A service finds them within a second or two; what was tried before is tried again when its schedule says, or at \
            once after 'queue retry'.

            \(QueueStatuses.text)

            Examples:

              zroute queue release 1234567
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var targets: QueueTargetOptions

    func run() throws {
        let action = try QueueAction(site, targets, in: [.onHold])
        try action.run { (name, place) throws(QueueRefusal) in
            switch place {
            case .onHold:
                return try action.withMessage(name, place) { (message) throws(QueueRefusal) in
                    try action.settled(
                        action.postOffice.release(message), LogEvent("released", message: name.description))
                }
            case .routed: return .already("released", name)
            case .submitted, .aside: throw QueueRefusal(.unreadableInput, "it is not on hold")
            }
        }
    }
}

extension QueueAction {
    /// What is said where a message was put on hold, or released.
    fileprivate func settled(_ outcome: HoldOutcome, _ event: LogEvent) throws(QueueRefusal) -> LogEvent {
        switch outcome {
        case .done: return event
        case .busy(let origin):
            throw QueueRefusal(
                .tryAgain, "message \(origin), which it was split off from, is being worked on; try again")
        case .inDelivery(let process): throw Self.agent(process)
        case .failed(let reason): throw QueueRefusal(.tryAgain, reason)
        }
    }
}

extension LogEvent {
    /// What is said of a message that was in the state before that is asked for.
    static func already(_ state: String, _ name: MessageName) -> LogEvent {
        var event = LogEvent(state, message: name.description)
        event.add("note", words: "it was already")
        return event
    }
}

/// What the commands for single messages say alike.
enum QueueStatuses {
    /// Their exit statuses.
    static let text = """
        A line for each message says what was done. The exit status is 0; 65 if a message is not in a state for it; 66 if \
        there is none of that name; 75 if somebody is at work on it, or the spool cannot be written to; 77 if somebody \
        else than the spool's owner or root asks.
        """

    static let notRouted = QueueRefusal(
        .unreadableInput,
        "it is submitted and not routed yet; 'zroute route-queue' routes it, 'queue remove' removes it")

    static let putAside = QueueRefusal(
        .unreadableInput, "it lies in postman; 'queue resubmit' submits it again, 'queue remove' removes it")

    static let onHold = QueueRefusal(.unreadableInput, "it is on hold; 'queue release' releases it")
}
