// Collects the events of one resolution. A class, because the tables report to it while the resolver does.

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
