// Which part of the queue is meant: by channel, host, sender, recipient, reason, state and age.

import ArgumentParser
import Bytes
import Delivery
import QueueRouting
import Spool

/// A pattern on the command line, with `*`, `?` and `{a,b}`.
struct QueuePattern: ExpressibleByArgument, Sendable {
    let pattern: GlobPattern

    init?(argument: String) {
        // The null sender, as people write it.
        guard let pattern = GlobPattern(argument == "<>" ? [] : Array(argument.utf8)) else { return nil }
        self.pattern = pattern
    }
}

/// An age on the command line.
struct QueueAge: ExpressibleByArgument, Sendable {
    let seconds: Int64

    init?(argument: String) {
        guard let span = TimeSpan(argument) else { return nil }
        seconds = Int64(span.seconds)
    }
}

/// A state on the command line.
enum QueueState: KeywordOption {
    case submitted
    case held
    case routed
    case inDelivery
    case onHold
    case rejected
    case report

    static let choices = [
        (word: "submitted", choice: QueueState.submitted), ("held", .held), ("routed", .routed),
        ("in-delivery", .inDelivery), ("on-hold", .onHold), ("rejected", .rejected), ("report", .report),
    ]
}

/// The options that choose a part of the queue; where there are several, what fits all of them.
struct QueueFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only recipients of this channel; * and ? stand for any text.", valueName: "pattern"))
    var channel: QueuePattern?

    @Option(help: ArgumentHelp("Only recipients at this host.", valueName: "pattern"))
    var host: QueuePattern?

    @Option(help: ArgumentHelp("Only messages of this sender; <> is the null sender.", valueName: "pattern"))
    var sender: QueuePattern?

    @Option(help: ArgumentHelp("Only this recipient, as submitted or as routed.", valueName: "pattern"))
    var recipient: QueuePattern?

    @Option(help: ArgumentHelp("Only what waits for this reason: the last status and answer.", valueName: "pattern"))
    var reason: QueuePattern?

    @Option(
        name: .customLong("state"),
        help: ArgumentHelp(
            "Only what is submitted, held, routed, in-delivery, on-hold, rejected, or a report; several may be named.",
            valueName: "state"))
    var states: [QueueState] = []

    @Option(help: ArgumentHelp("Only what is older than this: 90s, 10m, 4h, 2d.", valueName: "age"))
    var olderThan: QueueAge?

    @Option(help: ArgumentHelp("Only what is younger than this.", valueName: "age"))
    var youngerThan: QueueAge?

    /// Whether nothing is chosen, and everything is meant.
    var isEmpty: Bool {
        !choosesRecipients && states.isEmpty && olderThan == nil && youngerThan == nil
    }

    private var choosesRecipients: Bool {
        channel != nil || host != nil || sender != nil || recipient != nil || reason != nil
    }

    /// Whether a recipient is meant.
    func includes(_ waiting: WaitingRecipient, now: Int64) -> Bool {
        func fits(_ option: QueuePattern?, _ texts: [UInt8]...) -> Bool {
            option.map { option in texts.contains { option.pattern.matches($0) } } ?? true
        }
        guard states.isEmpty || states.contains(QueueState(waiting.state)),
            fits(channel, waiting.channel), fits(host, waiting.host), fits(sender, waiting.sender),
            fits(recipient, waiting.user, waiting.address),
            fits(reason, QueueSummary.reason(of: waiting))
        else { return false }
        return includes(age: waiting.arrival.map { max(now - $0, 0) })
    }

    /// Whether something that was put aside is meant.
    func includes(_ file: AsideFile, now: Int64) -> Bool {
        let state: QueueState = if case .report = file.kind { .report } else { .rejected }
        guard states.isEmpty ? !choosesRecipients : states.contains(state) && !choosesRecipients else { return false }
        return includes(age: max(now - file.time, 0))
    }

    /// What has no age is not left out for it: nobody would see it.
    private func includes(age: Int64?) -> Bool {
        guard let age else { return true }
        return olderThan.map { age > $0.seconds } ?? true && youngerThan.map { age < $0.seconds } ?? true
    }
}

extension QueueState {
    init(_ state: WaitingRecipient.State) {
        self =
            switch state {
            case .submitted: .submitted
            case .held: .held
            case .routed: .routed
            case .inDelivery: .inDelivery
            case .onHold: .onHold
            }
    }
}
