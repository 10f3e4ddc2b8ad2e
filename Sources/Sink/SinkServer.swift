// The sink's sockets. Each connection has one thread of a few to itself while it stores: a store's work is waiting for
// the disk.

import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Synchronization
package import System

/// A small LMTP store to try things against.
package final class SinkServer: Sendable {
    /// Where it listens.
    package enum Address: Sendable {
        /// A socket in the file system; one that is there already is replaced.
        case unix(String)
        /// An address or name, and a port; 0 for any.
        case tcp(host: String, port: Int)
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let connections: SinkConnections

    /// Listens, and serves from now on.
    ///
    /// - Throws: the reason why it cannot listen there.
    package init(
        at address: Address, store: MaildirStore, rules: SinkRules, host: String, threads: Int = 4
    ) throws(FileError) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let connections = SinkConnections()
        self.connections = connections
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        SinkHandler(SinkSession(rules: rules, host: host), store: store, connections))
                }
            }
        do {
            switch address {
            case .unix(let path):
                channel = try bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).wait()
            case .tcp(let host, let port): channel = try bootstrap.bind(host: host, port: port).wait()
            }
        } catch {
            try? group.syncShutdownGracefully()
            throw Self.failure(error, at: address)
        }
    }

    /// Why it cannot listen, with the path or address and what to do about it.
    private static func failure(_ error: any Error, at address: Address) -> FileError {
        let place =
            switch address {
            case .unix(let path): path
            case .tcp(let host, let port): "\(host):\(port)"
            }
        let operation = "listen"
        switch error {
        case let error as IOError:
            return FileError(
                operation: operation, path: place, code: error.errnoCode, remedy: remedy(error.errnoCode, at: address))
        case SocketAddressError.unixDomainSocketPathTooLong:
            return FileError(
                operation: operation, path: place, code: ENAMETOOLONG,
                remedy: "a socket's path has 107 bytes at the most: choose a shorter one")
        case is UnixDomainSocketPathWrongType:
            return FileError(
                operation: operation, path: place, code: EEXIST,
                remedy: "it is no socket: remove it, or choose another path")
        case is SocketAddressError, is SocketAddressError.UnknownHost:
            return FileError(
                operation: operation, path: place,
                reason: "the name cannot be resolved; give an address of this host")
        default: return FileError(operation: operation, path: place, reason: "\(error)")
        }
    }

    /// What to do where the system does not let us listen.
    private static func remedy(_ code: Int32, at address: Address) -> String {
        switch (address, code) {
        case (.unix, ENOENT), (.unix, ENOTDIR): "make the directory that the socket is to be in, or choose another path"
        case (.unix, EACCES), (.unix, EPERM), (.unix, EROFS): "choose a directory that this user may write to"
        case (.unix, _): "choose another path"
        case (.tcp, EADDRINUSE): "another program listens there: end it, or choose another port"
        case (.tcp, EACCES): "ports below 1024 are for the superuser: choose another"
        case (.tcp, _): "give an address of this host"
        }
    }

    /// The port it listens on; nil for a socket in the file system.
    package var port: Int? { channel.localAddress?.port }

    /// Stops listening, waits until every connection has ended the transaction it is in, and ends all of them.
    ///
    /// - Parameter seconds: how long is waited at the most: a client that is silent in the middle of a message has not been
    ///   told that it was taken.
    package func finish(within seconds: Int) {
        try? channel.close().wait()
        connections.finish()
        _ = connections.waitUntilNone(seconds: seconds)
        try? group.syncShutdownGracefully()
    }

    /// Ends all connections and stops listening.
    package func shutDown() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }
}

private final class SinkHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: SinkSession
    private let store: MaildirStore
    private let connections: SinkConnections
    private var output: [UInt8] = []
    /// Whether reading waits until the client has taken what was said.
    private var isReadDue = false

    init(_ session: SinkSession, store: MaildirStore, _ connections: SinkConnections) {
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

// The sink's open connections: asked to end when the server is, and waited for.

/// The connections of a server.
final class SinkConnections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: @Sendable () -> Void] = [:]
        var isFinishing = false
    }

    private let state = Mutex(State())
    /// Its value: whether no connection is open.
    private let none = ConditionLock(value: true)

    /// Adds a connection.
    ///
    /// - Parameter finish: asks it to end.
    /// - Returns: false where the server is ending, and so should the connection.
    func add(_ connection: ObjectIdentifier, finish: @escaping @Sendable () -> Void) -> Bool {
        let isWelcome = state.withLock { state in
            state.open[connection] = finish
            return !state.isFinishing
        }
        note()
        return isWelcome
    }

    /// Removes a connection that has ended.
    func remove(_ connection: ObjectIdentifier) {
        state.withLock { $0.open[connection] = nil }
        note()
    }

    /// Asks all connections to end.
    func finish() {
        let open = state.withLock { state in
            state.isFinishing = true
            return Array(state.open.values)
        }
        for ask in open { ask() }
    }

    /// Waits until no connection is open.
    ///
    /// - Returns: whether that was so before the time had passed.
    func waitUntilNone(seconds: Int) -> Bool {
        guard none.lock(whenValue: true, timeoutSeconds: Double(seconds)) else { return false }
        none.unlock()
        return true
    }

    private func note() {
        none.lock()
        none.unlock(withValue: state.withLock { $0.open.isEmpty })
    }
}
