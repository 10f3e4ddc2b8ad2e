// One message while it is worked on.

import Files
import LMTP
import Spool

/// The work on one opened message.
struct MessageWork: ~Copyable {
    private var message: OpenControlFile
    private let environment: DeliveryEnvironment
    private let ignoresSchedule: Bool
    /// When an attempt or anything else had last changed the file, before this work did.
    private let touched: Int
    /// The size of the message as it was submitted, in bytes.
    private var size = 0
    /// The dates by which it is told whether an attempt is due or was the last.
    private var dates = MessageDates(arrival: 0, changed: 0, attempts: [])
    /// The earliest next attempt of what stays queued.
    private var nextAttempt: Int?
    /// Recipients whose senders are to be told of the delay, and until when they are tried, by the places of their lines.
    private var delays: [Int: Int] = [:]

    init(_ message: consuming OpenControlFile, worker: MessageWorker) {
        touched = Int(message.identity.modified / 1_000_000_000)
        self.message = message
        environment = worker.environment
        ignoresSchedule = worker.ignoresSchedule
    }

    /// The message, after `run`.
    consuming func finish() -> OpenControlFile { message }

    /// Does all but remove the message.
    ///
    /// - Returns: `removed` where it can be removed.
    mutating func run() throws(FileError) -> MessageProgress {
        if !message.contents.isFinished {
            let body: MessageBody
            do throws(FileError) {
                body = try message.openBody()
                size = body.size
            } catch {
                environment.log(.trouble(message.message, error.description))
                return .trouble
            }
            try decide(body)
        }
        try report()
        if message.contents.isFinished { return .removed }
        return nextAttempt.map { .waiting(until: $0) } ?? .notOurs
    }

    // MARK: Deciding

    private mutating func decide(_ body: MessageBody) throws(FileError) {
        let now = environment.clock()
        let history = DiagnosticHistory(message.contents)
        dates = MessageDates(
            arrival: Int64(body.arrival), changed: Int64(touched),
            attempts: message.contents.diagnostics.map { Int64($0.diagnostic.time) })
        var recorded: [RecordedOutcome] = []
        var tasks: [(recipient: ControlRecipient, destination: Destination)] = []
        var schedules: [Int: RetrySchedule] = [:]
        for recipient in message.contents.recipients where recipient.tag == .pending {
            switch RecipientFate(recipient, plan: environment.plan) {
            case .notOurs: break
            case .discard: recorded.append(discard(recipient))
            case .fail(let reply):
                note(recipient, .failed, reply, endpoint: nil)
                recorded.append(failure(recipient, reply, endpoint: nil, dialogue: []))
            case .keep(let reason, let isFault, let schedule):
                // Said at every look, not only when an attempt is due: it must be mended.
                environment.log(
                    .kept(
                        message.message, channel: recipient.address.channel, host: recipient.address.host,
                        reason: reason, isFault: isFault))
                guard isDue(recipient, schedule, history, now: now) else { continue }
                let reply = Reply(local: 451, EnhancedStatusCode(4, 3, 5), reason)
                if let expiry = expiry(schedule, last: reply) {
                    note(recipient, .failed, expiry, endpoint: nil)
                    recorded.append(failure(recipient, expiry, endpoint: nil, dialogue: []))
                } else {
                    recorded.append(
                        postponement(recipient, reply, schedule, history, endpoint: nil, dialogue: []))
                }
            case .deliver(let destination, let schedule):
                guard isDue(recipient, schedule, history, now: now) else { continue }
                // Another agent may have locked it meanwhile.
                guard try message.lock(recipientAt: recipient.offset) else { continue }
                tasks.append((recipient, destination))
                schedules[recipient.offset] = schedule
            }
        }
        if !recorded.isEmpty {
            try message.record(recorded)
            try message.sync()
        }
        try deliver(tasks, schedules, history, body)
    }

