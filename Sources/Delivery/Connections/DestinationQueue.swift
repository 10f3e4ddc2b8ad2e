// The connections to one destination, and the messages that wait for one of them.

import LMTP
import NIOCore
import NIOPosix

/// All work for one destination; it runs on the pool's event loop.
final class DestinationQueue {
    let destination: Destination
    /// Weak, because a connection holds its queue, and may outlive the pool.
    private weak var pool: ConnectionPool.Core?
    private var waiting = CircularBuffer<OutgoingMessage>()
    private var connections: [ClientHandler] = []
    /// What is decided.
    private var state = DestinationState()

    init(destination: Destination, pool: ConnectionPool.Core) {
        self.destination = destination
        self.pool = pool
    }

    /// What it is called among the queues of the pool.
    var name: ObjectIdentifier { ObjectIdentifier(destination) }

    /// Whether work waits for a connection.
    var hasWork: Bool { !waiting.isEmpty }

    /// Whether its server is being left alone for a while.
    var isBroken: Bool { state.isBroken(at: .now()) }

    func submit(_ messages: some Collection<OutgoingMessage>) {
        waiting.append(contentsOf: messages)
        if state.isStopping { return deferWaiting(.stopped) }
        dispatch()
    }

    /// Gives up what was not sent to its end; what is, waits for its replies.
    func stop() {
        state.stop()
        deferWaiting(.stopped)
        for connection in connections { connection.stop() }
    }

    /// Ends all connections, whatever they wait for.
    func giveUp() {
        for connection in connections { connection.giveUp() }
    }

    /// Ends all connections once the work is done.
    func shutDown() {
        state.shutDown()
        quitIdle()
        dispatch()
    }

    /// Whether a connection could be ended at once, and there is no work for it.
    var hasIdleConnection: Bool { waiting.isEmpty && connections.contains { $0.state.isIdle } }

    /// Ends one connection without work, so that another destination may open one.
    func endIdleConnection() { connections.first { $0.state.isIdle }?.quit() }

    // MARK: Work

    /// Gives out what waits.
    func dispatch() {
        while !waiting.isEmpty {
            switch state.nextStep(connections, allowed: isAllowed, at: .now()) {
            case .give(let index): connections[index].take(waiting.removeFirst())
            case .connect: connect()
            case .deferWaiting(let failure): deferWaiting(failure)
            case .wait(let forOthers):
                if forOthers { pool?.waits(self) }
                return
            }
        }
        if state.isShuttingDown { quitIdle() }
    }

    private func quitIdle() {
        for connection in connections where connection.state.load == 0 { connection.quit() }
    }

    /// Whether the limits allow another connection.
    private var isAllowed: Bool { pool?.allows(self) ?? true }

    private func deferWaiting(_ failure: ClientFailure) {
        pool?.waitsNoMore(self)
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
        pool.connects(self)
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
        let disposal = state.finished(
            wasAttempted: report.wasAttempted, wasSent: report.wasSent, attempts: message.attempts, on: connection,
            isFailing: connection.isFailing,
            isAnotherReady: connections.contains { $0 !== connection && $0.state.isReady })
        switch disposal {
        case .retry(asFirst: true): waiting.prepend(message.afterLostConnection())
        case .retry(asFirst: false): waiting.append(message)
        case .complete:
            guard let rest = message.complete(report, isNotifiedByServer: isNotifiedByServer) else { return }
            // This connection knows how many the server takes.
            if !state.isStopping, connection.state.isOpen { return connection.take(rest) }
            waiting.prepend(rest)
            if state.isStopping { deferWaiting(.stopped) }
        }
    }

    func connectionHasRoom(_ connection: ClientHandler) {
        let offer = state.offer(
            to: connection, isWaiting: !waiting.isEmpty,
            mayConnect: isAllowed && state.mayConnect(connections.count, at: .now()),
            isAnyoneWaiting: pool?.isAnyoneWaiting != false)
        switch offer {
        case .give: connection.take(waiting.removeFirst())
        case .dispatch: dispatch()
        case .quit: connection.quit()
        case .nothing: break
        }
    }

    func connectionClosed(_ connection: ClientHandler, failure: ClientFailure?) {
        connections.removeAll { $0 === connection }
        state.closed(connection.state, failure, others: connections, at: .now())
        pool?.closed(self)
    }
}
