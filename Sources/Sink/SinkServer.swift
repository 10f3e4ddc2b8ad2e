// The sink's sockets. Each connection has one thread of a few to itself while it stores: a store's work is waiting for
// the disk.

import Glibc
import NIOCore
import NIOPosix
package import Service
package import System

/// A small LMTP store to try things against.
package final class SinkServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let sockets: [ListeningSocket]
    private let channels: [any Channel]
    private let connections: OpenConnections

    /// Listens, and serves from now on.
    ///
    /// - Throws: the reason why it cannot listen there.
    package convenience init(
        at endpoint: ListeningEndpoint, store: MaildirStore, rules: SinkRules, host: String, threads: Int = 4
    ) throws(FileError) {
        try self.init(
            sockets: ListeningSocket.listen(at: [endpoint]), store: store, rules: rules, host: host, threads: threads)
    }

    /// Serves sockets that listen, which are its own from now on.
    package init(
        sockets: [ListeningSocket], store: MaildirStore, rules: SinkRules, host: String, threads: Int = 4
    ) throws(FileError) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let connections = OpenConnections()
        self.connections = connections
        self.sockets = sockets
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: ListeningSocket.backlog)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        SinkHandler(SinkSession(rules: rules, host: host), store: store, connections))
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
            throw error
        }
    }

    /// The port it listens on; nil for a socket in the file system.
    package var port: Int? { sockets.lazy.compactMap(\.port).first }

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

    /// Stops listening, waits until every connection has ended the transaction it is in, and ends all of them.
    ///
    /// - Parameter seconds: how long is waited at the most: a client that is silent in the middle of a message has not been
    ///   told that it was taken.
    package func finish(within seconds: Int) {
        stopListening()
        connections.finish()
        connections.waitUntilNone(atMost: .seconds(seconds))
        try? group.syncShutdownGracefully()
    }

    /// Ends all connections and stops listening.
    package func shutDown() {
        stopListening()
        try? group.syncShutdownGracefully()
    }
}

private final class SinkHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: SinkSession
    private let store: MaildirStore
    private let connections: OpenConnections
    private var output: [UInt8] = []
    /// Whether reading waits until the client has taken what was said.
    private var isReadDue = false

    init(_ session: SinkSession, store: MaildirStore, _ connections: OpenConnections) {
        self.session = session
        self.store = store
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let isWelcome = connections.add(ObjectIdentifier(self)) {
            bound.eventLoop.execute { bound.value.handler.finish(bound.value.context) }
        }
        session.connected()
        send(context)
        if !isWelcome { finish(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.remove(ObjectIdentifier(self))
    }

    /// Ends the connection now, or after the transaction that it is in.
    private func finish(_ context: ChannelHandlerContext) {
        session.finish()
        send(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        session.receive(buffer.readableBytesUInt8Span) { parts, directory in
            _ = try store.store(parts, in: directory)
        }
        send(context)
    }

    /// A client that takes no replies is not read from either: what waits for it would grow without end.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable { context.read() } else { isReadDue = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, isReadDue {
            isReadDue = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func send(_ context: ChannelHandlerContext) {
        session.takeOutput(into: &output)
        if !output.isEmpty {
            context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: output)), promise: nil)
            output.removeAll(keepingCapacity: true)
        }
        if session.isClosed { context.close(promise: nil) }
    }
}
