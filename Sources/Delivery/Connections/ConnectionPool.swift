// All connections of a process, on one event loop: two cores do not make a dialogue faster, and one loop needs no locks.

import LMTP
import NIOCore
import NIOPosix

/// Delivers messages over connections that it makes, shares and ends.
package final class ConnectionPool: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let core: NIOLoopBoundBox<Core>
    private let eventLoop: any EventLoop

    /// Starts the connections' thread.
    package init() {
        prepareDispatch()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        self.eventLoop = eventLoop
        core = NIOLoopBoundBox.makeBoxSendingValue(Core(eventLoop: eventLoop), eventLoop: eventLoop)
    }

    /// Delivers a message; its completion is called, whatever happens, with an outcome for each recipient.
    package func submit(_ message: OutgoingMessage, to destination: Destination) {
        let core = self.core
        eventLoop.execute { core.value.submit(CollectionOfOne(message), to: destination) }
    }

    /// Delivers messages in their order, as `submit` does each: the connections' thread is told once of all of them.
    package func submit(_ messages: [OutgoingMessage], to destination: Destination) {
        let core = self.core
        eventLoop.execute { core.value.submit(messages, to: destination) }
    }

    /// Sends nothing more: what was not sent to its last byte is given up at once (`TransactionReport.isGivenUp`), and
    /// final replies are waited for, but not longer than a time.
    package func stop(waitingForReplies limit: TimeSpan) {
        let core = self.core
        eventLoop.execute { core.value.stop(waiting: .seconds(Int64(limit.seconds))) }
    }

    /// Does something after a time, on the connections' thread: it must not block.
    func schedule(in pause: TimeAmount, _ work: @escaping @Sendable () -> Void) {
        eventLoop.scheduleTask(in: pause, work)
    }

    /// Ends all connections politely, after the work that is left, and the thread.
    package func shutDown() {
        let core = self.core
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { core.value.shutDown(promise) }
        try? promise.futureResult.wait()
        try? group.syncShutdownGracefully()
    }
}

// What obeys the pool's decisions, all of it on the event loop: a queue for each destination, and its connections.

extension ConnectionPool {
    /// The queues of all destinations.
    final class Core {
        typealias State = PoolState<ObjectIdentifier>

        let eventLoop: any EventLoop
        private var queues: [ObjectIdentifier: DestinationQueue] = [:]
        /// What is decided.
        private var state = State()
        private var lastNumber = 0
        private var shutdownPromise: EventLoopPromise<Void>?

        init(eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
        }

        func submit(_ messages: some Collection<OutgoingMessage>, to destination: Destination) {
            let name = ObjectIdentifier(destination)
            if let queue = queues[name] { return queue.submit(messages) }
            state.add(name, limits: destination.connectionLimits)
            let queue = DestinationQueue(destination: destination, pool: self)
            if state.isStopping { queue.stop() }
            queues[name] = queue
            queue.submit(messages)
        }

        /// Gives up what was not sent to its end, and after a time all the rest.
        func stop(waiting limit: TimeAmount) {
            state.stop()
            for queue in queues.values { queue.stop() }
            eventLoop.assumeIsolated().scheduleTask(in: limit) { for queue in self.queues.values { queue.giveUp() } }
        }

        func shutDown(_ promise: EventLoopPromise<Void>) {
            state.shutDown()
            shutdownPromise = promise
            for queue in queues.values { queue.shutDown() }
            endIfDone()
        }

        /// Whether a destination waits for its first connection.
        var isAnyoneWaiting: Bool { state.isAnyoneWaiting }

        func nextConnectionNumber() -> Int {
            lastNumber += 1
            return lastNumber
        }

        /// Whether the limits allow the queue another connection.
        func allows(_ queue: DestinationQueue) -> Bool { state.allows(queue.name) }

        /// The queue makes a connection.
        func connects(_ queue: DestinationQueue) { state.connects(queue.name) }

        /// The queue has no connection, and may not make one.
        func waits(_ queue: DestinationQueue) {
            let helper = state.waits(queue.name) { queues[$0]?.hasIdleConnection == true }
            if let helper { queues[helper]?.endIdleConnection() }
        }

        /// Nothing of the queue waits any more.
        func waitsNoMore(_ queue: DestinationQueue) { state.waitsNoMore(queue.name) }

        /// A connection of the queue is closed.
        func closed(_ queue: DestinationQueue) {
            for name in state.closed(queue.name, hasWork: queue.hasWork) { queues[name]?.dispatch() }
            if state.forget(queue.name, unless: queue.isBroken) { queues[queue.name] = nil }
            endIfDone()
        }

        private func endIfDone() {
            guard state.isEnded, let promise = shutdownPromise else { return }
            shutdownPromise = nil
            promise.succeed(())
        }

        /// Makes the connection of a handler.
        func connect(_ connection: ClientHandler) {
            let destination = connection.destination
            let connector = Connector(
                endpoint: destination.endpoint, eventLoop: eventLoop,
                patience: .seconds(Int64(destination.limits.connection.seconds)))
            connector.connect(connection) { isBusy in
                let outcome = connection.state.connectFailed(
                    isBusy: isBusy, isEnding: self.state.isShuttingDown, at: .now())
                return if case .again(let pause) = outcome { pause } else { nil }
            } failed: { reason in
                connection.connectionFailed(reason)
            }
        }
    }
}
