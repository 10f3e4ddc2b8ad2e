// The front's sockets and threads.

package import Delivery
import NIOCore
import NIOPosix
package import Service
package import Spool
import Synchronization
package import System

/// Takes mail by LMTP for the stores behind it.
package final class FrontServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let sockets: [ListeningSocket]
    private let channels: [any Channel]
    private let loops: [NIOLoopBoundBox<FrontLoop>]
    private let shared: FrontShared
    private let isOver = Atomic(false)

    /// Serves sockets that listen, which are its own from now on.
    ///
    /// - Parameters:
    ///   - plan: how channels are served.
    ///   - spool: where what no store is asked for goes; nil where there is none.
    ///   - threads: how many event loops there are; each has its own connections to the stores.
    ///   - resolve: finds out where addresses lead.
    ///   - report: is told of stores and of a spool that fail.
    /// - Throws: the reason why it cannot listen.
    package init(
        sockets: [ListeningSocket], plan: DeliveryPlan, settings: FrontSettings, spool: PostOffice?, threads: Int = 1,
        resolve: @escaping ResolveRecipient, report: @escaping @Sendable (String) -> Void
    ) throws(FileError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads))
        self.group = group
        self.sockets = sockets
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        let shared = FrontShared(
            settings: settings, postOffice: spool, threads: pool, resolve: resolve, report: report)
        self.shared = shared
        var loops: [ObjectIdentifier: NIOLoopBoundBox<FrontLoop>] = [:]
        for eventLoop in group.makeIterator() {
            loops[ObjectIdentifier(eventLoop)] = NIOLoopBoundBox.makeBoxSendingValue(
                FrontLoop(eventLoop: eventLoop, shared: shared, plan: plan, sharers: max(1, threads)),
                eventLoop: eventLoop)
        }
        self.loops = Array(loops.values)
        let known = loops
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: ListeningSocket.backlog)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // A usual message comes, and goes on to its store, as one piece.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 16 << 10, initial: 16 << 10, maximum: 64 << 10)
            )
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = known[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.eof }
                    try channel.pipeline.syncOperations.addHandler(FrontConnection(loop.value))
                }
            }
        do throws(FileError) {
            channels = try ListeningSocket.serve(sockets) {
                try bootstrap.withBoundSocket($0).wait()
            } end: {
                try? $0.close().wait()
            }
        } catch {
            try? group.syncShutdownGracefully()
            try? pool.syncShutdownGracefully()
            throw error
        }
    }

    /// The port it listens on; nil for a socket in the file system.
    package var port: Int? { sockets.lazy.compactMap(\.port).first }

    /// What was counted so far.
    package var counts: FrontCounts.Snapshot {
        var snapshot = shared.counts.snapshot
        snapshot.openConnections = shared.connections.count
        return snapshot
    }

    /// Recipients that are named from now on go by another plan.
    package func reload(plan: DeliveryPlan) {
        for loop in loops { loop.eventLoop.execute { loop.value.follow(plan) } }
    }

    /// Tells when each of its threads has got as far as to say so: none of them stands still.
    package func whenAnswering(_ tell: @escaping @Sendable () -> Void) {
        let answers = group.makeIterator().map { $0.submit {} }
        EventLoopFuture.andAllComplete(answers, on: group.next()).whenComplete { _ in tell() }
    }

    private func stopListening() {
        // While it listens nobody takes the file for a stale one.
        for socket in sockets { socket.removeFile() }
        for channel in channels { try? channel.close().wait() }
    }

    /// Stops listening, waits until every client has ended the transaction it is in, and what was taken of them is
    /// delivered, and ends.
    ///
    /// - Parameter seconds: how long is waited at the most: what is not answered then was not accepted.
    package func finish(within seconds: Int) {
        guard !isOver.exchange(true, ordering: .relaxed) else { return }
        stopListening()
        shared.connections.finish()
        shared.connections.waitUntilNone(atMost: .seconds(seconds))
        let pools = loops.map { loop in
            loop.eventLoop.flatSubmit { loop.value.pool.shutDown(within: .seconds(5)) }
        }
        for pool in pools { try? pool.wait() }
        end()
    }

    /// Ends all connections and stops listening.
    package func shutDown() {
        guard !isOver.exchange(true, ordering: .relaxed) else { return }
        stopListening()
        end()
    }

    private func end() {
        try? group.syncShutdownGracefully()
        try? shared.threads.syncShutdownGracefully()
    }
}
