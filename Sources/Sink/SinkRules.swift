// Which recipients the sink refuses, and at which point.

import MailAddress

/// Verdicts by user, for trying what a client makes of them.
public struct SinkRules: Sendable {
    /// Refused at RCPT, for good and for now.
    public var rejected: Set<[UInt8]> = [], deferred: Set<[UInt8]> = []
    /// Refused after the message, for good and for now.
    public var rejectedAfterData: Set<[UInt8]> = [], deferredAfterData: Set<[UInt8]> = []

    /// No recipient is refused.
    public init() {}

    /// The reply to RCPT; nil where the recipient is accepted.
    func replyToRecipient(_ address: MailboxAddress) -> String? {
        if matches(rejected, address) { return "550 5.1.1 no such mailbox" }
        if matches(deferred, address) { return "450 4.2.1 mailbox busy" }
        return nil
    }

    /// The reply after the message; nil where it is to be stored.
    func replyToMessage(_ address: MailboxAddress) -> String? {
        if matches(rejectedAfterData, address) { return "552 5.2.2 over quota" }
        if matches(deferredAfterData, address) { return "452 4.2.2 over quota, try later" }
        return nil
    }

    /// A rule names the whole address, its local part, or its local part without folder.
    private func matches(_ users: Set<[UInt8]>, _ address: MailboxAddress) -> Bool {
        guard !users.isEmpty else { return false }
        return users.contains(address.bytes) || users.contains(address.localPart) || users.contains(address.user)
    }
}
