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

// What came of each step of the chain: nothing that is recorded, but what the events after its beginning say.

/// What came of a step, which is why the chain went on or ended there.
public enum StepOutcome: String, Sendable, CaseIterable {
    /// No map has the key: the next step decides.
    case absent
    /// A map has the key, and its value is no route: as if it had none.
    case noRoute = "no-route"
    /// The key is being expanded already: as if no map had it.
    case duplicate
    /// The host is this one, or one of ours.
    case local
    /// The host is another.
    case notLocal = "not-local"
    /// The address is replaced by others, which are taken up in their turn.
    case expanded
    /// There is a route, or several.
    case route
    /// The address as a whole failed here, or is deferred.
    case failed
}

extension Trace {
    /// What came of the step that an event begins.
    ///
    /// - Parameter index: the index of the event in ``events``.
    /// - Returns: nil for an event that begins no step.
    public func outcome(ofStepAt index: Int) -> StepOutcome? {
        guard events.indices.contains(index), case .step(let step) = events[index] else { return nil }
        var outcome = step == .thisHost ? StepOutcome.notLocal : .absent
        for event in events[(index + 1)...] {
            switch event {
            case .step, .address, .question: return outcome
            case .failure: return .failed
            case .expanded: outcome = .expanded
            case .route where outcome != .expanded: outcome = .route
            case .host(let host) where host.isLocal: outcome = .local
            case .rewritten(.sourceRoute, _): outcome = .local
            case .unusableValue: outcome = .noRoute
            case .deviation(.duplicate, _): outcome = .duplicate
            default: break
            }
        }
        return outcome
    }
}
