// What the replies to a transaction's commands mean for its recipients.

extension TransactionState {
    mutating func decide(_ index: Int, by reply: Reply, subject: RecipientReport.Subject) {
        let outcome: RecipientReport.Outcome =
            switch reply.severity {
            case .success: .delivered
            case .permanentFailure: .failed
            case .transientFailure, .preliminary, .intermediate: .deferred
            }
        report.recipients[index].decide(outcome, by: reply, subject: subject)
    }

    mutating func decideUndecided(by reply: Reply, subject: RecipientReport.Subject) {
        for index in report.recipients.indices where !report.recipients[index].isDecided {
            decide(index, by: reply, subject: subject)
        }
    }

    /// Decides whoever is undecided by the refusal of MAIL, if it was refused.
    mutating func decideByMail() {
        guard report.mailReply?.severity != .success, let mailReply else { return }
        decideUndecided(by: mailReply, subject: .mail)
    }

    /// Ends the transaction with its session: what was read stands, the rest is deferred.
    mutating func interrupt(by reply: Reply) {
        // In a pipelined envelope the refusal of MAIL is known before the replies that follow from it.
        decideByMail()
        for index in report.recipients.indices where !report.recipients[index].isDecided {
            report.recipients[index].decide(.deferred, by: reply, subject: subjectOfStage)
        }
    }

    /// Notes that it ends only because the client stops.
    mutating func giveUp() { report.isGivenUp = true }

    /// Takes back the final replies: they turned out to belong to other commands.
    mutating func withdrawFinals(because reply: Reply) {
        for index in report.recipients.indices where report.recipients[index].subject == .message {
            report.recipients[index].decide(.deferred, by: reply, subject: .message)
        }
    }

    /// Takes back all that the peer seemed to say: its replies turned out to belong to other commands.
    mutating func withdrawAll(because reply: Reply) {
        for index in report.recipients.indices
        where !report.recipients[index].isDecided || !report.recipients[index].reply.isLocal {
            report.recipients[index] = RecipientReport(.deferred, by: reply, subject: .session)
        }
        report.mailReply = nil
        report.dataReply = nil
    }

    private var subjectOfStage: RecipientReport.Subject {
        switch stage {
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .body: chunkSize == nil ? .data : .message
        case .final, .emptyMessage: .message
        case .reset: .session
        }
    }
}
