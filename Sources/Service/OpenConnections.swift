// The open connections of a server: asked to end when it is, and waited for.

import System

/// The connections of a server.
package final class OpenConnections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: @Sendable () -> Void] = [:]
        var isFinishing = false
    }

    private let state = Monitor(State())

    /// No connection is open.
    package init() {}

    /// How many there are.
    package var count: Int { state.change { $0.open.count } }

    /// Adds a connection.
    ///
    /// - Parameters:
    ///   - limit: how many there may be.
    ///   - finish: asks it to end.
    /// - Returns: false where there are as many already, or the server is ending: the connection is not among them then.
    package func add(_ connection: ObjectIdentifier, limit: Int = .max, finish: @escaping @Sendable () -> Void) -> Bool
    {
        state.change { state in
            guard !state.isFinishing, state.open.count < limit else { return false }
            state.open[connection] = finish
            return true
        }
    }

    /// Removes a connection that has ended.
    package func remove(_ connection: ObjectIdentifier) { state.change { $0.open[connection] = nil } }

    /// Asks all connections to end; none is added any more.
    package func finish() {
        let open = state.change { state in
            state.isFinishing = true
            return Array(state.open.values)
        }
        for ask in open { ask() }
    }

    /// Waits until no connection is open, for a time at the most.
    ///
    /// - Returns: whether none is.
    @discardableResult
    package func waitUntilNone(atMost limit: Duration) -> Bool {
        state.wait(atMost: limit) { $0.open.isEmpty ? true : nil } ?? false
    }
}
