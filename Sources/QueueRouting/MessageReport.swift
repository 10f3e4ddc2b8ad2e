// What a run did with one message: the material of log lines, counts and exit statuses.

import Bytes
package import Routing
package import Spool

/// What became of one message in a run.
package struct MessageReport: Sendable {
    /// How a message fared.
    package enum Outcome: Sendable {
        /// It was submitted, and has its control file now.
        case routed
        /// Held recipients have been routed into a control file of their own, or were found served already (nil).
        case rerouted(into: MessageName?)
        /// Held recipients could still not be routed.
        case stillHeld
        /// A run that died had routed it; what was left to do is done.
        case completed
        /// It is no message, and now in postman/ with this reason beside it.
        case rejected(reason: String)
        /// It stays where it is for this reason; a later run tries again.
        case postponed(reason: String)
    }

    /// A route that a recipient came to.
    package struct Delivery: Sendable {
        /// The recipient as it was submitted.
        package let recipient: [UInt8]
        /// Where it goes.
        package let route: Route
        /// Why the address has no route of its own, for channels `error` and `hold`.
        package let reason: String?
        /// The part of the reason that is the same for all addresses which meet it.
        package let cause: String?
    }

    /// The message's name; the submission's as long as it has none of its own.
    package let message: String
    /// The sender; empty for the null sender and where it is not known.
    package var sender: [UInt8] = []
    /// How it fared.
    package let outcome: Outcome
    /// Its recipients, in order.
    package var deliveries: [Delivery] = []
    /// What an administrator should know although addresses were resolved.
    package var notices: [String] = []
    /// The size of the submitted file in bytes; 0 where it was not read.
    package var size = 0
    /// The time from taking the message up until all about it was durable, in nanoseconds.
    package var nanoseconds: UInt64 = 0
}

extension MessageReport {
    /// Adds the routes of one recipient.
    ///
    /// - Returns: the routes as a control file can hold them.
    mutating func add(_ resolution: Resolution, of recipient: [UInt8]) -> [Route] {
        let routes = resolution.routes.map(\.writable)
        let failure = resolution.failure
        for route in routes {
            deliveries.append(
                Delivery(recipient: recipient, route: route, reason: failure?.description, cause: failure?.cause))
        }
        notices += resolution.notices
        return routes
    }
}

// Why a submission that could be read cannot be routed: it goes to postman/ with this reason beside it.

/// A submission that no recipient can be worked out for, or whose sender is unusable.
package enum RoutingRejection: Error, Sendable, CustomStringConvertible {
    /// The sender is not an address that mail can be returned to.
    case unusableSender(String)
    /// Its header fields name no recipient.
    case noRecipient
    /// Something in it cannot be written into a control file.
    case unwritable(ControlFileError)

    /// The cause and the remedy, in one line.
    package var description: String {
        switch self {
        case .unusableSender(let reason):
            "unusable sender: \(reason); correct it, or write 'channel error' for the null sender"
        case .noRecipient: "\(SubmissionError.noRecipient)"
        case .unwritable(let error): "\(error); remove it"
        }
    }
}
