// One LMTP connection of the sink: what the server's side of the protocol asks, answered by rules and a store. A value:
// bytes in, bytes out.

import Bytes
import LMTP
import MailSyntax

/// A sink's session without input or output.
struct SinkSession {
    /// Stores a message for a mailbox; throws why it could not.
    typealias Store = (_ parts: [[UInt8]], _ directory: String) throws -> Void

    private static let accepted = Reply(local: 250, .init(2, 1, 0), "ok")
    private static let recipientAccepted = Reply(local: 250, .init(2, 1, 5), "ok")
    private static let delivered = Reply(local: 250, .init(2, 1, 5), "delivered")

    private let rules: SinkRules
    private var session: ServerSession
    private var sender: [UInt8] = []
    /// The recipients taken, with their numbers in the session.
    private var recipients: [(number: Int, address: MailboxAddress)] = []
    /// The message so far, lines ended by LF alone.
    private var message: [UInt8] = []
    private(set) var isClosed = false

    init(rules: SinkRules, host: String) {
        self.rules = rules
        var options = ServerOptions(host: host, greeting: "LMTP sink ready")
        options.lineEnd = .lenient
        options.farewell = "the store is ending"
        session = ServerSession(options: options)
    }

    /// Appends what is to be sent.
    mutating func takeOutput(into buffer: inout [UInt8]) { session.takeOutput(into: &buffer) }

    /// The connection is there.
    mutating func connected() { session.connected() }

    /// Ends the session: now, or after the transaction that it is in.
    mutating func finish() {
        session.finish()
        isClosed = session.isClosed
    }

    mutating func receive(_ bytes: Span<UInt8>, store: Store) {
        session.receive(bytes)
        while let action = session.nextAction() {
            switch action {
            case .sender(let envelope):
                sender = envelope.sender
                recipients = []
                session.senderDecided(Self.accepted)
            case .recipient(let number, let recipient): decide(number, recipient.address)
            case .beginMessage:
                message = []
                session.messageDecided()
            case .message(let bytes): take(bytes)
            case .endMessage: deliver(store)
            case .discard: message = []
            case .close: isClosed = true
            }
        }
    }

    private mutating func decide(_ number: Int, _ address: [UInt8]) {
        guard let address = MailboxAddress(address) else {
            return session.recipientDecided(number, Reply(local: 550, .init(5, 1, 3), "no user"))
        }
        if let refusal = rules.replyToRecipient(address) { return session.recipientDecided(number, refusal) }
        recipients.append((number, address))
        session.recipientDecided(number, Self.recipientAccepted)
    }

    /// Takes a piece of the message; the LF of a CRLF may come with the next.
    private mutating func take(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: ASCII.lineFeed) {
            message += rest[..<end]
            if message.last == ASCII.carriageReturn { message.removeLast() }
            message.append(ASCII.lineFeed)
            rest = rest[(end + 1)...]
        }
        message += rest
    }

    private mutating func deliver(_ store: Store) {
        let head = Array("Return-Path: <".utf8) + sender + Array(">\n".utf8)
        for (number, address) in recipients { session.recipientReply(number, reply(to: address, head, store)) }
        message = []
    }

    private func reply(to address: MailboxAddress, _ head: [UInt8], _ store: Store) -> Reply {
        if let refusal = rules.replyToMessage(address) { return refusal }
        guard let directory = address.directory else {
            return Reply(local: 553, .init(5, 1, 3), "mailbox name too long")
        }
        do {
            let line = Array("Delivered-To: ".utf8) + address.bytes + [ASCII.lineFeed]
            try store([head, line, message], directory)
            return Self.delivered
        } catch {
            let reason = String("\(error)".map { $0.isASCII && !$0.isNewline ? $0 : "?" })
            return Reply(local: 451, .init(4, 3, 0), reason)
        }
    }
}

// Which recipients the sink refuses, and at which point.

/// Verdicts by user, for trying what a client makes of them.
package struct SinkRules: Sendable {
    /// Refused at RCPT, for good and for now.
    package var rejected: Set<[UInt8]> = [], deferred: Set<[UInt8]> = []
    /// Refused after the message, for good and for now.
    package var rejectedAfterData: Set<[UInt8]> = [], deferredAfterData: Set<[UInt8]> = []

    /// No recipient is refused.
    package init() {}

    /// The reply to RCPT; nil where the recipient is accepted.
    func replyToRecipient(_ address: MailboxAddress) -> Reply? {
        if matches(rejected, address) { return Reply(local: 550, .init(5, 1, 1), "no such mailbox") }
        if matches(deferred, address) { return Reply(local: 450, .init(4, 2, 1), "mailbox busy") }
        return nil
    }

    /// The reply after the message; nil where it is to be stored.
    func replyToMessage(_ address: MailboxAddress) -> Reply? {
        if matches(rejectedAfterData, address) { return Reply(local: 552, .init(5, 2, 2), "over quota") }
        if matches(deferredAfterData, address) { return Reply(local: 452, .init(4, 2, 2), "over quota, try later") }
        return nil
    }

    /// A rule names the whole address, its local part, or its local part without folder.
    private func matches(_ users: Set<[UInt8]>, _ address: MailboxAddress) -> Bool {
        guard !users.isEmpty else { return false }
        return users.contains(address.bytes) || users.contains(address.localPart) || users.contains(address.user)
    }
}
