// All connections over which the messages of one event loop's clients are passed on to stores.

package import LMTP
package import NIOCore

/// Passes messages on over connections that it makes, keeps, shares and ends; used on its event loop alone.
package final class RelayPool {
    let eventLoop: any EventLoop
    let limits: RelayLimits
    /// How many pools share the limits on connections; each has its part of them.
    private let sharers: Int
    private var queues: [ObjectIdentifier: RelayQueue] = [:]
    /// What is decided.
    private var state = PoolState<ObjectIdentifier>()
    private var lastNumber = 0
    private var ticker: RepeatedTask?
    private var shutdownPromise: EventLoopPromise<Void>?

    /// A pool on an event loop.
    ///
    /// - Parameter sharers: how many pools of the process share what the destinations allow.
    package init(eventLoop: any EventLoop, limits: RelayLimits, sharers: Int = 1) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.sharers = max(1, sharers)
    }

    /// Begins to pass a transaction on.
    ///
    /// - Parameters:
    ///   - transaction: with its first recipients.
    ///   - tell: is told what comes of it, on the event loop; the last is `RelayNews.ended`.
    package func begin(
        _ transaction: RelayTransaction, at destination: Destination, tell: @escaping (RelayNews) -> Void
    ) -> RelayLease {
        RelayLease(destination, transaction, patience: .now() + .seconds(Int64(limits.wait)), tell: tell)
    }

    /// Gives a transaction its connection, or sends over it what was wished for; what that leads to may be told before this
    /// returns.
    package func flush(_ lease: RelayLease) {
        if lease.connection != nil { return lease.flush() }
        guard lease.queue == nil, lease.transaction != nil else { return }
        startTicking()
        queue(of: lease.destination).submit(lease)
    }

    private func queue(of destination: Destination) -> RelayQueue {
        let name = ObjectIdentifier(destination)
        if let known = queues[name] { return known }
        // Each pool that shares a limit has its part of it, and one connection at the least.
        state.add(
            name,
            limits: destination.connectionLimits.map {
                ConnectionLimit(scope: $0.scope, maximum: max(1, $0.maximum / sharers))
            })
        let made = RelayQueue(destination: destination, pool: self)
        queues[name] = made
        return made
    }

    /// Ends all connections politely, each after its transaction, and all of them after a time.
    package func shutDown(within limit: TimeAmount) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        shutdownPromise = promise
        state.shutDown()
        for queue in queues.values { queue.shutDown() }
        endIfDone()
        eventLoop.assumeIsolated().scheduleTask(in: limit) { for queue in self.queues.values { queue.giveUp() } }
        return promise.futureResult
    }

    // MARK: For the queues

    /// Whether the limits allow the queue another connection.
    func allows(_ queue: RelayQueue) -> Bool { state.allows(queue.name) }

    /// The queue makes a connection, whose number this gives.
    func connects(_ queue: RelayQueue) -> Int {
        state.connects(queue.name)
        lastNumber += 1
        return lastNumber
    }

    /// Whether a destination waits for its first connection.
    var isAnyoneWaiting: Bool { state.isAnyoneWaiting }

    /// The queue has no connection, and may not make one.
    func waits(_ queue: RelayQueue) {
        let helper = state.waits(queue.name) { queues[$0]?.hasIdleConnection == true }
        if let helper { queues[helper]?.endIdleConnection() }
    }

    /// Nothing of the queue waits any more.
    func waitsNoMore(_ queue: RelayQueue) { state.waitsNoMore(queue.name) }

    /// A connection of the queue is closed.
    func closed(_ queue: RelayQueue) {
        for name in state.closed(queue.name, hasWork: queue.isWaiting) { queues[name]?.dispatch() }
        endIfDone()
    }

    private func endIfDone() {
        guard state.isEnded, let promise = shutdownPromise else { return }
        shutdownPromise = nil
        promise.succeed(())
    }

    /// Makes the connection of a handler.
    func connect(_ connection: RelayConnection) {
        let patience = TimeAmount.seconds(
            Int64(min(limits.connection, connection.destination.limits.connection.seconds)))
        let deadline = NIODeadline.now() + patience
        let connector = Connector(
            endpoint: connection.destination.endpoint, eventLoop: eventLoop, patience: patience)
        connector.connect(connection) { [weak self] isBusy in
            let mayWait = self?.shutdownPromise == nil && .now() + Self.busyPause < deadline
            return isBusy && mayWait ? Self.busyPause : nil
        } failed: { reason in
            connection.connectionFailed(reason)
        }
    }

    /// Between two attempts at a server that is busy.
    private static let busyPause = TimeAmount.milliseconds(50)

    // MARK: Time

    /// Looks at the clock twice a second, as long as there is anything to look at.
    private func startTicking() {
        guard ticker == nil else { return }
        let pool = NIOLoopBound(self, eventLoop: eventLoop)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in pool.value.look() }
    }

    private static let tick = TimeAmount.milliseconds(500)

    private func look() {
        let now = NIODeadline.now()
        for queue in queues.values { queue.tick(now) }
        // Nobody's, and there may be as many as hosts: kept only while it is in use.
        for (name, queue) in queues where state.forget(name, unless: queue.isBroken) { queues[name] = nil }
        guard queues.isEmpty else { return }
        ticker?.cancel()
        ticker = nil
    }
}
