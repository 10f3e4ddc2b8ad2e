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
        let tried = Set(message.contents.diagnostics.map(\.diagnostic.recipientOffset))
        var tasks: [(recipient: ControlRecipient, destination: Destination)] = []
        var schedules: [Int: RetrySchedule] = [:]
        var isChanged = false
        for recipient in message.contents.recipients where recipient.tag == .pending {
            switch RecipientFate(recipient, plan: environment.plan) {
            case .notOurs: break
            case .discard:
                try message.mark(.done, recipientAt: recipient.offset)
                isChanged = true
            case .fail(let reply):
                try fail(recipient, reply, endpoint: nil, dialogue: [])
                isChanged = true
            case .keep(let reason, let schedule):
                guard isDue(recipient, schedule, tried: tried, arrival: body.arrival, now: now) else { continue }
                environment.log(
                    .kept(
                        message.message, channel: recipient.address.channel, host: recipient.address.host,
                        reason: reason))
                try postpone(
                    recipient, Reply(local: 451, EnhancedStatusCode(4, 3, 5), reason), schedule, endpoint: nil,
                    dialogue: [], arrival: body.arrival)
                isChanged = true
            case .deliver(let destination, let schedule):
                guard isDue(recipient, schedule, tried: tried, arrival: body.arrival, now: now) else { continue }
                // Another agent may have locked it meanwhile.
                guard try message.lock(recipientAt: recipient.offset) else { continue }
                tasks.append((recipient, destination))
                schedules[recipient.offset] = schedule
            }
        }
        if isChanged { try message.sync() }
        try deliver(tasks, schedules, body)
    }

    /// What was never tried is due at once; what was, when a point of its schedule has come since the file was changed.
    private mutating func isDue(
        _ recipient: ControlRecipient, _ schedule: RetrySchedule, tried: Set<Int>, arrival: Int, now: Int
    ) -> Bool {
        guard tried.contains(recipient.offset), !ignoresSchedule else { return true }
        let due = schedule.next(arrival: arrival, last: touched)
        if due <= now { return true }
        waitFor(due)
        return false
    }

    private mutating func waitFor(_ time: Int) {
        nextAttempt = min(nextAttempt ?? time, time)
    }

    // MARK: Delivering

    private mutating func deliver(
        _ tasks: [(recipient: ControlRecipient, destination: Destination)], _ schedules: [Int: RetrySchedule],
        _ body: MessageBody
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
                sent -= 1
                environment.metrics.observe(since: begun, channel: drafts[index].destination.channel)
                do throws(FileError) {
                    try settle(drafts[index], outcome, schedules, arrival: body.arrival)
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
        _ draft: TransactionDraft, _ outcome: DeliveryOutcome, _ schedules: [Int: RetrySchedule], arrival: Int
    ) throws(FileError) {
        let endpoint = draft.destination.endpoint
        let results = zip(draft.recipients, outcome.report.recipients).enumerated()
        // What was delivered first: should anything fail from here on, it is these that must not be sent again.
        for (_, (recipient, result)) in results where result.outcome == .delivered {
            try message.mark(.done, recipientAt: recipient.offset)
        }
        for (index, (recipient, result)) in results {
            // Put together only where it is written down.
            var dialogue: [UInt8] { outcome.report.dialogue(recipient: index) }
            environment.log(
                .attempt(
                    DeliveryAttempt(
                        message: message.message, recipient: recipient, size: size, outcome: result.outcome,
                        reply: result.reply, endpoint: endpoint)))
            environment.metrics.count(result.outcome, channel: draft.destination.channel)
            switch result.outcome {
            case .delivered:
                guard recipient.wants(.success), !outcome.isNotifiedByServer else { continue }
                try message.append([
                    diagnosis(
                        recipient, action: "delivered", reply: result.reply, endpoint: endpoint, dialogue: dialogue,
                        time: environment.clock())
                ])
            case .failed: try fail(recipient, result.reply, endpoint: endpoint, dialogue: dialogue)
            case .deferred:
                try postpone(
                    recipient, result.reply, schedules[recipient.offset] ?? RetrySchedule(), endpoint: endpoint,
                    dialogue: dialogue, arrival: arrival)
            }
        }
        // What is finished is made durable before anything relies on it: with its report, or by its removal.
        if !message.contents.isFinished { try message.sync() }
    }

    private mutating func fail(
        _ recipient: ControlRecipient, _ reply: Reply, endpoint: Endpoint?, dialogue: [UInt8]
    ) throws(FileError) {
        // The diagnostic first: a failed tag without one would never be reported.
        try message.append([
            diagnosis(
                recipient, action: "failed", reply: reply, endpoint: endpoint, dialogue: dialogue,
                time: environment.clock())
        ])
        try message.mark(.failed, recipientAt: recipient.offset)
        guard endpoint == nil else { return }
        environment.log(
            .attempt(
                DeliveryAttempt(
                    message: message.message, recipient: recipient, size: size, outcome: .failed, reply: reply,
                    endpoint: nil)))
        environment.metrics.count(.failed, channel: String(decoding: recipient.address.channel, as: UTF8.self))
    }

    /// Leaves a recipient queued, or gives it up where the message is too old.
    private mutating func postpone(
        _ recipient: ControlRecipient, _ reply: Reply, _ schedule: RetrySchedule, endpoint: Endpoint?,
        dialogue: [UInt8],
        arrival: Int
    ) throws(FileError) {
        let now = environment.clock()
        if schedule.isExpired(arrival: arrival, now: now) {
            let text = "not delivered within \(schedule.expiry.seconds / 3600) hours; the last try ended with: \(reply)"
            return try fail(
                recipient, Reply(local: 550, EnhancedStatusCode(5, 4, 7), text), endpoint: endpoint, dialogue: dialogue)
        }
        let diagnostic = diagnosis(
            recipient, action: "delayed", reply: reply, endpoint: endpoint, dialogue: dialogue, time: now)
        let last = message.contents.diagnostics.last { $0.diagnostic.recipientOffset == recipient.offset }?.diagnostic
        let isToBeTold = isDelayToBeTold(recipient, schedule, age: now - arrival)
        if isToBeTold { delays[recipient.offset] = arrival + schedule.expiry.seconds }
        // The same answer at each try would only make the file grow; a report marks the diagnostic that it tells of.
        if last?.notary.status != diagnostic.notary.status || last?.notary.diagnostic != diagnostic.notary.diagnostic
            || (isToBeTold && !message.contents.unreportedDelays.contains { $0.recipient.offset == recipient.offset })
        {
            try message.append([diagnostic])
        }
        try message.mark(.pending, recipientAt: recipient.offset)
        waitFor(schedule.next(arrival: arrival, last: now))
    }

    // MARK: Reporting

    /// Whether the sender asked to be told of delays, and one of the times has come that was not told of yet.
    private func isDelayToBeTold(_ recipient: ControlRecipient, _ schedule: RetrySchedule, age: Int) -> Bool {
        guard recipient.wants(.delay) else { return false }
        let told = message.contents.diagnostics.count {
            $0.tag == RecipientTag.done.rawValue && $0.diagnostic.recipientOffset == recipient.offset
                && $0.diagnostic.isDelay
        }
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
