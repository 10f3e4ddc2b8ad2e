// The front's sockets and threads.

import CLinux
package import Delivery
import Glibc
import NIOCore
import NIOPosix
package import Service
package import Spool
import Synchronization
package import System

/// Takes mail by LMTP for the stores behind it.
package final class FrontServer: Sendable {
    private let sockets: [ListeningSocket]
    private let loops: [SocketLoop]
    private let parts: [LoopBound<FrontLoop>]
    private let listeners: LoopBound<[FrontListener]>
    private let shared: FrontShared
    private let isOver = Atomic(false)

    /// Serves sockets that listen, which are its own from now on.
    ///
    /// - Parameters:
    ///   - plan: how channels are served.
    ///   - spool: where what no store is asked for goes; nil where there is none.
    ///   - threads: how many loops there are; each has its own connections to the stores.
    ///   - resolve: finds out where addresses lead.
    ///   - report: is told of stores and of a spool that fail.
    /// - Throws: the reason why it cannot listen.
    package init(
        sockets: [ListeningSocket], plan: DeliveryPlan, settings: FrontSettings, spool: PostOffice?, threads: Int = 1,
        resolve: @escaping ResolveRecipient, report: @escaping @Sendable (String) -> Void
    ) throws(FileError) {
        self.sockets = sockets
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        let shared = FrontShared(
            settings: settings, postOffice: spool, threads: pool, resolve: resolve, report: report)
        self.shared = shared
        var loops: [SocketLoop] = []
        do throws(FileError) {
            for _ in 0..<max(1, threads) { loops.append(try SocketLoop()) }
            let parts = loops.map {
                LoopBound(FrontLoop($0, shared: shared, plan: plan, sharers: max(1, threads)))
            }
            self.loops = loops
            self.parts = parts
            let listeners = sockets.map { FrontListener($0, loops[0], clientsOf: Array(zip(loops, parts))) }
            self.listeners = LoopBound(listeners)
            for loop in loops { try loop.start() }
            let made = self.listeners
            loops[0].execute { for listener in made.value { listener.start() } }
        } catch {
            for loop in loops { loop.stop() }
            for socket in sockets { socket.abandon() }
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
        for (loop, part) in zip(loops, parts) { loop.execute { part.value.follow(plan) } }
    }

    /// Tells when each of its threads has got as far as to say so: none of them stands still.
    package func whenAnswering(_ tell: @escaping @Sendable () -> Void) {
        let left = Countdown(loops.count)
        for loop in loops { loop.execute { if left.isLast() { tell() } } }
    }

    /// How many are still to answer.
    private final class Countdown: Sendable {
        private let count: Atomic<Int>
        init(_ count: Int) { self.count = Atomic(count) }
        func isLast() -> Bool { count.wrappingSubtract(1, ordering: .relaxed).newValue == 0 }
    }

    private func stopListening() {
        // While it listens nobody takes the file for a stale one.
        for socket in sockets { socket.removeFile() }
        let (listeners, isDone) = (listeners, Monitor(false))
        loops[0].execute {
            for listener in listeners.value { listener.close() }
            isDone.change { $0 = true }
        }
        _ = isDone.wait(atMost: .seconds(10)) { $0 ? true : nil }
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
        let left = Monitor(loops.count)
        for (loop, part) in zip(loops, parts) {
            loop.execute { part.value.pool.shutDown(within: .seconds(5)) { left.change { $0 -= 1 } } }
        }
        _ = left.wait(atMost: .seconds(10)) { $0 == 0 ? true : nil }
        end()
    }

    /// Ends all connections and stops listening.
    package func shutDown() {
        guard !isOver.exchange(true, ordering: .relaxed) else { return }
        stopListening()
        end()
    }

    private func end() {
        for loop in loops { loop.stop() }
        try? shared.threads.syncShutdownGracefully()
    }
}

/// A socket at which clients are waited for; used on the first loop alone.
private final class FrontListener: SocketHandler {
    private let socket: ListeningSocket
    private let loop: SocketLoop
    private let clients: [(loop: SocketLoop, part: LoopBound<FrontLoop>)]
    private var turn = 0
    private var number: UInt64?
    private var isClosed = false

    init(_ socket: ListeningSocket, _ loop: SocketLoop, clientsOf clients: [(SocketLoop, LoopBound<FrontLoop>)]) {
        self.socket = socket
        self.loop = loop
        self.clients = clients.map { (loop: $0.0, part: $0.1) }
    }

    func start() {
        guard !isClosed else { return }
        number = loop.add(socket.descriptor, .connections, self)
        // Without memory for it there will be some later.
        if number == nil { loop.schedule(after: Self.pause) { self.start() } }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        if let number { loop.remove(number) }
        Glibc.close(socket.descriptor)
    }

    func loopEnds() { close() }

    /// Accepts those that wait.
    func ready(_ readiness: Poller.Readiness, reading buffer: inout [UInt8]) {
        // Others are to have their turn between many clients that come at once.
        for _ in 0..<64 {
            let descriptor = accept4(
                socket.descriptor, nil, nil, Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue))
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                guard errno == EAGAIN else {
                    // Without descriptors there will be some again when a connection ends.
                    return loop.schedule(after: Self.pause) { self.arm() }
                }
                break
            }
            welcome(descriptor)
        }
        arm()
    }

    private static let pause = TimeAmount.milliseconds(50)

    private func arm() {
        if let number, !isClosed { loop.arm(socket.descriptor, number: number, .connections) }
    }

    private func welcome(_ descriptor: Int32) {
        if socket.port != nil {
            var isOn: Int32 = 1
            // Fails for nothing that was just accepted; without it replies are only later.
            _ = unsafe setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        }
        let (loop, part) = clients[turn % clients.count]
        turn &+= 1
        if loop === self.loop { return FrontConnection(part.value).begin(descriptor) }
        loop.execute { FrontConnection(part.value).begin(descriptor) }
    }
}
