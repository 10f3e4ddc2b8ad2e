// Which entries of which maps decided where an address goes, as the trace of its resolution tells it.

package import Maps
package import Routing

/// An entry that a lookup found, or could not find out about.
package struct ConsultedEntry: Sendable, Hashable {
    /// The map.
    package let table: TableName
    /// The key, as it was looked up.
    package let key: [UInt8]
    /// The value that was found; nil where the map could not say.
    package let value: [UInt8]?
    /// Why the map could not say; nil where the entry was found.
    package let failure: String?
}

/// What the resolution of one address rested on.
package struct DecidingEntries: Sendable, Hashable {
    /// The entries that were found, in the order in which they were asked for, each once.
    package private(set) var found: [ConsultedEntry] = []
    /// The lookups that failed.
    package private(set) var failed: [ConsultedEntry] = []

    /// Nothing was found.
    package init() {}

    /// Takes out of a trace what was found.
    package init(_ trace: Trace?) {
        guard let trace else { return }
        for event in trace.events {
            guard case .lookup(let table, let key, let answer) = event else { continue }
            switch answer {
            case .found(let value):
                let entry = ConsultedEntry(table: table, key: key, value: value, failure: nil)
                if !found.contains(entry) { found.append(entry) }
            case .failed(let reason):
                failed.append(ConsultedEntry(table: table, key: key, value: nil, failure: reason))
            case .absent: break
            }
        }
    }
}

/// What a batch of addresses came to, for whoever wants to know why.
package struct ExplainedAnswers: ~Copyable, Sendable {
    /// For each address of the batch the entries that decided.
    package private(set) var entries: [DecidingEntries] = []
    /// For each address why it as a whole failed or is deferred; empty where it is not.
    package private(set) var reasons: [String] = []

    mutating func add(_ answer: borrowing Answer, _ trace: Trace?) {
        entries.append(DecidingEntries(trace))
        reasons.append(answer.failure?.description ?? "")
    }
}
