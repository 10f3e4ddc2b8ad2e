// The commands of a transaction as they are sent: all at once, or one by one (RFC 2920).

import Bytes

extension TransactionState {
    /// Appends what is sent first: MAIL, and the rest of the envelope where commands are sent together.
    func appendOpening(to output: inout [UInt8]) {
        // One growth in place of many: about what the commands need, parameters included.
        output.reserveCapacity(output.count + 128 + request.envelope.sender.count + 96 * report.recipients.count)
        request.writer.appendMail(request.envelope, to: &output)
        output.append("\r\n")
        guard isPipelined else { return }
        for index in report.recipients.indices where !report.recipients[index].isDecided {
            request.writer.appendRecipient(request.envelope.recipients[index], to: &output)
            output.append("\r\n")
        }
        if chunkSize == nil { output.append("DATA\r\n") }
    }

    /// Appends the command of the stage.
    func appendCommand(to output: inout [UInt8]) {
        switch stage {
        case .recipient(let index): request.writer.appendRecipient(request.envelope.recipients[index], to: &output)
        case .data: output.append("DATA")
        case .reset: output.append("RSET")
        case .mail, .body, .final, .emptyMessage: return
        }
        output.append("\r\n")
    }
}

// What a transaction was begun with: it stays the same from the first command to the report, so state and report share it.

/// The constant part of a transaction.
///
/// A class so that moving a transaction from queue to state to report moves one reference; it is immutable.
final class TransactionRequest: Sendable {
    let id: TransactionID
    let envelope: Envelope
    let dialect: Dialect
    let writer: CommandWriter
    /// Whether MAIL, RCPT and DATA were sent together.
    let isPipelined: Bool
    /// The argument of BDAT; nil where DATA is used.
    let chunkSize: UInt64?

    init(
        id: TransactionID, envelope: consuming Envelope, dialect: Dialect, writer: CommandWriter,
        isPipelined: Bool, chunkSize: UInt64?
    ) {
        self.id = id
        self.envelope = envelope
        self.dialect = dialect
        self.writer = writer
        self.isPipelined = isPipelined
        self.chunkSize = chunkSize
    }

    /// A transaction that is reported without having been begun.
    convenience init(unsent envelope: Envelope, id: TransactionID) {
        self.init(
            id: id, envelope: envelope, dialect: .lmtp,
            writer: CommandWriter(extensions: [], isConverted: false, hasInternationalizedAddress: false),
            isPipelined: false, chunkSize: nil)
    }
}

// What a server said last at each point of a transaction: it says the same words to message after message, and words
// that are known need not be read again.

/// The latest reply to MAIL, RCPT, DATA and a message.
struct LastReplies: Sendable {
    private var mail: Reply?
    private var recipient: Reply?
    private var data: Reply?
    private var final: Reply?

    /// Longer replies are not kept.
    private static let lengthLimit = 512

    /// The latest reply at that point; nil where there is none, or it is of no use here.
    subscript(stage: TransactionState.Stage) -> Reply? {
        switch stage {
        case .mail: mail
        case .recipient: recipient
        case .data: data
        case .final: final
        case .body, .emptyMessage, .reset: nil
        }
    }

    /// Keeps a reply that was read at that point.
    mutating func note(_ reply: Reply, at stage: TransactionState.Stage) {
        guard reply.bytes.count <= Self.lengthLimit, !reply.isTruncated else { return }
        switch stage {
        case .mail: mail = reply
        case .recipient: recipient = reply
        case .data: data = reply
        case .final: final = reply
        case .body, .emptyMessage, .reset: break
        }
    }
}

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
