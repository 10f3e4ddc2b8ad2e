// One message while it is open: what is to be done for its recipients, and what came of it.
//
// The work is a state that goes on whenever something has happened: it waits for servers without a thread. Whoever drives it
// (DeliveryRun) asks which destinations it wants, sends to those that it is admitted to, tells it outcomes, and lets it be
// written down.

import Bytes
import LMTP
import MailSyntax
import Spool
import System

/// The work on one opened message.
struct MessageWork: ~Copyable {
    var message: OpenControlFile
    let environment: DeliveryEnvironment
    private let ignoresSchedule: Bool
    /// The size of the message as it was submitted, in bytes.
    private(set) var size = 0
    /// The dates by which it is told whether an attempt is due or was the last.
    private(set) var dates = MessageDates(arrival: 0, changed: 0, attempts: [])
    var past: MessagePast
    private var body: MessageBody?
    let history: DiagnosticHistory
    /// What is to be sent, by destination, in the order of the recipients.
    private var tasks: [(destination: Destination, recipients: [ControlRecipient])] = []
    private(set) var schedules: [Int: RetrySchedule] = [:]
    /// The transactions that were begun, and how many of each destination's are open.
    private var drafts: [TransactionDraft] = []
    private var openDrafts: [ObjectIdentifier: Int] = [:]
    private var answered: Set<ObjectIdentifier> = []
    private let begun: MonotonicTime
    /// Whether what was recorded has to be durable before anything else is done.
    var needsSync = false
    /// Those delivered to whose tags the file has not taken yet.
    var unrecorded: [ControlAddress] = []

    init(_ message: consuming OpenControlFile, worker: MessageWorker, past: MessagePast) {
        self.past = past
        self.past.touched = past.touched ?? Int(message.identity.modified / 1_000_000_000)
        history = DiagnosticHistory(message.contents)
        self.message = message
        environment = worker.environment
        ignoresSchedule = worker.ignoresSchedule
        begun = worker.environment.metrics.now()
    }

    /// The message, after `report`.
    consuming func finish() -> OpenControlFile { message }

    /// Whether nothing is left to do but to remove it.
    var isFinished: Bool { message.contents.isFinished }

    /// What is lost where the file never takes what was recorded.
    func loss(_ failure: FileError) -> String {
        let recipients = unrecorded.map { address in
            [address.channel, address.host, address.user].map { printable($0) }.joined(separator: "!")
        }
        guard !recipients.isEmpty else { return failure.description }
        return "delivered to \(recipients.joined(separator: ", ")), which cannot be written down (\(failure)):"
            + " the next run sends it to them again, unless their lines in the control file are marked '+' before"
    }

    // MARK: Deciding

    /// Decides what is to be done for each recipient.
    ///
    /// - Returns: false where the message has no body that could be sent.
    mutating func decide() -> Bool {
        guard !message.contents.isFinished else { return true }
        let now = environment.clock()
        do throws(FileError) {
            let body = try message.openBody()
            size = body.size
            dates = MessageDates(
                arrival: Int64(body.arrival), changed: Int64(past.touched ?? now),
                attempts: message.contents.diagnostics.map { Int64($0.diagnostic.time) })
            self.body = body
        } catch {
            environment.log(.trouble(message.message, error.description))
            return false
        }
        var recorded: [RecordedOutcome] = []
        var places: [ObjectIdentifier: Int] = [:]
        for recipient in message.contents.recipients
        where recipient.tag == .pending && !past.tried.contains(recipient.offset) {
            switch RecipientDecision(recipient, plan: environment.plan) {
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
                guard isDue(recipient, schedule, now: now) else { continue }
                let reply = Reply(local: 451, EnhancedStatusCode(4, 3, 5), reason)
                if let expiry = expiry(schedule, last: reply) {
                    note(recipient, .failed, expiry, endpoint: nil)
                    recorded.append(failure(recipient, expiry, endpoint: nil, dialogue: []))
                } else {
                    recorded.append(
                        postponement(recipient, reply, schedule, endpoint: nil, dialogue: []))
                }
                past.tried.insert(recipient.offset)
            case .deliver(let destination, let schedule):
                guard isDue(recipient, schedule, now: now) else { continue }
                guard recipient.headerLine != nil else {
                    environment.log(.trouble(message.message, "a recipient has no header block (m line)"))
                    continue
                }
                let key = ObjectIdentifier(destination)
                let place = places[key] ?? tasks.count
                if place == tasks.count {
                    tasks.append((destination, []))
                    places[key] = place
                }
                tasks[place].recipients.append(recipient)
                schedules[recipient.offset] = schedule
            }
        }
        record(recorded, isToBeDurable: true)
        return true
    }

