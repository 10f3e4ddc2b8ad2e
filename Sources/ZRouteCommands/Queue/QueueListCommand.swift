// `zroute queue list`: each recipient that waits, or those that are asked for, in some order.

import ArgumentParser
import Glibc
import QueueRouting
import Spool
import System

/// Lists what waits in a spool.
struct QueueListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what waits in the spool (the default).",
        discussion: """
            Each recipient that has not been served yet is listed: submitted, held, routed, in delivery, or on hold, with \
            its age, the number of failed attempts, and the last answer. After them comes what lies in postman, for a \
            person to look at. Nothing is changed.

            The exit status is 0, 65 if a file of the spool could not be read or the body of a message is missing, 66 if \
            there is no spool, 74 if the list could not be written, and 78 if the configuration is wrong.

            Examples:

              # What waits longest, and why?
              zroute queue list --sort age
              # For programs.
              zroute queue list --format json
            """)

    /// The orders of messages.
    enum Order: KeywordOption {
        case name
        case age
        case attempts
        case recipients
        case sender

        static let choices = [
            (word: "name", choice: Order.name), ("age", .age), ("attempts", .attempts), ("recipients", .recipients),
            ("sender", .sender),
        ]
    }

    @OptionGroup var site: SiteOptions

    @OptionGroup var filter: QueueFilterOptions

    @Option(
        help: """
            The order of messages: name (submitted ones first), age (the oldest first), attempts or recipients (the most \
            first), or sender.
            """)
    var sort = Order.name

    @Flag(help: "Turn the order round.")
    var reverse = false

    @Option(help: "The form of the output: text or json.")
    var format = QueueFormat.text

    func run() throws {
        let session = try QueueSession(site)
        let log = session.log
        var output = OutputStream(descriptor: STDOUT_FILENO)
        let now = Int64(time(nil))
        var report = QueueReport(now: now)
        var isUnreadable = false
        var kept: [WaitingRecipient] = []
        let isInOrder = sort == .name && !reverse
        func show(_ recipient: WaitingRecipient, _ output: inout OutputStream) {
            switch format {
            case .text: output.write { report.appendText(recipient, to: &$0) }
            case .json: output.write { report.appendJSON(recipient, to: &$0) }
            }
        }
        do throws(FileError) {
            try session.postOffice.eachWaitingRecipient { recipient in
                if recipient.arrival == nil { isUnreadable = true }
                guard filter.includes(recipient, now: now) else { return }
                if isInOrder { show(recipient, &output) } else { kept.append(recipient) }
            } failed: { message, reason in
                isUnreadable = true
                log.say("message \(message): \(reason)")
            }
            for recipient in ordered(kept) { show(recipient, &output) }
            for file in try session.postOffice.filesPutAside() where filter.includes(file, now: now) {
                switch format {
                case .text: output.write { report.appendText(file, to: &$0) }
                case .json: output.write { report.appendJSON(file, to: &$0) }
                }
            }
        } catch {
            output.flush()
            log.say(error)
            throw ExitCode.tryAgain
        }
        if format == .text { output.write { report.appendSummary(to: &$0) } }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        guard !isUnreadable else { throw ExitCode.unreadableInput }
    }

    /// Recipients in the order asked for, those of a message together.
    private func ordered(_ recipients: [WaitingRecipient]) -> [WaitingRecipient] {
        var messages: [[WaitingRecipient]] = []
        for recipient in recipients {
            if let last = messages.last?.last, last.message == recipient.message,
                last.isSubmitted == recipient.isSubmitted
            {
                messages[messages.count - 1].append(recipient)
            } else {
                messages.append([recipient])
            }
        }
        // Sorting is stable: what is equal stays in the order of names.
        messages.sort(by: isBefore)
        if reverse { messages.reverse() }
        return messages.flatMap(\.self)
    }

    private func isBefore(_ left: [WaitingRecipient], _ right: [WaitingRecipient]) -> Bool {
        switch sort {
        case .name: false
        case .age: (left.first?.arrival ?? .min) < (right.first?.arrival ?? .min)
        case .attempts: left.mostAttempts > right.mostAttempts
        case .recipients: left.count > right.count
        case .sender: (left.first?.sender ?? []).lexicographicallyPrecedes(right.first?.sender ?? [])
        }
    }
}

extension WaitingRecipient {
    fileprivate var isSubmitted: Bool { state == .submitted }
}

extension [WaitingRecipient] {
    fileprivate var mostAttempts: Int { map(\.attempts).max() ?? 0 }
}
