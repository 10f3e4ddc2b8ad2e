// Collects the events of one resolution. A class, because the tables report to it while the resolver does.

public import Maps

/// The record of how an address was resolved.
public final class Trace {
    /// The events so far, in order.
    public private(set) var events: [TraceEvent] = []

    /// An empty record.
    public init() {}

    /// A record of its own that begins like another.
    init(copying other: Trace) {
        events = other.events
    }

    /// Adds an event.
    public func record(_ event: TraceEvent) {
        events.append(event)
    }

    /// Forgets everything, before the next address.
    public func clear() {
        events.removeAll(keepingCapacity: true)
    }
}

// What happens while an address is resolved, as typed events: rendered as text or JSON elsewhere.

/// One step of a resolution.
public enum TraceEvent: Sendable {
    /// What a map answered.
    public enum Answer: Sendable {
        /// The key is there, with this value.
        case found([UInt8])
        /// The key is certainly not there.
        case absent
        /// The map could not say.
        case failed(String)
    }

    /// An address is taken up: the one asked for, one that a map expanded to, or the next current of a route.
    case address([UInt8], tail: [UInt8])
    /// A step of the chain begins.
    case step(StepName)
    /// A map was asked.
    case lookup(TableName, key: [UInt8], answer: Answer)
    /// A value expands to these addresses.
    case expanded(relation: RelationName, key: [UInt8], members: [[UInt8]])
    /// A domain is local, under this name.
    case localDomain([UInt8])
    /// A map's value is of no use as a route, and counts as absent.
    case unusableValue([UInt8])
    /// An answer that is ours and not ZMailer's: the class of the deviation, and what it does here.
    case deviation(Deviation, String)
    /// A route was found.
    case route(Route)
    /// The address as a whole failed or is deferred.
    case failure(ResolutionFailure)
}

extension TraceEvent {
    /// The event of a lookup that a table reports.
    public init(_ lookup: TableLookup) {
        let answer: Answer =
            switch lookup.outcome {
            case .found(let value): .found(value)
            case .absent: .absent
            case .failed(let error): .failed(error.text)
            }
        self = .lookup(lookup.table, key: lookup.key, answer: answer)
    }
}

/// The steps of the chain, by the names under which documentation and trace know them.
public enum StepName: String, Sendable {
    /// The whole address in fqdnaliases, then fqdnroutes.
    case exactAddress = "exact address"
    /// The address without its tail in fqdnaliases, then fqdnroutes.
    case baseAddress = "address without tail"
    /// `@domain` in fqdnaliases, then fqdnroutes.
    case wholeDomain = "whole domain"
    /// The domain in thishost.
    case thisHost = "this host"
    /// The domain in routesdb.
    case domainRoute = "domain route"
    /// Nothing matched: straight to the domain by SMTP.
    case defaultRoute = "default route"
    /// A local part: aliases, tails, accounts.
    case localPart = "local part"
}

/// The classes of answers that differ from ZMailer's, all deliberate.
public enum Deviation: String, Sendable {
    /// A failed lookup holds the address.
    case mapError = "map-error"
    /// A key that is already being expanded is passed over; nothing is discarded.
    case duplicate
    /// The limits of expansion.
    case limits
    /// An invalid address.
    case syntax
    /// A sender may not choose a channel.
    case channelLiteral = "channel-literal"
    /// An alias value that is no address list goes to root.
    case aliasError = "alias-error"
}