    /// What was never tried is due at once; what was, when a point of its schedule has come since the file was changed.
    private mutating func isDue(
        _ recipient: ControlRecipient, _ schedule: RetrySchedule, _ history: DiagnosticHistory, now: Int
    ) -> Bool {
        // A file that was changed ahead of the clock says nothing of when that was; trying it dates it anew.
        guard history.hasBeenTried(recipient), !ignoresSchedule, let last = dates.lastChange(now: Int64(now)) else {
            return true
        }
        let due = schedule.next(arrival: arrival(schedule, now), last: Int(last))
        if due <= now { return true }
        waitFor(due)
        return false
    }

    /// When the message is taken to have arrived.
    private func arrival(_ schedule: RetrySchedule, _ now: Int) -> Int {
        Int(dates.arrival(now: Int64(now), expiry: Int64(schedule.expiry.seconds)))
    }

    private mutating func waitFor(_ time: Int) {
        nextAttempt = min(nextAttempt ?? time, time)
    }

    // MARK: Delivering

    private mutating func deliver(
        _ tasks: [(recipient: ControlRecipient, destination: Destination)], _ schedules: [Int: RetrySchedule],
        _ history: DiagnosticHistory, _ body: MessageBody
    ) throws(FileError) {
        guard !tasks.isEmpty else { return }
        let drafts = TransactionDraft.group(tasks)
        let queue = OutcomeQueue()
        let begun = environment.metrics.now()
        var sent = 0
        for (index, draft) in drafts.enumerated() {
            let header = message.contents.header(of: draft.recipients[0]) ?? []
            do throws(FileError) {
                let content = try MessageContent(
                    head: header + [0x0A], body: body, offset: message.contents.bodyOffset ?? 0)
                environment.pool.submit(
                    OutgoingMessage(envelope: try draft.envelope(for: content, header: header), content: content) {
                        queue.put($0, draft: index)
                    }, to: draft.destination)
                sent += 1
            } catch {
                environment.log(.trouble(message.message, error.description))
                for recipient in draft.recipients { try message.mark(.pending, recipientAt: recipient.offset) }
            }
        }
        var failure: FileError?
        while sent > 0 {
            for (index, outcome) in queue.take() {
                if outcome.isLast { sent -= 1 }
                environment.metrics.observe(since: begun, channel: drafts[index].destination.channel)
                do throws(FileError) {
                    try settle(drafts[index], outcome, schedules, history)
                } catch {
                    // The other outcomes are still written down, as far as the disk takes them.
                    failure = failure ?? error
                }
            }
        }
        for recipient in tasks.map(\.recipient) where recipient.headerLine == nil {
            try message.mark(.pending, recipientAt: recipient.offset)
            environment.log(.trouble(message.message, "a recipient has no header block (m line)"))
        }
        if let failure { throw failure }
    }

