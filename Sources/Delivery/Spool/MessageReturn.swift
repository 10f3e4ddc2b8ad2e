// Returns a message to its sender before its time, as an administrator asks for it.
//
//   step                                                  a process that dies after it
//   1 recipients locked (`~` and process number)          another run finds the process dead, and tries them
//   2 diagnostics appended, tags written, file synced     those that are tagged have failed, and the next run reports them;
//                                                         the others wait as before
//   3 report submitted (Spool says how)                   the next run completes it, or submits it
//   4 message removed                                     the next run completes it

import LMTP
import MailSyntax
package import Spool
package import System

/// Returns messages.
package struct MessageReturn: Sendable {
    /// What became of a message.
    package struct Outcome: Sendable {
        /// How many recipients have failed now.
        package fileprivate(set) var recipients = 0
        /// The reports that were submitted, by their names in `router`.
        package fileprivate(set) var reports: [MessageName] = []
        /// The reports that nobody may get, by their paths.
        package fileprivate(set) var aside: [String] = []
        /// The process of an agent that is at work on other recipients; nil where none is.
        package fileprivate(set) var agent: Int32?
        /// Why nothing more was done, though all of the above is durable; nil where there was nothing more to do.
        package fileprivate(set) var failure: String?
    }

    private let postOffice: PostOffice
    private let hostname: [UInt8]
    private let clock: @Sendable () -> Int

    /// - Parameters:
    ///   - hostname: what reports call this host.
    ///   - clock: the time, in seconds since 1970.
    package init(
        _ postOffice: PostOffice, hostname: [UInt8], clock: @escaping @Sendable () -> Int = DeliveryEnvironment.now
    ) {
        self.postOffice = postOffice
        self.hostname = hostname
        self.clock = clock
    }

    /// Lets every recipient fail that waits, and reports it.
    ///
    /// - Parameter reason: what the report says.
    /// - Throws: `FileError` where nothing was decided: the recipients wait as before.
    package func run(_ message: consuming OpenControlFile, because reason: String) throws(FileError) -> Outcome {
        var outcome = Outcome()
        let reply = Reply(local: 550, EnhancedStatusCode(5, 0, 0), reason)
        var failures: [RecordedOutcome] = []
        for recipient in message.contents.recipients where recipient.tag == .pending {
            // An agent of ZMailer's may have taken it since the file was read.
            guard try message.lock(recipientAt: recipient.offset) else { continue }
            let diagnostic = diagnosis(
                recipient, action: "failed", reply: reply, endpoint: nil, dialogue: [], time: clock())
            failures.append(RecordedOutcome(recipient, .failed, diagnostic))
        }
        try message.record(failures)
        try message.sync()
        outcome.recipients = failures.count
        outcome.agent = message.contents.agentAtWork
        do throws(FileError) {
            for duty in PendingReport.all(in: message.contents) {
                switch try message.send(duty, hostname: hostname, time: clock()) {
                case .submitted(let name, _): outcome.reports.append(name)
                case .aside(let path): outcome.aside.append(path)
                }
            }
        } catch {
            outcome.failure = error.description
            return outcome
        }
        guard message.contents.isFinished else { return outcome }
        switch postOffice.remove(message) {
        case .removed: break
        case .busy(let origin): outcome.failure = "message \(origin), which it was split off from, is being worked on"
        case .failed(let reason): outcome.failure = reason
        }
        return outcome
    }
}
