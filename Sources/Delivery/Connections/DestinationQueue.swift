// The connections to one destination, and the messages that wait for one of them.

import LMTP
import NIOCore
import NIOPosix

/// All work for one destination; it runs on the pool's event loop.
final class DestinationQueue: ClientHandlerOwner {
    let destination: Destination
    /// Weak, because a connection holds its lane, and may outlive the pool.
    private weak var pool: ConnectionPool.Core?
    private var waiting = CircularBuffer<OutgoingMessage>()
    /// The limits on connections, with the counts that they are held against.
    private let limits: [(count: ConnectionPool.Count, maximum: Int)]
    private var connections: [ClientHandler] = []
    /// No connection is tried again before this, after all of them failed; what comes meanwhile is deferred at once.
    private var brokenUntil = NIODeadline.uptimeNanoseconds(0)
    private var brokenReason: ClientFailure?
    /// The server refused more connections than this while it served them.
    private var refusedAbove = Int.max, refusedUntil = NIODeadline.uptimeNanoseconds(0)
    private var isShuttingDown = false
    private var isStopping = false
    /// When the server last answered a transaction to its end.
    private var lastAnswer = NIODeadline.uptimeNanoseconds(0)

    /// How long a server that cannot be reached is left alone.
    private static let holdOff = TimeAmount.seconds(30)
    /// How often a message goes to another connection because one was lost before it said anything about it.
    private static let attemptLimit = 3

    init(destination: Destination, pool: ConnectionPool.Core) {
        self.destination = destination
        self.pool = pool
        limits = destination.connectionLimits.map { (pool.count(of: $0), $0.maximum) }
    }

    /// Whether work waits for a connection that the limits do not allow yet.
    var isWaiting: Bool { !waiting.isEmpty && connections.isEmpty }

    /// Whether its server is being left alone for a while.
    var isBroken: Bool { brokenUntil > .now() }

    /// Whether there is nothing left of it.
    var isEmpty: Bool { waiting.isEmpty && connections.isEmpty }

    func submit(_ messages: some Collection<OutgoingMessage>) {
        waiting.append(contentsOf: messages)
        if isStopping { return deferWaiting(.stopped) }
        dispatch()
    }

    /// Gives up what was not sent to its end; what is, waits for its replies.
    func stop() {
        isStopping = true
        deferWaiting(.stopped)
        for connection in connections { connection.stop() }
    }

    /// Ends all connections, whatever they wait for.
    func giveUp() {
        for connection in connections { connection.giveUp() }
    }

    /// Ends all connections once the work is done.
    func shutDown() {
        isShuttingDown = true
        for connection in connections where connection.load == 0 { connection.quit() }
        dispatch()
    }

    /// Ends one connection without work, so that another lane may open one.
    func giveUpIdleConnection() -> Bool {
        guard waiting.isEmpty, let idle = connections.first(where: { $0.isReady && $0.load == 0 && $0.isOpen }) else {
            return false
        }
        idle.quit()
        return true
    }

    // MARK: Work

    /// Gives out what waits: to connections without work, then to new ones, then as a second message to those at work.
    func dispatch() {
        while !waiting.isEmpty {
            let candidate = leastLoaded()
            if let candidate, candidate.load == 0 {
                candidate.take(waiting.removeFirst())
            } else if isBroken {
                deferWaiting(brokenReason ?? .closed(nil, "the server could not be reached"))
            } else if mayConnect {
                connect()
            } else if let candidate {
                candidate.take(waiting.removeFirst())
            } else {
                if connections.isEmpty { pool?.makeRoom(for: self) }
                return
            }
        }
        if isShuttingDown {
            for connection in connections where connection.load == 0 { connection.quit() }
        }
    }

    /// Whether the limits allow another connection.
    private var mayConnect: Bool {
        limits.allSatisfy { $0.count.connections < $0.maximum }
            && (connections.count < refusedAbove || refusedUntil <= .now())
    }

    /// The connection with room for a message that has the least to do.
    private func leastLoaded() -> ClientHandler? {
        var best: ClientHandler?
        for connection in connections where connection.load < best?.load ?? ClientHandler.depth {
            // One that is not ready has a message from the beginning: a second would wait for its opening.
            guard connection.isReady || connection.load == 0, connection.isOpen else { continue }
            best = connection
        }
        return best
    }

