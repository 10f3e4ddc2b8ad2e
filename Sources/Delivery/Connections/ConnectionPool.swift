// All connections of a process, on one event loop: two cores do not make a dialogue faster, and one loop needs no locks.

import Glibc
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

// The pool's state, all of it on the event loop: a queue for each destination, and the connections counted against shared limits.

extension ConnectionPool {
    /// The open connections of one scope, counted by all destinations whose limits concern it.
    final class Count {
        var connections = 0
    }

    /// The queues of all destinations.
    final class Core {
        let eventLoop: any EventLoop
        private var queues: [ObjectIdentifier: DestinationQueue] = [:]
        private var counts: [String: Count] = [:]
        private var connectionCount = 0
        private var shutdownPromise: EventLoopPromise<Void>?
        private var isStopping = false

        init(eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
        }

        func submit(_ messages: some Collection<OutgoingMessage>, to destination: Destination) {
            if let queue = queues[ObjectIdentifier(destination)] { return queue.submit(messages) }
            let queue = DestinationQueue(destination: destination, pool: self)
            if isStopping { queue.stop() }
            queues[ObjectIdentifier(destination)] = queue
            queue.submit(messages)
        }

        /// Gives up what was not sent to its end, and after a time all the rest.
        func stop(waiting limit: TimeAmount) {
            isStopping = true
            for queue in queues.values { queue.stop() }
            eventLoop.assumeIsolated().scheduleTask(in: limit) { for queue in self.queues.values { queue.giveUp() } }
        }

        func shutDown(_ promise: EventLoopPromise<Void>) {
            shutdownPromise = promise
            for queue in queues.values { queue.shutDown() }
            endIfDone()
        }

        /// Whether a destination waits for its first connection.
        var isAnyoneWaiting: Bool { queues.values.contains { $0.isWaiting } }

        func nextConnectionNumber() -> Int {
            connectionCount += 1
            return connectionCount
        }

        /// What is counted against a limit.
        func count(of limit: Destination.ConnectionLimit) -> Count {
            if let count = counts[limit.scope] { return count }
            let count = Count()
            counts[limit.scope] = count
            return count
        }

        /// Ends a connection that has no work, for a destination that needs one.
        func makeRoom(for waiting: DestinationQueue) {
            for queue in queues.values where queue !== waiting {
                if queue.giveUpIdleConnection() { return }
            }
        }

        /// A connection of the queue is gone.
        func queueChanged(_ queue: DestinationQueue) {
            for other in queues.values where other !== queue && other.isWaiting { other.dispatch() }
            queue.dispatch()
            // Nobody's, and there may be as many as hosts: kept only while it is in use.
            if queue.isEmpty, !queue.isBroken { queues[ObjectIdentifier(queue.destination)] = nil }
            endIfDone()
        }

        private func endIfDone() {
            guard let promise = shutdownPromise, queues.values.allSatisfy({ $0.isEmpty }) else { return }
            shutdownPromise = nil
            promise.succeed(())
        }

        /// Makes the connection of a handler.
        func connect(_ connection: ClientHandler) {
            let patience = TimeAmount.seconds(Int64(connection.destination.limits.connection.seconds))
            connect(connection, until: .now() + patience)
        }

        /// Between two attempts at a server that is busy.
        private static let busyPause = TimeAmount.milliseconds(50)

        /// Whether a busy server is tried once more.
        private func mayWait(until deadline: NIODeadline) -> Bool {
            shutdownPromise == nil && .now() + Self.busyPause < deadline
        }

        private func connect(_ connection: ClientHandler, until deadline: NIODeadline) {
            let bound = NIOLoopBound(connection, eventLoop: eventLoop)
            let destination = connection.destination
            let bootstrap = ClientBootstrap(group: eventLoop)
                .connectTimeout(.seconds(Int64(destination.limits.connection.seconds)))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(bound.value)
                    }
                }
            let future: EventLoopFuture<any Channel>
            switch destination.endpoint {
            case .unix(let path): future = bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port):
                if let address = try? SocketAddress(ipAddress: host, port: port) {
                    future = bootstrap.connect(to: address)
                } else {
                    future = bootstrap.connect(host: host, port: port)
                }
            }
            let endpoint = destination.endpoint
            let core = NIOLoopBound(self, eventLoop: eventLoop)
            future.whenFailure { error in
                // The server is there and has not come to accept: its queue is full (connect(2), EAGAIN).
                if (error as? IOError)?.errnoCode == EAGAIN, core.value.mayWait(until: deadline) {
                    core.value.eventLoop.scheduleTask(in: Self.busyPause) {
                        core.value.connect(bound.value, until: deadline)
                    }
                } else {
                    bound.value.connectionFailed("\(endpoint): \(describe(error))")
                }
            }
        }
    }
}
