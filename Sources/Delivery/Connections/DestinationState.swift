// What is decided for one destination: which connection the next message goes to, when one more is made, when the server is
// left alone, what becomes of a message whose connection was lost. A value that is told events with their time; the queue
// that has the messages and the connections only obeys.

package import LMTP
package import NIOCore

/// A connection as its destination looks at it.
package protocol DeliveryConnection {
    /// What is known of it.
    var state: ConnectionState { get }
}

/// What is known of a destination, but for its connections and messages, which are told.
package struct DestinationState: Sendable {
    /// How long a server that cannot be reached, or takes no more connections, is left alone.
    package static let holdOff = TimeAmount.seconds(30)
    /// How often a message goes to another connection because one was lost before it said anything about it.
    package static let attemptLimit = 3

    /// No connection is tried again before this, after all of them failed; what comes meanwhile is deferred at once.
    private var brokenUntil = NIODeadline.uptimeNanoseconds(0)
    private var brokenReason: ClientFailure?
    /// The server refused more connections than this while it served them.
    private var refusedAbove = Int.max, refusedUntil = NIODeadline.uptimeNanoseconds(0)
    /// When the server last answered a transaction to its end.
    private var lastAnswer = NIODeadline.uptimeNanoseconds(0)
    /// Whether connections end once the work is done.
    package private(set) var isShuttingDown = false
    /// Whether nothing is sent any more.
    package private(set) var isStopping = false

    /// A destination that nothing is known of.
    package init() {}

    /// Connections end once the work is done.
    package mutating func shutDown() { isShuttingDown = true }

    /// Nothing is sent any more.
    package mutating func stop() { isStopping = true }

    /// Whether its server is being left alone.
    package func isBroken(at now: NIODeadline) -> Bool { brokenUntil > now }

    // MARK: What goes next

    /// What is to be done for a message that waits.
    package enum Step: Sendable, Hashable {
        /// Give it to the connection in this position.
        case give(Int)
        /// Make a connection for it.
        case connect
        /// Defer all that waits.
        case deferWaiting(ClientFailure)
        /// Wait for a connection: of another destination, where this one has none.
        case wait(forOthers: Bool)
    }

    /// To connections without work first, then to new ones, then as a second message to those at work.
    ///
    /// - Parameter allowed: whether the limits that are shared allow another connection.
    package func nextStep(
        _ connections: [some DeliveryConnection], allowed: @autoclosure () -> Bool,
        at now: @autoclosure () -> NIODeadline
    ) -> Step {
        let candidate = leastLoaded(connections)
        if let candidate, connections[candidate].state.load == 0 { return .give(candidate) }
        let now = now()
        if isBroken(at: now) {
            return .deferWaiting(brokenReason ?? .closed(nil, "the server could not be reached"))
        }
        if allowed(), mayConnect(connections.count, at: now) { return .connect }
        if let candidate { return .give(candidate) }
        return .wait(forOthers: connections.isEmpty)
    }

    /// Whether the server is thought to take one connection more than so many.
    package func mayConnect(_ count: Int, at now: NIODeadline) -> Bool {
        count < refusedAbove || refusedUntil <= now
    }

    /// The connection with room for a message that has the least to do; the first of several.
    private func leastLoaded(_ connections: [some DeliveryConnection]) -> Int? {
        var best: Int?
        var load = ConnectionState.depth
        for index in connections.indices where connections[index].state.load < load {
            guard connections[index].state.hasRoom else { continue }
            best = index
            load = connections[index].state.load
        }
        return best
    }

    /// What is done with a connection that has room.
    package enum Offer: Sendable, Hashable {
        /// Give it the next message.
        case give
        /// See who serves the next message best.
        case dispatch
        /// End it.
        case quit
        case nothing
    }

    /// What is done with a connection that has room.
    ///
    /// - Parameters:
    ///   - isWaiting: whether a message waits here.
    ///   - mayConnect: whether another connection could be made.
    ///   - isAnyoneWaiting: whether another destination waits for its first connection.
    package func offer(
        to connection: some DeliveryConnection, isWaiting: Bool, mayConnect: @autoclosure () -> Bool,
        isAnyoneWaiting: @autoclosure () -> Bool
    ) -> Offer {
        guard connection.state.isReady else { return .nothing }
        if isWaiting {
            // With work waiting there is no connection without any: only a new one could serve better than this.
            return connection.state.load == 0 || !mayConnect() ? .give : .dispatch
        }
        return connection.state.load == 0 && (isShuttingDown || isAnyoneWaiting()) ? .quit : .nothing
    }

    // MARK: Outcomes

    /// What becomes of a message whose transaction has ended.
    package enum Disposal: Sendable, Hashable {
        /// It has its outcome.
        case complete
        /// It goes to another connection: as the first, or after those that wait.
        case retry(asFirst: Bool)
    }

    /// Judges the end of a transaction.
    ///
    /// - Parameters:
    ///   - wasAttempted: whether the server answered anything about it; `wasSent`: whether any of it was sent.
    ///   - attempts: how many connections it has lost.
    ///   - isFailing: whether the connection ends before its work is done.
    ///   - isAnotherReady: whether there is another connection that has been opened.
    package mutating func finished(
        wasAttempted: Bool, wasSent: @autoclosure () -> Bool, attempts: Int,
        on connection: some DeliveryConnection, isFailing: Bool, isAnotherReady: @autoclosure () -> Bool
    ) -> Disposal {
        if wasAttempted, !isFailing {
            lastAnswer = connection.state.lastProgress
            brokenUntil = .uptimeNanoseconds(0)
        }
        // Nothing was said about it: another connection may have more luck, but for a server that refuses them all.
        guard isFailing, !wasAttempted, !isStopping, attempts < Self.attemptLimit,
            connection.state.wasUsed || isAnotherReady()
        else { return .complete }
        // What was sent is the first on the next connection, as a server that takes one message at a time needs it.
        return .retry(asFirst: wasSent())
    }

    // MARK: Ends of connections

    /// Judges the end of a connection: whether the server is there at all, and takes as many.
    ///
    /// - Parameter others: those that are left.
    package mutating func closed(
        _ connection: ConnectionState, _ failure: ClientFailure?, others: [some DeliveryConnection], at now: NIODeadline
    ) {
        guard let failure, connection.takenCount > 0 else { return }
        if case .timedOut(let phase) = failure {
            // The server is not there for anybody if it said nothing on another connection meanwhile either.
            let isOpening = !connection.isReady
            let answered = isOpening ? others.map(\.state.readySince).max() ?? lastAnswer : lastAnswer
            if phase != .quit, max(answered, lastAnswer) < connection.waitingSince {
                breakUntilLater(failure, at: now)
            } else if isOpening {
                refuseMore(than: others.count, at: now)
            }
        } else if !connection.isReady {
            if others.contains(where: { $0.state.isReady }) {
                refuseMore(than: others.count, at: now)
            } else if others.isEmpty {
                breakUntilLater(failure, at: now)
            }
        }
    }

    private mutating func refuseMore(than count: Int, at now: NIODeadline) {
        refusedAbove = max(1, count)
        refusedUntil = now + Self.holdOff
    }

    private mutating func breakUntilLater(_ failure: ClientFailure, at now: NIODeadline) {
        brokenUntil = now + Self.holdOff
        brokenReason = failure
    }
}
