// The connections to one destination over which messages are passed on, and the transactions that wait for one.

import LMTP
import NIOCore

/// All that is passed on to one destination; it runs on the pool's event loop alone.
final class RelayQueue {
    /// How long a server that refuses connections is left alone, and one that does not answer.
    private static let refusedPause = TimeAmount.seconds(1), silentPause = TimeAmount.seconds(10)

    let destination: Destination
    /// Weak, because a connection holds its queue, and may outlive the pool; not looked at with every transaction.
    private weak var pool: RelayPool?
    private let ledger: RelayLedger
    private var waiting = CircularBuffer<RelayLease>()
    private var connections: [RelayConnection] = []
    /// No connection is tried before this, after one failed and there was no other.
    private var brokenUntil = NIODeadline.uptimeNanoseconds(0)
    private var brokenReason = ClientFailure.stopped
    /// The server refused more connections than this while it served them.
    private var refusedAbove = Int.max, refusedUntil = NIODeadline.uptimeNanoseconds(0)
    private var isShuttingDown = false

    init(destination: Destination, pool: RelayPool, ledger: RelayLedger) {
        self.destination = destination
        self.ledger = ledger
        self.pool = pool
    }

    /// Whether a transaction waits for a connection.
    var isWaiting: Bool { !waiting.isEmpty }

    /// The name by which the pool knows it.
    var name: ObjectIdentifier { ObjectIdentifier(destination) }

    /// Whether its server is being left alone.
    var isBroken: Bool { brokenUntil > .now() }

    /// Whether it has a connection without a transaction, and none that waits for one.
    var hasIdleConnection: Bool { waiting.isEmpty && connections.contains(where: \.isIdle) }

    /// Takes a transaction.
    func submit(_ lease: RelayLease) {
        lease.queue = self
        waiting.append(lease)
        dispatch()
    }

    /// Forgets a transaction that waits.
    func drop(_ lease: RelayLease) {
        waiting.removeAll { $0 === lease }
        if waiting.isEmpty { ledger.state.waitsNoMore(name) }
        lease.transaction = nil
        lease.say(.ended(.stopped))
    }

    /// Ends each connection once it has no transaction.
    func shutDown() {
        isShuttingDown = true
        for connection in connections where connection.lease == nil { connection.quit() }
    }

    /// Ends all connections, whatever they wait for.
    func giveUp() {
        while let lease = waiting.popFirst() { drop(lease) }
        for connection in connections { connection.giveUp() }
    }

    /// Ends one connection without a transaction, so that another destination may open one.
    func endIdleConnection() { connections.first(where: \.isIdle)?.quit() }

    /// Looks at the clock.
    func tick(_ now: NIODeadline) {
        for connection in connections { connection.tick(now) }
        while let first = waiting.first, first.patience <= now {
            waiting.removeFirst()
            fail(first, .connectionFailed("\(destination.endpoint): all connections that it may have are in use"))
        }
        if waiting.isEmpty { ledger.state.waitsNoMore(name) }
    }

    // MARK: Work

    /// Gives out what waits.
    func dispatch() {
        while let lease = waiting.first {
            if !lease.needsFreshConnection, let idle = connections.last(where: { $0.isIdle }) {
                waiting.removeFirst()
                idle.take(lease)
                idle.drive()
            } else if isBroken {
                waiting.removeFirst()
                fail(lease, brokenReason)
            } else if let pool, pool.allows(self), connections.count < refusedAbove || refusedUntil <= .now() {
                waiting.removeFirst()
                connect(lease, pool)
            } else {
                if let idle = connections.first(where: \.isIdle) {
                    // It may be as stale as the one that was lost.
                    idle.giveUp()
                    continue
                }
                if connections.isEmpty { pool?.waits(self) }
                return
            }
        }
        ledger.state.waitsNoMore(name)
    }

    private func fail(_ lease: RelayLease, _ failure: ClientFailure) {
        guard let transaction = lease.transaction.take() else { return }
        lease.fail(transaction, failure)
    }

    private func connect(_ lease: RelayLease, _ pool: RelayPool) {
        let connection = RelayConnection(
            destination: destination, number: pool.connects(self), limits: pool.limits)
        connection.owner = self
        connections.append(connection)
        connection.take(lease)
        connection.drive()
        pool.connect(connection)
    }

    // MARK: Connections

    /// A connection has no transaction any more.
    func connectionIsFree(_ connection: RelayConnection) {
        brokenUntil = .uptimeNanoseconds(0)
        if !waiting.isEmpty { return dispatch() }
        if isShuttingDown || ledger.state.isAnyoneWaiting { connection.quit() }
    }

    /// A connection was lost with a transaction.
    func interrupted(
        _ lease: RelayLease, _ transaction: RelayTransaction, _ failure: ClientFailure, on connection: RelayConnection
    ) {
        let isLost =
            switch failure {
            case .closed, .serviceUnavailable: true
            default: false
            }
        // The store has closed it while nothing was under way, which is nobody's fault: nothing was answered.
        guard isLost, transaction.canBeRetried, connection.wasUsed, !lease.needsFreshConnection else {
            return lease.fail(transaction, failure)
        }
        var transaction = transaction
        transaction.restart()
        lease.transaction = transaction
        lease.needsFreshConnection = true
        // One that went along with a message was never handed in.
        lease.queue = self
        waiting.prepend(lease)
    }

    func connectionClosed(_ connection: RelayConnection, failure: ClientFailure?) {
        connections.removeAll { $0 === connection }
        if let failure, !connection.isReady { noteRefusal(failure) }
        pool?.closed(self)
    }

    /// A connection was not opened.
    private func noteRefusal(_ failure: ClientFailure) {
        let isSilent = if case .timedOut = failure { true } else { false }
        let pause = isSilent ? Self.silentPause : Self.refusedPause
        if connections.contains(where: \.isReady) {
            refusedAbove = max(1, connections.count)
            refusedUntil = .now() + pause
        } else {
            brokenUntil = .now() + pause
            brokenReason = failure
        }
    }
}
