// What waits in a spool, recipient by recipient: for people who ask where their mail is.

import Bytes
import MailSyntax
package import Spool
package import System

/// A recipient that has not been served yet.
package struct WaitingRecipient: Sendable {
    /// What a recipient waits for.
    package enum State: Sendable, Hashable {
        /// The message was submitted and not routed yet; its recipients are the envelope's, as typed.
        case submitted
        /// Its address could not be routed yet (channel `hold`).
        case held
        /// It is routed and waits for delivery.
        case routed
        /// An agent is at work on it.
        case inDelivery
        /// Its message is on hold.
        case onHold
    }

    /// The message's name.
    package let message: MessageName
    /// What it waits for.
    package let state: State
    /// The sender; empty for the null sender.
    package let sender: [UInt8]
    /// Where it goes; empty for a message that is not routed yet.
    package let channel: [UInt8], host: [UInt8]
    /// Whom for, at the host; the address where it is not routed yet.
    package let user: [UInt8]
    /// The recipient as the sender knows it.
    package let address: [UInt8]
    /// When the message arrived, in seconds since 1970; nil where its body is missing, and nothing can be done for it.
    package let arrival: Int64?
    /// The latest date of the message's files, in seconds since 1970: where it is ahead of the clock, nothing can be told of
    /// how long the message waits.
    package let dated: Int64
    /// How many attempts failed that left a diagnostic.
    package let attempts: Int
    /// What the last of them came to: its time in seconds since 1970, status code and answer; nil where there was none.
    package let lastAttempt: Attempt?

    /// A failed attempt.
    package struct Attempt: Sendable {
        /// When, in seconds since 1970.
        package let time: Int64
        /// The enhanced status code (RFC 3463); may be empty.
        package let status: [UInt8]
        /// The server's answer, or our own reason.
        package let answer: [UInt8]
    }
}

extension PostOffice {
    /// Works through the recipients that wait in the spool: those of submissions, then those of routed messages.
    ///
    /// Nothing is locked or changed: a message that is being worked on is shown as it is at this moment.
    ///
    /// - Parameters:
    ///   - found: is given each recipient.
    ///   - failed: is given messages that could not be read, with the reason.
    package func eachWaitingRecipient(
        found: (WaitingRecipient) -> Void, failed: (MessageName, String) -> Void
    ) throws(FileError) {
        for name in try submissions().names {
            do {
                for recipient in try submitted(name) { found(recipient) }
            } catch {
                failed(name, "\(error)")
            }
        }
        let listing = try messages()
        // In alphabetical order all together: who looks for a message need not know that it is on hold.
        let routed = (listing.names.map { ($0, false) } + listing.onHold.map { ($0, true) }).sorted { $0.0 < $1.0 }
        for (name, isOnHold) in routed {
            do throws(ControlAccessError) {
                guard let contents = try controlFile(of: name, onHold: isOnHold) else { continue }
                for recipient in try waiting(contents, of: name, onHold: isOnHold) { found(recipient) }
            } catch {
                failed(name, error.description)
            }
        }
    }

    private func submitted(_ name: MessageName) throws -> [WaitingRecipient] {
        // Where there is none it was routed since the directory was read, and so is listed as a message.
        guard let (submission, identity) = try submission(name, in: .submitted) else { return [] }
        let arrival = identity.modified / 1_000_000_000
        var sender: [UInt8] = []
        if case .address(let address) = submission.envelope.sender { sender = address }
        return try submission.recipients().map { recipient in
            WaitingRecipient(
                message: name, state: .submitted, sender: sender, channel: [], host: [], user: recipient.address,
                address: recipient.address, arrival: arrival, dated: arrival, attempts: 0, lastAttempt: nil)
        }
    }

    private func waiting(
        _ contents: ControlFile, of name: MessageName, onHold isOnHold: Bool
    ) throws(ControlAccessError) -> [WaitingRecipient] {
        let pending = contents.recipients.filter { $0.tag != .done && $0.tag != .failed }
        guard !pending.isEmpty else { return [] }
        let arrival: Int64?
        let dated: Int64
        do throws(FileError) {
            let dates = try dates(of: name, contents, onHold: isOnHold)
            if dates == nil, try isGone(name, onHold: isOnHold) { return [] }
            arrival = dates?.arrival
            dated = max(dates?.arrival ?? 0, dates?.changed ?? 0)
        } catch {
            throw .file(error)
        }
        let attempts = Dictionary(grouping: contents.diagnostics.map(\.diagnostic), by: \.recipientOffset)
        return pending.map { recipient in
            let failed = attempts[recipient.offset] ?? []
            return WaitingRecipient(
                message: name, state: Self.state(recipient, onHold: isOnHold), sender: recipient.errorAddress ?? [],
                channel: ControlField.unquoted(recipient.address.channel),
                host: ControlField.unquoted(recipient.address.host),
                user: recipient.address.user, address: recipient.addressKnownToSender.address, arrival: arrival,
                dated: dated, attempts: failed.count, lastAttempt: failed.last.map(WaitingRecipient.Attempt.init))
        }
    }

    private static func state(_ recipient: ControlRecipient, onHold isOnHold: Bool) -> WaitingRecipient.State {
        if isOnHold { return .onHold }
        if recipient.tag == .locked { return .inDelivery }
        return recipient.address.isChannel(OpenControlFile.holdChannel) ? .held : .routed
    }
}

extension WaitingRecipient.Attempt {
    /// What a diagnostic says of an attempt.
    package init(_ diagnostic: Diagnostic) {
        time = Int64(diagnostic.time)
        status = diagnostic.notary.status ?? []
        let answer = diagnostic.notary.diagnostic ?? []
        self.answer = answer.isEmpty ? diagnostic.message : answer
    }
}
