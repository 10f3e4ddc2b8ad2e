// SMTP on standard input: the server's half of the protocol, each message of which is submitted before it is answered.
//
// A value without input and output: bytes go in, and what is to be said comes out. Every recipient is taken; what becomes of
// him is routing's to say, as of recipients on a command line.

import Bytes
import LMTP
import MailSyntax
import QueueRouting
package import Spool
import System

/// A client's SMTP session, whose messages go into a spool.
package struct SubmissionDialogue: ~Copyable {
    private let drop: MailDrop
    private let sizeLimit: Int
    private let origin: SubmissionOrigin
    private let atDomain: [UInt8]
    private var session: ServerSession
    private var envelope: Envelope?
    /// The accepted recipients, with their numbers.
    private var recipients: [(number: Int, recipient: EnvelopeRecipient)] = []
    private var message: MessageIntake?
    /// What was submitted, in order.
    package private(set) var submitted: [MessageName] = []
    /// Why a message was not submitted; the client was told less.
    package private(set) var failures: [SubmissionFailure] = []

    /// Begins a session.
    ///
    /// - Parameters:
    ///   - host: the name to greet with.
    ///   - atDomain: `@` and the domain that a sender without one belongs to.
    ///   - origin: whoever speaks; the name that he gives, and the protocol, are added.
    ///   - sizeLimit: the largest message, in bytes.
    package init(
        into drop: MailDrop, host: String, atDomain: [UInt8], origin: SubmissionOrigin, sizeLimit: Int
    ) {
        self.drop = drop
        self.sizeLimit = sizeLimit
        self.origin = origin
        self.atDomain = atDomain
        var options = ServerOptions(
            dialect: .smtp, host: host, greeting: "ESMTP ready",
            extensions: ServerOptions.commonExtensions.union(.deliveryStatusNotifications))
        options.limits.messageSize = UInt64(sizeLimit)
        // It may be typed, or written by a program that knows the line ends of this system alone.
        options.lineEnd = .lenient
        session = ServerSession(options: options)
        session.connected()
    }

    /// Whether the session is over.
    package var isOver: Bool { session.isClosed }

    /// Whether a message was begun and is not answered.
    package var isWithinTransaction: Bool { session.isWithinTransaction }

    /// Takes what the client has said.
    package mutating func receive(_ bytes: [UInt8]) {
        session.receive(bytes.span)
        carryOut()
    }

    /// The client says nothing more; what is not whole is given up.
    package mutating func end() {
        session.connectionClosed()
        carryOut()
    }

    /// What is to be said to the client.
    package mutating func takeOutput() -> [UInt8] {
        var output: [UInt8] = []
        session.takeOutput(into: &output)
        return output
    }

    private mutating func carryOut() {
        while let action = session.nextAction() {
            switch action {
            case .sender(let envelope): begin(envelope)
            case .recipient(let number, let recipient):
                recipients.append((number, recipient))
                session.recipientDecided(number, Reply(local: 250, .init(2, 1, 5), "ok"))
            case .beginMessage: beginMessage()
            case .message(let bytes): take(bytes)
            case .endMessage: finish()
            case .discard: giveUp()
            case .close: break
            }
        }
    }

    private mutating func begin(_ envelope: Envelope) {
        var envelope = envelope
        do throws(RoutingRejection) {
            envelope.sender = try MessageSender(typed: envelope.sender, atDomain: atDomain).address ?? []
        } catch {
            return session.senderDecided(Reply(local: 553, .init(5, 1, 7), "\(error)"))
        }
        self.envelope = envelope
        recipients = []
        session.senderDecided(Reply(local: 250, .init(2, 1, 0), "ok"))
    }

    private mutating func beginMessage() {
        guard let envelope else { return }
        var origin = origin
        origin.client =
            (session.clientName ?? []) + (origin.login.isEmpty ? [] : Array(" (".utf8) + origin.login + [0x29])
        origin.with = Array("SMTP".utf8)
        guard
            let head = SubmissionHead(
                envelope, recipients: recipients.map(\.recipient),
                bodyType: envelope.bodyType == .eightBit ? "8BITMIME" : nil, origin: origin)
        else {
            return session.messageDecided(Reply(local: 553, .init(5, 1, 3), "an address cannot be submitted"))
        }
        message = MessageIntake(into: drop, sizeLimit: .max) { (_) throws(SubmissionFailure) in head }
        session.messageDecided()
    }

    private mutating func take(_ bytes: [UInt8]) {
        // Without one it was refused before.
        guard var current = message.take() else { return }
        do throws(SubmissionFailure) {
            try current.take(bytes)
            message = consume current
        } catch {
            refuse(error)
        }
    }

    private mutating func finish() {
        guard let current = message.take() else { return }
        do throws(SubmissionFailure) {
            let name = try current.finish()
            submitted.append(name)
            answer(Reply(local: 250, .init(2, 0, 0), "submitted as \(name)"))
        } catch {
            refuse(error)
        }
    }

    private mutating func refuse(_ failure: SubmissionFailure) {
        failures.append(failure)
        switch failure {
        case .file: answer(Reply(local: 451, .init(4, 3, 0), "the message could not be kept; try again later"))
        case .noRecipient, .unusable: answer(Reply(local: 554, .init(5, 6, 0), "\(failure)"))
        }
    }

    private mutating func answer(_ reply: Reply) {
        for (number, _) in recipients { session.recipientReply(number, reply) }
    }

    private mutating func giveUp() {
        _ = message.take()
        envelope = nil
        recipients = []
    }
}
