// What the outcome of a transaction comes to for each of its recipients, as it is written down.

import LMTP
import MailSyntax
import Spool

extension MessageWork {
    /// Records what came of a transaction.
    mutating func settle(_ draft: TransactionDraft, _ outcome: DeliveryOutcome) {
        let endpoint = draft.destination.endpoint
        var recorded: [RecordedOutcome] = []
        recorded.reserveCapacity(draft.recipients.count)
        for (index, place) in outcome.settled {
            let recipient = draft.recipients[place]
            let result = outcome.report.recipients[index]
            past.tried.insert(recipient.offset)
            if outcome.report.isGivenUp, result.outcome == .deferred, result.reply.isLocal {
                // It had no attempt: the next run finds it as this one did.
                recorded.append(RecordedOutcome(recipient, .pending))
                continue
            }
            // Put together only where it is written down.
            var dialogue: [UInt8] { outcome.report.dialogue(recipient: index) }
            let schedule = schedules[recipient.offset] ?? RetrySchedule()
            // The last attempt of what is too old has failed, whatever the server said.
            if result.outcome == .deferred, let expiry = expiry(schedule, last: result.reply) {
                note(recipient, .failed, expiry, endpoint: endpoint)
                recorded.append(failure(recipient, expiry, endpoint: endpoint, dialogue: dialogue))
                continue
            }
            note(recipient, result.outcome, result.reply, endpoint: endpoint)
            switch result.outcome {
            case .delivered:
                let isToBeTold = recipient.wants(.success) && !outcome.isNotifiedByServer
                let told =
                    isToBeTold
                    ? diagnosis(
                        recipient, action: "delivered", reply: result.reply, endpoint: endpoint, dialogue: dialogue,
                        time: environment.clock()) : nil
                recorded.append(RecordedOutcome(recipient, .done, told))
                unrecorded.append(recipient.address)
            case .failed:
                recorded.append(failure(recipient, result.reply, endpoint: endpoint, dialogue: dialogue))
            case .deferred:
                recorded.append(
                    postponement(
                        recipient, result.reply, schedule, endpoint: endpoint, dialogue: dialogue))
            }
        }
        // What no server said a word about may be forgotten in a power failure: it is tried again in any case.
        record(recorded, isToBeDurable: outcome.report.wasAttempted)
    }

    /// What is written down of a recipient that failed for good.
    func failure(
        _ recipient: ControlRecipient, _ reply: Reply, endpoint: Endpoint?, dialogue: [UInt8]
    ) -> RecordedOutcome {
        let diagnostic = diagnosis(
            recipient, action: "failed", reply: reply, endpoint: endpoint, dialogue: dialogue,
            time: environment.clock())
        return RecordedOutcome(recipient, .failed, diagnostic)
    }

    /// Discards the message for a recipient, and says so: it counts as delivered.
    func discard(_ recipient: ControlRecipient) -> RecordedOutcome {
        let reply = RecipientDecision.discarded
        note(recipient, .delivered, reply, endpoint: nil)
        guard recipient.wants(.success) else { return RecordedOutcome(recipient, .done) }
        let diagnostic = diagnosis(
            recipient, action: "delivered", reply: reply, endpoint: nil, dialogue: [], time: environment.clock())
        return RecordedOutcome(recipient, .done, diagnostic)
    }

    /// Logs and counts what came of an attempt.
    func note(
        _ recipient: ControlRecipient, _ outcome: RecipientReport.Outcome, _ reply: Reply, endpoint: Endpoint?
    ) {
        environment.log(
            .attempt(
                DeliveryAttempt(
                    message: message.message, recipient: recipient, size: size, outcome: outcome, reply: reply,
                    endpoint: endpoint)))
        environment.metrics.count(outcome, channel: String(decoding: recipient.address.channel, as: UTF8.self))
    }

    /// Why a recipient is given up now; nil where it is not too old.
    func expiry(_ schedule: RetrySchedule, last: Reply) -> Reply? {
        let now = environment.clock()
        guard schedule.isExpired(arrival: arrival(schedule, now), now: now) else { return nil }
        let text = "not delivered within \(schedule.expiry.seconds / 3600) hours; the last try ended with: \(last)"
        return Reply(local: 550, EnhancedStatusCode(5, 4, 7), text)
    }

    /// What is written down of a recipient that stays queued.
    mutating func postponement(
        _ recipient: ControlRecipient, _ reply: Reply, _ schedule: RetrySchedule, endpoint: Endpoint?,
        dialogue: @autoclosure () -> [UInt8]
    ) -> RecordedOutcome {
        let now = environment.clock()
        let arrival = arrival(schedule, now)
        let diagnostic = diagnosis(
            recipient, action: "delayed", reply: reply, endpoint: endpoint, dialogue: dialogue(), time: now)
        let last = history.last(of: recipient)
        let isToBeTold = isDelayToBeTold(recipient, schedule, age: now - arrival)
        if isToBeTold { past.delays[recipient.offset] = arrival + schedule.expiry.seconds }
        waitFor(schedule.next(arrival: arrival, last: now))
        // The same answer at each try would only make the file grow; a report marks the diagnostic that it tells of.
        let isNew =
            last?.notary.status != diagnostic.notary.status || last?.notary.diagnostic != diagnostic.notary.diagnostic
            || dates.needsDate(now: Int64(now), expiry: Int64(schedule.expiry.seconds))
            || (isToBeTold && history.unreportedDelay(of: recipient) == nil)
        return RecordedOutcome(recipient, .pending, isNew ? diagnostic : nil)
    }

    /// Whether the sender asked to be told of delays, and one of the times has come that was not told of yet.
    private func isDelayToBeTold(
        _ recipient: ControlRecipient, _ schedule: RetrySchedule, age: Int
    ) -> Bool {
        guard recipient.wants(.delay) else { return false }
        let told = history.reportedDelays(of: recipient)
        // Times that passed between two attempts are told of together.
        let passed = schedule.reportTimes.count { $0.seconds <= age }
        return passed > told
    }
}
