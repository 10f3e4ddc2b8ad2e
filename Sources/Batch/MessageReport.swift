// What a run did with one message: the material of log lines, counts and exit statuses.

public import Routing
public import Spool

/// What became of one message in a run.
public struct MessageReport: Sendable {
    /// How a message fared.
    public enum Outcome: Sendable {
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
    public struct Delivery: Sendable {
        /// The recipient as it was submitted.
        public let recipient: [UInt8]
        /// Where it goes.
        public let route: Route
        /// Why the address has no route of its own, for channels `error` and `hold`.
        public let reason: String?
        /// The part of the reason that is the same for all addresses which meet it.
        public let cause: String?
    }

    /// The message's name; the submission's as long as it has none of its own.
    public let message: String
    /// The sender; empty for the null sender and where it is not known.
    public var sender: [UInt8] = []
    /// How it fared.
    public let outcome: Outcome
    /// Its recipients, in order.
    public var deliveries: [Delivery] = []
    /// What an administrator should know although addresses were resolved.
    public var notices: [String] = []
    /// The size of the submitted file in bytes; 0 where it was not read.
    public var size = 0
    /// The time from taking the message up until all about it was durable, in nanoseconds.
    public var nanoseconds: UInt64 = 0
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
