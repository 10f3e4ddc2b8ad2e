// Delivers one message at once, without a spool: what an MTA's pipe or a program wants to know is the outcome.

package import LMTP
import MailSyntax
package import Spool

/// Delivery of one message to routed recipients while the caller waits.
package struct DirectDelivery: Sendable {
    /// What became of one recipient.
    package struct Result: Sendable {
        /// Its place among the recipients of the draft's groups, in order.
        package let index: Int
        /// The route.
        package let address: ControlAddress
        /// The verdict; what cannot be tried now is deferred.
        package let outcome: RecipientReport.Outcome
        /// The server's words, or ours.
        package let reply: Reply
        /// Where; nil where no server was asked.
        package let endpoint: Endpoint?
    }

    private let plan: DeliveryPlan
    private let pool: ConnectionPool
    private let ignoresQuota: Bool

    /// A way to deliver.
    ///
    /// - Parameter ignoresQuota: whether Cyrus stores are asked to deliver past quotas.
    package init(plan: DeliveryPlan, pool: ConnectionPool, ignoresQuota: Bool = false) {
        self.plan = plan
        self.pool = pool
        self.ignoresQuota = ignoresQuota
    }

    /// Delivers.
    ///
    /// - Parameters:
    ///   - draft: the recipients, as a control file would have them.
    ///   - content: the whole message.
    /// - Returns: one result a recipient, in order.
    /// - Throws: `ControlFileError` where a value of the draft cannot stand in a control file, `FileError` where the content
    ///   cannot be read.
    package func deliver(_ draft: ControlFileDraft, content: MessageContent) throws -> [Result] {
        guard let name = MessageName("direct") else { return [] }
        let recipients = try draft.file(name: name).recipients
        var results: [Int: Result] = [:]
        var tasks: [(recipient: ControlRecipient, destination: Destination)] = []
        var places: [Int: Int] = [:]
        for (index, recipient) in recipients.enumerated() {
            places[recipient.offset] = index
            func decide(_ outcome: RecipientReport.Outcome, _ reply: Reply) {
                results[index] = Result(
                    index: index, address: recipient.address, outcome: outcome, reply: reply, endpoint: nil)
            }
            switch RecipientDecision(recipient, plan: plan) {
            case .notOurs:
                decide(.deferred, Reply(local: 451, EnhancedStatusCode(4, 3, 0), "its route cannot be known now"))
            case .discard: decide(.delivered, RecipientDecision.discarded)
            case .fail(let reply): decide(.failed, reply)
            case .keep(let reason, _, _): decide(.deferred, Reply(local: 451, EnhancedStatusCode(4, 3, 5), reason))
            case .deliver(let destination, _): tasks.append((recipient, destination))
            }
        }
        try send(tasks, content) { recipient, result, endpoint in
            guard let index = places[recipient.offset] else { return }
            results[index] = Result(
                index: index, address: recipient.address, outcome: result.outcome, reply: result.reply,
                endpoint: endpoint)
        }
        return recipients.indices.compactMap { results[$0] }
    }

    private func send(
        _ tasks: [(recipient: ControlRecipient, destination: Destination)], _ content: MessageContent,
        _ settle: (ControlRecipient, RecipientReport, Endpoint) -> Void
    ) throws {
        let drafts = TransactionDraft.group(tasks)
        let queue = OutcomeQueue()
        for (index, draft) in drafts.enumerated() {
            var envelope = try draft.envelope(for: content, header: [])
            if ignoresQuota {
                for place in envelope.recipients.indices { envelope.recipients[place].ignoresQuota = true }
            }
            let message = OutgoingMessage(envelope: envelope, content: content) { queue.put($0, draft: index) }
            pool.submit(message, to: draft.destination)
        }
        var open = drafts.count
        while open > 0 {
            for (index, outcome) in queue.take() {
                if outcome.isLast { open -= 1 }
                for (place, recipient) in outcome.settled {
                    settle(
                        drafts[index].recipients[recipient], outcome.report.recipients[place],
                        drafts[index].destination.endpoint)
                }
            }
        }
    }
}