    /// Writes down what came of a transaction, durably.
    private mutating func settle(
        _ draft: TransactionDraft, _ outcome: DeliveryOutcome, _ schedules: [Int: RetrySchedule],
        _ history: DiagnosticHistory
    ) throws(FileError) {
        let endpoint = draft.destination.endpoint
        var recorded: [RecordedOutcome] = []
        recorded.reserveCapacity(draft.recipients.count)
        for (index, place) in outcome.settled {
            let recipient = draft.recipients[place]
            let result = outcome.report.recipients[index]
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
            case .failed:
                recorded.append(failure(recipient, result.reply, endpoint: endpoint, dialogue: dialogue))
            case .deferred:
                recorded.append(
                    postponement(
                        recipient, result.reply, schedule, history, endpoint: endpoint, dialogue: dialogue))
            }
        }
        try message.record(recorded)
        // What is finished is made durable before anything relies on it: with its report, or by its removal.
        if !message.contents.isFinished { try message.sync() }
    }

    /// What is written down of a recipient that failed for good.
    private func failure(
        _ recipient: ControlRecipient, _ reply: Reply, endpoint: Endpoint?, dialogue: [UInt8]
    ) -> RecordedOutcome {
        let diagnostic = diagnosis(
            recipient, action: "failed", reply: reply, endpoint: endpoint, dialogue: dialogue,
            time: environment.clock())
        return RecordedOutcome(recipient, .failed, diagnostic)
    }

    /// Discards the message for a recipient, and says so: it counts as delivered.
    private func discard(_ recipient: ControlRecipient) -> RecordedOutcome {
        let reply = RecipientFate.discarded
        note(recipient, .delivered, reply, endpoint: nil)
        guard recipient.wants(.success) else { return RecordedOutcome(recipient, .done) }
        let diagnostic = diagnosis(
            recipient, action: "delivered", reply: reply, endpoint: nil, dialogue: [], time: environment.clock())
        return RecordedOutcome(recipient, .done, diagnostic)
    }

    /// Logs and counts what came of an attempt.
    private func note(
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
    private func expiry(_ schedule: RetrySchedule, last: Reply) -> Reply? {
        let now = environment.clock()
        guard schedule.isExpired(arrival: arrival(schedule, now), now: now) else { return nil }
        let text = "not delivered within \(schedule.expiry.seconds / 3600) hours; the last try ended with: \(last)"
        return Reply(local: 550, EnhancedStatusCode(5, 4, 7), text)
    }

    /// What is written down of a recipient that stays queued.
    private mutating func postponement(
        _ recipient: ControlRecipient, _ reply: Reply, _ schedule: RetrySchedule, _ history: DiagnosticHistory,
        endpoint: Endpoint?, dialogue: @autoclosure () -> [UInt8]
    ) -> RecordedOutcome {
        let now = environment.clock()
        let arrival = arrival(schedule, now)
        let diagnostic = diagnosis(
            recipient, action: "delayed", reply: reply, endpoint: endpoint, dialogue: dialogue(), time: now)
        let last = history.last(of: recipient)
        let isToBeTold = isDelayToBeTold(recipient, schedule, history, age: now - arrival)
        if isToBeTold { delays[recipient.offset] = arrival + schedule.expiry.seconds }
        waitFor(schedule.next(arrival: arrival, last: now))
        // The same answer at each try would only make the file grow; a report marks the diagnostic that it tells of.
        let isNew =
            last?.notary.status != diagnostic.notary.status || last?.notary.diagnostic != diagnostic.notary.diagnostic
            || dates.needsDate(now: Int64(now), expiry: Int64(schedule.expiry.seconds))
            || (isToBeTold && history.unreportedDelay(of: recipient) == nil)
        return RecordedOutcome(recipient, .pending, isNew ? diagnostic : nil)
    }

    // MARK: Reporting

    /// Whether the sender asked to be told of delays, and one of the times has come that was not told of yet.
    private func isDelayToBeTold(
        _ recipient: ControlRecipient, _ schedule: RetrySchedule, _ history: DiagnosticHistory, age: Int
    ) -> Bool {
        guard recipient.wants(.delay) else { return false }
        let told = history.reportedDelays(of: recipient)
        // Times that passed between two attempts are told of together.
        let passed = schedule.reportTimes.count { $0.seconds <= age }
        return passed > told
    }

    private mutating func report() throws(FileError) {
        let duties = ReportDuty.all(in: message.contents) + ReportDuty.delays(in: message.contents, until: delays)
        for duty in duties {
            let report = StatusReport(
                duty: duty, message: message.message, contents: message.contents, hostname: environment.hostname,
                time: environment.clock(), bodyPath: environment.postOffice.bodyPath(of: message.message))
            if let address = duty.recipient {
                let name = try message.submitReport(onDiagnosticsAt: duty.offsets) { (writer) throws(FileError) in
                    try report.write(to: &writer, recipient: address)
                }
                environment.metrics.countReport()
                environment.log(.reported(message.message, report: name, to: address))
            } else {
                let path = try report.putAside(in: environment.postOffice)
                environment.log(.putAside(message.message, path: path))
            }
        }
    }
}
