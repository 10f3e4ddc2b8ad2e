// How a transaction ended, for each recipient, with the words that were exchanged about it.

import Bytes

/// What became of one recipient.
public struct RecipientReport: Sendable {
    /// The verdict.
    public enum Outcome: Sendable, Hashable {
        /// The peer has taken the message for this recipient: a final 2yz.
        case delivered
        /// It never will: a 5yz, or an address that cannot be sent to it.
        case failed
        /// Nobody knows, or not now: to be tried again.
        case deferred
    }

    /// What the deciding reply answered.
    public enum Subject: Sendable, Hashable {
        /// Nothing about this recipient was answered: it was refused here, or the session failed.
        case session
        /// MAIL.
        case mail
        /// RCPT.
        case recipient
        /// DATA.
        case data
        /// The message: the end of data, or BDAT.
        case message
    }

    /// The verdict.
    public private(set) var outcome: Outcome
    /// The reply that decided, the peer's or a local one (`isLocal`).
    public private(set) var reply: Reply
    /// What it answered.
    public private(set) var subject: Subject
    /// The reply to RCPT, where one was read.
    public internal(set) var recipientReply: Reply?
    /// Whether it is deferred for nothing but the number of recipients before it (RFC 5321 4.5.3.1.10).
    public private(set) var isOverLimit = false
    /// Whether that is the last word; until then it is deferred, which is the only safe answer.
    private(set) var isDecided: Bool

    /// A recipient of whom nothing is known yet.
    init() {
        outcome = .deferred
        reply = .unread
        subject = .session
        isDecided = false
    }

    /// A recipient whose outcome is known from the beginning.
    init(_ outcome: Outcome, by reply: Reply, subject: Subject) {
        self.outcome = outcome
        self.reply = reply
        self.subject = subject
        isDecided = true
    }

    /// A recipient that is not offered to the server, because it takes no more in one transaction.
    static func overLimit(_ reply: Reply) -> RecipientReport {
        var report = RecipientReport(.deferred, by: reply, subject: .session)
        report.isOverLimit = true
        return report
    }

    /// Notes that the server takes no more recipients in this transaction.
    mutating func putOff(overLimit reply: Reply) {
        decide(.deferred, by: reply, subject: .recipient)
        isOverLimit = true
    }

    /// Notes the outcome.
    mutating func decide(_ outcome: Outcome, by reply: Reply, subject: Subject) {
        self.outcome = outcome
        self.reply = reply
        self.subject = subject
        isDecided = true
    }
}

/// A command and the reply to it.
public struct Exchange: Sendable, Hashable {
    /// The command without line end; `.` for the end of data.
    public let command: [UInt8]
    /// The reply; nil where none was read.
    public let reply: Reply?
}

/// How a transaction ended.
public struct TransactionReport: Sendable {
    /// Which one.
    public var id: TransactionID { request.id }
    /// Its envelope, as given.
    public var envelope: Envelope { request.envelope }
    /// One for each recipient of the envelope, in its order.
    public internal(set) var recipients: [RecipientReport]
    /// Whether any command of it was sent.
    public let wasSent: Bool
    /// Whether the peer answered any command of it; if not, it may be tried on another connection at once.
    public internal(set) var wasAttempted: Bool
    /// Whether the client stopped before it was sent: whoever is deferred by a local reply is so for no other reason.
    public internal(set) var isGivenUp = false

    let request: TransactionRequest
    var mailReply: Reply?
    var dataReply: Reply?

    init(
        _ request: consuming TransactionRequest, recipients: consuming [RecipientReport], wasSent: Bool = true,
        wasAttempted: Bool
    ) {
        self.request = request
        self.recipients = recipients
        self.wasSent = wasSent
        self.wasAttempted = wasAttempted
    }

    /// A transaction that was never begun: every recipient is deferred.
    init(unsent envelope: Envelope, id: TransactionID, because reply: Reply) {
        let report = RecipientReport(.deferred, by: reply, subject: .session)
        self.init(
            TransactionRequest(unsent: envelope, id: id),
            recipients: Array(repeating: report, count: envelope.recipients.count), wasSent: false, wasAttempted: false)
    }

    /// The recipients that are to go in another transaction at once, by their places in the envelope: those which were
    /// too many for this one, where it came to a verdict on others.
    ///
    /// Another transaction is then sure to have fewer; where the server took nobody, or put everybody off, there is none.
    public var recipientsLeft: [Int] {
        let places = recipients.indices.filter { recipients[$0].isOverLimit }
        guard !places.isEmpty,
            recipients.contains(where: { $0.recipientReply?.severity == .success && $0.outcome != .deferred })
        else { return [] }
        return places
    }

    /// The exchanges that led to a recipient's outcome, in order: MAIL, its RCPT, DATA, the end of the message.
    ///
    /// - Returns: none where nothing was said about this recipient.
    public func exchanges(recipient index: Int) -> [Exchange] {
        guard recipients.indices.contains(index), envelope.recipients.indices.contains(index) else { return [] }
        let report = recipients[index]
        let deciding = report.reply.isLocal ? nil : report.reply
        guard report.subject != .session || report.recipientReply != nil else { return [] }
        var exchanges = [Exchange(command: mailCommand, reply: report.subject == .mail ? deciding : mailReply)]
        guard report.subject != .mail else { return exchanges }
        exchanges.append(Exchange(command: recipientCommand(index), reply: report.recipientReply ?? deciding))
        guard report.subject == .data || report.subject == .message else { return exchanges }
        if let chunkSize = request.chunkSize {
            exchanges.append(Exchange(command: Array("BDAT \(chunkSize) LAST".utf8), reply: deciding))
            return exchanges
        }
        exchanges.append(Exchange(command: Array("DATA".utf8), reply: dataReply ?? deciding))
        if report.subject == .message { exchanges.append(Exchange(command: [ASCII.dot], reply: deciding)) }
        return exchanges
    }

    /// The exchanges in ZMailer's form of a diagnostic (SEMANTICS 11.1): each line led by a CR, then `<<- ` for what was
    /// sent and `->> ` for what was received.
    public func dialogue(recipient index: Int) -> [UInt8] {
        var text: [UInt8] = []
        for exchange in exchanges(recipient: index) {
            text.append("\r<<- ")
            text.append(contentsOf: exchange.command)
            for line in exchange.reply?.lines ?? [] {
                text.append("\r->> ")
                text.append(contentsOf: line)
            }
        }
        return text
    }

    private var mailCommand: [UInt8] {
        var command: [UInt8] = []
        request.writer.appendMail(envelope, to: &command)
        return command
    }

    private func recipientCommand(_ index: Int) -> [UInt8] {
        var command: [UInt8] = []
        request.writer.appendRecipient(envelope.recipients[index], to: &command)
        return command
    }
}
