// All connections over which the messages of one loop's clients are passed on to stores.

package import LMTP
package import NIOCore

/// What is decided for all queues of a pool together.
final class RelayLedger {
    var state = PoolState<ObjectIdentifier>()
}

/// Passes messages on over connections that it makes, keeps, shares and ends; used on its loop alone.
package final class RelayPool {
    private let loop: any RelayLoop
    let limits: RelayLimits
    /// How many pools share the limits on connections; each has its part of them.
    private let sharers: Int
    private var queues: [ObjectIdentifier: RelayQueue] = [:]
    /// What is decided; the queues have it too.
    private let ledger = RelayLedger()
    private var lastNumber = 0
    private var isTicking = false
    private var whenEnded: (() -> Void)?

    /// A pool on a loop.
    ///
    /// - Parameter sharers: how many pools of the process share what the destinations allow.
    package init(_ loop: any RelayLoop, limits: RelayLimits, sharers: Int = 1) {
        self.loop = loop
        self.limits = limits
        self.sharers = max(1, sharers)
    }

    /// Begins to pass a transaction on.
    ///
    /// - Parameters:
    ///   - transaction: with its first recipients.
    ///   - predecessor: a transaction for the same destination whose message is ended, and which this one is to follow.
    ///   - listener: is told what comes of it, by the number, on the loop; the last is `RelayNews.ended`.
    package func begin(
        _ transaction: consuming RelayTransaction, at destination: Destination, after predecessor: RelayLease? = nil,
        for listener: any RelayListener, number: Int
    ) -> RelayLease {
        RelayLease(
            destination, transaction, patience: .now() + .seconds(Int64(limits.wait)), after: predecessor,
            for: listener, number: number)
    }

    /// Gives a transaction its connection, or sends over it what was wished for.
    ///
    /// What that leads to may be told before this returns. One that follows another goes along with the end of that one's
    /// message, where that is safe; otherwise it is to be flushed again once that one has ended.
    package func flush(_ lease: RelayLease) {
        if lease.connection != nil { return lease.flush() }
        guard lease.queue == nil, lease.transaction != nil else { return }
        if lease.isBehindAnother { return join(lease) }
        if !isTicking { startTicking() }
        queue(of: lease.destination).submit(lease)
    }

    /// Sends a transaction along with the end of the message of the one before it, unless others wait for a connection.
    private func join(_ lease: RelayLease) {
        guard let connection = lease.connectionOfPredecessor, connection.owner?.isWaiting == false,
            !ledger.state.isAnyoneWaiting,
            connection.takeNext(lease)
        else { return }
        connection.drive()
    }

    private func queue(of destination: Destination) -> RelayQueue {
        let name = ObjectIdentifier(destination)
        if let known = queues[name] { return known }
        // Each pool that shares a limit has its part of it, and one connection at the least.
        ledger.state.add(
            name,
            limits: destination.connectionLimits.map {
                ConnectionLimit(scope: $0.scope, maximum: max(1, $0.maximum / sharers))
            })
        let made = RelayQueue(destination: destination, pool: self, ledger: ledger)
        queues[name] = made
        return made
    }

    /// Ends all connections politely, each after its transaction, and all of them after a time.
    ///
    /// - Parameter done: is called once there is none.
    package func shutDown(within limit: TimeAmount, done: @escaping () -> Void) {
        whenEnded = done
        ledger.state.shutDown()
        for queue in queues.values { queue.shutDown() }
        endIfDone()
        loop.schedule(after: limit) { self.giveUp() }
    }

    /// Ends all connections at once.
    package func giveUp() { for queue in queues.values { queue.giveUp() } }

    // MARK: For the queues

    /// Whether the limits allow the queue another connection.
    func allows(_ queue: RelayQueue) -> Bool { ledger.state.allows(queue.name) }

    /// The queue makes a connection, whose number this gives.
    func connects(_ queue: RelayQueue) -> Int {
        ledger.state.connects(queue.name)
        lastNumber += 1
        return lastNumber
    }

    /// The queue has no connection, and may not make one.
    func waits(_ queue: RelayQueue) {
        let helper = ledger.state.waits(queue.name) { queues[$0]?.hasIdleConnection == true }
        if let helper { queues[helper]?.endIdleConnection() }
    }

    /// A connection of the queue is closed.
    func closed(_ queue: RelayQueue) {
        for name in ledger.state.closed(queue.name, hasWork: queue.isWaiting) { queues[name]?.dispatch() }
        endIfDone()
    }

    private func endIfDone() {
        guard ledger.state.isEnded, let done = whenEnded.take() else { return }
        done()
    }

    /// Makes a connection.
    func connect(_ connection: RelayConnection) {
        let patience = TimeAmount.seconds(
            Int64(min(limits.connection, connection.destination.limits.connection.seconds)))
        let deadline = NIODeadline.now() + patience
        loop.connect(connection, to: connection.destination, patience: patience) { [weak self] isBusy in
            let mayWait = self?.ledger.state.isShuttingDown == false && .now() + Self.busyPause < deadline
            return isBusy && mayWait ? Self.busyPause : nil
        }
    }

    /// Between two attempts at a server that is busy.
    private static let busyPause = TimeAmount.milliseconds(50)

    // MARK: Time

    /// Looks at the clock twice a second, as long as there is anything to look at.
    private func startTicking() {
        isTicking = true
        loop.schedule(after: Self.tick) { self.look() }
    }

    private static let tick = TimeAmount.milliseconds(500)

    private func look() {
        let now = NIODeadline.now()
        for queue in queues.values { queue.tick(now) }
        // Nobody's, and there may be as many as hosts: kept only while it is in use.
        for (name, queue) in queues where ledger.state.forget(name, unless: queue.isBroken) { queues[name] = nil }
        isTicking = false
        if !queues.isEmpty { startTicking() }
    }
}
