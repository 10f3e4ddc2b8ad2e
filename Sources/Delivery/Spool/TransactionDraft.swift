// Which recipients of a message share a transaction: those with one destination, sender, header and DSN parameters.

import Bytes
import Dispatch
import LMTP
import MailSyntax
import Spool
import System

/// A transaction to be: its destination, and its recipients by the place of their lines.
struct TransactionDraft {
    /// RFC 5321 4.5.3.1.8 has servers take 100; stores take many more, and what one refuses (452) is tried again.
    private static let recipientLimit = 1000

    let destination: Destination
    let headerLine: Int
    private(set) var envelope: Envelope
    /// The recipients, in the order of the envelope.
    private(set) var recipients: [ControlRecipient] = []

    private struct Key: Hashable {
        let destination: ObjectIdentifier
        let sender: [UInt8]
        let headerLine: Int
        let returnMode: [UInt8]?
        let envelopeIdentifier: [UInt8]?
    }

    /// Groups recipients, in the order of their lines.
    static func group(_ tasks: [(recipient: ControlRecipient, destination: Destination)]) -> [TransactionDraft] {
        var drafts: [TransactionDraft] = []
        var places: [Key: Int] = [:]
        for (recipient, destination) in tasks {
            guard let headerLine = recipient.headerLine else { continue }
            let key = Key(
                destination: ObjectIdentifier(destination), sender: recipient.envelopeSender, headerLine: headerLine,
                returnMode: recipient.returnMode, envelopeIdentifier: recipient.envelopeIdentifier)
            if let place = places[key], drafts[place].recipients.count < recipientLimit {
                drafts[place].add(recipient)
            } else {
                places[key] = drafts.count
                drafts.append(TransactionDraft(recipient, destination, headerLine: headerLine))
            }
        }
        return drafts
    }

    private init(_ recipient: ControlRecipient, _ destination: Destination, headerLine: Int) {
        self.destination = destination
        self.headerLine = headerLine
        envelope = Envelope(sender: recipient.envelopeSender, recipients: [])
        envelope.returnedContent = recipient.returnedContent
        envelope.envelopeID = recipient.envelopeIdentifier.flatMap { XText(encoded: $0) }
        add(recipient)
    }

    private mutating func add(_ recipient: ControlRecipient) {
        let user = recipient.address.user
        let original = recipient.originalRecipient
        // Where ORCPT is ours, NOTIFY says what holds without it, as ZMailer's agent has it.
        let isOriginalOurs = original != nil && recipient.notificationParameter("ORCPT") == nil
        let notify = recipient.notify ?? (isOriginalOurs ? .failure : nil)
        envelope.recipients.append(
            EnvelopeRecipient(
                destination.recipientAddress(user), notify: notify,
                originalRecipient: original))
        recipients.append(recipient)
    }

    /// The envelope with what only the message itself tells.
    func envelope(for content: MessageContent, header: [UInt8]) throws(FileError) -> Envelope {
        var envelope = self.envelope
        // BDAT needs to know each octet, which takes another look at all of them.
        envelope.length =
            destination.options.prefersChunking
            ? .exact(try content.exactLength()) : .estimate(content.estimatedLength)
        envelope.hasInternationalizedHeader =
            header.contains(where: { $0 >= 0x80 }) && WellFormedUTF8.isValid(header.span)
        return envelope
    }
}

extension ControlRecipient {
    /// The sender as MAIL has it: empty for the null sender.
    var envelopeSender: [UInt8] {
        guard let sender, !sender.isChannel("error"), !sender.user.elementsEqual("<>".utf8) else { return [] }
        return sender.user
    }

    /// RET, where one was given.
    var returnedContent: ReturnedContent? {
        returnMode.flatMap { ReturnedContent(rawValue: String(decoding: $0, as: UTF8.self).uppercased()) }
    }

    /// NOTIFY; nil where it was not given, or makes no sense.
    var notify: NotifyConditions? { notificationParameter("NOTIFY").flatMap { NotifyConditions($0) } }

    /// Whether the sender wants to be told of a condition; failures are told where nothing was said (RFC 3461 4.1).
    func wants(_ condition: NotifyConditions) -> Bool {
        (notify ?? .failure).contains(condition)
    }
}

// A spooled message as it is to be sent: small bodies come through the descriptor that the spool has open.

extension MessageContent {
    /// A header with its blank line, and the part of a body's file that begins at an offset.
    ///
    /// - Throws: `FileError` where a small body cannot be read or a large one not be opened, and where the file is
    ///   shorter than the offset.
    init(head: [UInt8], body: MessageBody, offset: Int) throws(FileError) {
        let count = body.size - offset
        guard count <= Self.memoryLimit else {
            // Large ones are read while they are sent, for longer than the spool keeps them open.
            try self.init(head: head, file: BodyFile(path: body.path), offset: offset)
            return
        }
        guard count >= 0 else {
            throw FileError(operation: "read", path: body.path, reason: "shorter than its control file says")
        }
        let bytes = try body.read(at: offset, count: count)
        guard bytes.count == count else {
            throw FileError(operation: "read", path: body.path, reason: "it became shorter while it was read")
        }
        self.init(head + bytes)
    }
}

// NIO ends its threads by way of Dispatch, which opens descriptors of its own at its first use, and ends the process
// where it gets none: a service that has used up its descriptors would crash when it is told to end.

/// Lets Dispatch open what it needs, once for a process, while there are descriptors.
func prepareDispatch() {
    let isPrepared = DispatchSemaphore(value: 0)
    // A timer as well as work: each has its own.
    DispatchQueue.global().asyncAfter(deadline: .now()) { isPrepared.signal() }
    isPrepared.wait()
}