    private func deferWaiting(_ failure: ClientFailure) {
        // A session that never had a connection makes the reports.
        var session = ClientSession(options: destination.options)
        if case .stopped = failure { session.stop() }
        var messages: [TransactionID: OutgoingMessage] = [:]
        while let message = waiting.popFirst() {
            messages[session.enqueue(message.envelope)] = message
        }
        if case .connectionFailed(let reason) = failure {
            session.connectionFailed(reason)
        } else {
            session.connectionFailed("\(failure)")
        }
        while let action = session.nextAction() {
            guard case .finished(let report) = action, let message = messages[report.id] else { continue }
            // Nobody was taken, so nobody is left for another transaction.
            _ = message.complete(report, isNotifiedByServer: false)
        }
    }

    // MARK: Connections

    private func connect() {
        guard let pool else { return deferWaiting(.connectionFailed("the pool of connections is gone")) }
        for limit in limits { limit.count.connections += 1 }
        let connection = ClientHandler(
            destination: destination, number: pool.nextConnectionNumber(), eventLoop: pool.eventLoop)
        connection.owner = self
        connections.append(connection)
        connection.take(waiting.removeFirst())
        pool.connect(connection)
    }

    func connection(
        _ connection: ClientHandler, finished message: OutgoingMessage, report: TransactionReport,
        isNotifiedByServer: Bool
    ) {
        // Nothing was said about it: another connection may have more luck, but for a server that refuses them all.
        if report.wasAttempted, !connection.isFailing {
            lastAnswer = connection.lastProgress
            brokenUntil = .uptimeNanoseconds(0)
        }
        let isRetried =
            !isStopping && !report.wasAttempted && message.attempts < Self.attemptLimit && connection.isFailing
        if isRetried, connection.wasUsed || connections.contains(where: { $0 !== connection && $0.isReady }) {
            // What was sent is the first on the next connection, as a server that takes one message at a time needs it.
            if report.wasSent {
                waiting.prepend(message.afterLostConnection())
            } else {
                waiting.append(message)
            }
        } else if let rest = message.complete(report, isNotifiedByServer: isNotifiedByServer) {
            // This connection knows how many the server takes.
            if !isStopping, connection.isOpen { return connection.take(rest) }
            waiting.prepend(rest)
            if isStopping { deferWaiting(.stopped) }
        }
    }

    func connectionHasRoom(_ connection: ClientHandler) {
        if !waiting.isEmpty {
            guard connection.isReady else { return }
            // With work waiting there is no connection without any: only a new one could serve better than this.
            if connection.load == 0 || !mayConnect { return connection.take(waiting.removeFirst()) }
            dispatch()
        } else if connection.load == 0, connection.isReady, isShuttingDown || pool?.isAnyoneHungry != false {
            connection.quit()
        }
    }

    func connectionClosed(_ connection: ClientHandler, failure: ClientFailure?) {
        connections.removeAll { $0 === connection }
        for limit in limits { limit.count.connections -= 1 }
        if let failure, case .timedOut(let phase) = failure, connection.takenCount > 0 {
            // The server is not there for anybody if it said nothing on another connection meanwhile either.
            let isOpening = !connection.isReady
            let answered = isOpening ? connections.map(\.readySince).max() ?? lastAnswer : lastAnswer
            if phase != .quit, max(answered, lastAnswer) < connection.waitingSince {
                breakUntilLater(failure)
            } else if isOpening {
                refuseMore()
            }
        } else if let failure, !connection.isReady, connection.takenCount > 0 {
            if connections.contains(where: { $0.isReady }) {
                refuseMore()
            } else if connections.isEmpty {
                breakUntilLater(failure)
            }
        }
        pool?.laneChanged(self)
    }

    private func refuseMore() {
        refusedAbove = max(1, connections.count)
        refusedUntil = .now() + Self.holdOff
    }

    private func breakUntilLater(_ failure: ClientFailure) {
        brokenUntil = .now() + Self.holdOff
        brokenReason = failure
    }
}
