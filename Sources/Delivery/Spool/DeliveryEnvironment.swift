// What delivery from the spool works with.

import Bytes
import Glibc
package import LMTP
import MailSyntax
package import Spool

/// What workers share.
package struct DeliveryEnvironment: Sendable {
    /// The spool.
    package let postOffice: PostOffice
    /// Where recipients go.
    package let plan: DeliveryPlan
    /// The connections.
    package let pool: ConnectionPool
    /// This host's name, for reports.
    package let hostname: [UInt8]
    /// The counts.
    package let metrics: DeliveryMetrics
    /// Is told what happens.
    package let log: @Sendable (DeliveryEvent) -> Void
    /// The present in seconds since 1970.
    package let clock: @Sendable () -> Int

    /// An environment.
    package init(
        postOffice: PostOffice, plan: DeliveryPlan, pool: ConnectionPool, hostname: [UInt8],
        metrics: DeliveryMetrics = DeliveryMetrics(), clock: @escaping @Sendable () -> Int = DeliveryEnvironment.now,
        log: @escaping @Sendable (DeliveryEvent) -> Void
    ) {
        self.postOffice = postOffice
        self.plan = plan
        self.pool = pool
        self.hostname = hostname
        self.metrics = metrics
        self.clock = clock
        self.log = log
    }

    /// The system's time, in seconds since 1970.
    @Sendable package static func now() -> Int { Int(time(nil)) }

    /// The same with another plan, after the configuration was read anew.
    package func with(plan: DeliveryPlan) -> DeliveryEnvironment {
        DeliveryEnvironment(
            postOffice: postOffice, plan: plan, pool: pool, hostname: hostname, metrics: metrics, clock: clock, log: log
        )
    }
}

// What happens while a spool is delivered, for logs and results.

/// Something that happened.
package enum DeliveryEvent: Sendable {
    /// A recipient's attempt ended.
    case attempt(DeliveryAttempt)
    /// Recipients stay queued because of the configuration: which message and channel, the reason, and whether that is a
    /// fault of the configuration.
    case kept(MessageName, channel: [UInt8], host: [UInt8], reason: String, isFault: Bool)
    /// A report was submitted, under this name in router/.
    case reported(MessageName, report: MessageName, to: [UInt8])
    /// A report that nobody may get was put aside for the postmaster, under this path.
    case putAside(MessageName, path: String)
    /// A message is done and gone.
    case removed(MessageName)
    /// Something worth knowing that is no failure yet, or not any more.
    case notice(String)
    /// Something a person should look at.
    case trouble(MessageName?, String)
}

/// One recipient's attempt and how it ended.
package struct DeliveryAttempt: Sendable {
    /// The message.
    package let message: MessageName
    /// The sender; empty for the null sender.
    package let sender: [UInt8]
    /// The recipient as the sender wrote it, where that is known; else as the route tells it.
    package let originalRecipient: [UInt8]
    /// The size of the message as it was submitted, in bytes.
    package let size: Int
    /// The route, fields as in the control file.
    package let address: ControlAddress
    /// The verdict.
    package let outcome: RecipientReport.Outcome
    /// The server's words, or ours.
    package let reply: Reply
    /// Where; nil where no server was asked.
    package let endpoint: Endpoint?

    /// An attempt for a recipient of a control file.
    init(
        message: MessageName, recipient: ControlRecipient, size: Int, outcome: RecipientReport.Outcome, reply: Reply,
        endpoint: Endpoint?
    ) {
        self.message = message
        sender = recipient.envelopeSender
        originalRecipient = recipient.addressKnownToSender.address
        self.size = size
        address = recipient.address
        self.outcome = outcome
        self.reply = reply
        self.endpoint = endpoint
    }
}
