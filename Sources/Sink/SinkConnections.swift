// The sink's open connections: asked to end when the server is, and waited for.

import NIOConcurrencyHelpers
import Synchronization

/// The connections of a server.
final class SinkConnections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: @Sendable () -> Void] = [:]
        var isFinishing = false
    }

    private let state = Mutex(State())
    /// Its value: whether no connection is open.
    private let none = ConditionLock(value: true)

    /// Adds a connection.
    ///
    /// - Parameter finish: asks it to end.
    /// - Returns: false where the server is ending, and so should the connection.
    func add(_ connection: ObjectIdentifier, finish: @escaping @Sendable () -> Void) -> Bool {
        let isWelcome = state.withLock { state in
            state.open[connection] = finish
            return !state.isFinishing
        }
        note()
        return isWelcome
    }

    /// Removes a connection that has ended.
    func remove(_ connection: ObjectIdentifier) {
        state.withLock { $0.open[connection] = nil }
        note()
    }

    /// Asks all connections to end.
    func finish() {
        let open = state.withLock { state in
            state.isFinishing = true
            return Array(state.open.values)
        }
        for ask in open { ask() }
    }

    /// Waits until no connection is open.
    ///
    /// - Returns: whether that was so before the time had passed.
    func waitUntilNone(seconds: Int) -> Bool {
        guard none.lock(whenValue: true, timeoutSeconds: Double(seconds)) else { return false }
        none.unlock()
        return true
    }

    private func note() {
        none.lock()
        none.unlock(withValue: state.withLock { $0.open.isEmpty })
    }
}