    /// What was never tried is due at once; what was, when a point of its schedule has come since the file was changed.
    private mutating func isDue(
        _ recipient: ControlRecipient, _ schedule: RetrySchedule, now: Int
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
    func arrival(_ schedule: RetrySchedule, _ now: Int) -> Int {
        Int(dates.arrival(now: Int64(now), expiry: Int64(schedule.expiry.seconds)))
    }

    mutating func waitFor(_ time: Int) {
        past.nextAttempt = min(past.nextAttempt ?? time, time)
    }

    // MARK: Sending

    /// The destinations that something is to be sent to and was not yet.
    var wanted: [Destination] { tasks.map(\.destination) }

    /// Whether outcomes are still to come.
    var isWaiting: Bool { !openDrafts.isEmpty }

    /// Whether this message has anything for a destination under way.
    func isUnderWay(to destination: Destination) -> Bool { openDrafts[ObjectIdentifier(destination)] != nil }

    /// Begins the transactions of a destination.
    ///
    /// - Parameter completion: is given each transaction's number and outcome, on the connections' thread.
    /// - Throws: `FileError` where recipients cannot be locked: then nothing is sent, and it is still wanted.
    mutating func send(
        to destination: Destination, completion: @escaping @Sendable (Int, DeliveryOutcome) -> Void
    ) throws(FileError) {
        guard let place = tasks.firstIndex(where: { $0.destination === destination }), let body else { return }
        var locked: [ControlRecipient] = []
        do throws(FileError) {
            for recipient in tasks[place].recipients {
                // Another agent may have locked it meanwhile.
                if try message.lock(recipientAt: recipient.offset) { locked.append(recipient) }
            }
        } catch {
            record(locked.map { RecordedOutcome($0, .pending) }, isToBeDurable: false)
            throw error
        }
        tasks.remove(at: place)
        for draft in TransactionDraft.group(locked.map { ($0, destination) }) {
            let header = message.contents.header(of: draft.recipients[0]) ?? []
            do throws(FileError) {
                let content = try MessageContent(
                    head: header + [ASCII.lineFeed], body: body, offset: message.contents.bodyOffset ?? 0)
                let envelope = try draft.envelope(for: content, header: header)
                let number = drafts.count
                drafts.append(draft)
                openDrafts[ObjectIdentifier(destination), default: 0] += 1
                environment.pool.submit(
                    OutgoingMessage(envelope: envelope, content: content) { completion(number, $0) }, to: destination)
            } catch {
                environment.log(.trouble(message.message, error.description))
                record(draft.recipients.map { RecordedOutcome($0, .pending) }, isToBeDurable: false)
            }
        }
    }

    /// Takes an outcome.
    ///
    /// - Returns: the destination, once none of its transactions is open, and whether its server answered.
    mutating func take(_ outcome: DeliveryOutcome, of number: Int) -> (destination: Destination, wasAnswered: Bool)? {
        let draft = drafts[number]
        let destination = draft.destination
        let key = ObjectIdentifier(destination)
        environment.metrics.observe(since: begun, channel: destination.channel)
        settle(draft, outcome)
        if outcome.report.wasAnswered { answered.insert(key) }
        guard outcome.isLast else { return nil }
        openDrafts[key, default: 1] -= 1
        guard openDrafts[key] == 0 else { return nil }
        openDrafts[key] = nil
        return (destination, answered.contains(key))
    }

    // MARK: Writing down

    /// Notes what became of recipients.
    ///
    /// What the file does not take now is left for `writeDown`.
    mutating func record(_ outcomes: [RecordedOutcome], isToBeDurable: Bool) {
        guard !outcomes.isEmpty else { return }
        if isToBeDurable { needsSync = true }
        // `writeDown` meets the failure again, and tells of it.
        try? message.record(outcomes)
    }

    /// Writes what was recorded, durably where something is left to do: what is finished is made durable with its report, or
    /// by its removal.
    mutating func writeDown() throws(FileError) {
        if !message.isWritten { try message.flush() }
        if needsSync, !message.contents.isFinished { try message.sync() }
        needsSync = false
        unrecorded = []
    }

    // MARK: Reporting

    /// Submits the reports that are due.
    mutating func report() throws(FileError) {
        let duties =
            PendingReport.all(in: message.contents) + PendingReport.delays(in: message.contents, until: past.delays)
        for duty in duties {
            switch try message.send(duty, hostname: environment.hostname, time: environment.clock()) {
            case .submitted(let name, let address):
                environment.metrics.countReport()
                environment.log(.reported(message.message, report: name, to: address))
            case .aside(let path): environment.log(.putAside(message.message, path: path))
            }
        }
    }
}

extension TransactionReport {
    /// Whether the server said anything about it, and not only after a time-out for others.
    fileprivate var wasAnswered: Bool { wasAttempted && recipients.contains { !$0.reply.isLocal } }
}
