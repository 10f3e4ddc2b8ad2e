// The sink's sockets. Each connection has one thread of a few to itself while it stores: a store's work is waiting for
// the disk.

import NIOCore
import NIOPosix

/// A small LMTP store to try things against.
public final class SinkServer: Sendable {
    /// Where it listens.
    public enum Address: Sendable {
        /// A socket in the file system; one that is there already is replaced.
        case unix(String)
        /// An address or name, and a port; 0 for any.
        case tcp(host: String, port: Int)
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    /// Listens, and serves from now on.
    ///
    /// - Throws: the system's reason why it cannot listen there.
    public init(at address: Address, store: MaildirStore, rules: SinkRules, host: String, threads: Int = 4) throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        SinkHandler(SinkSession(rules: rules, host: host), store: store))
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
            throw error
        }
    }

    /// The port it listens on; nil for a socket in the file system.
    public var port: Int? { channel.localAddress?.port }

    /// Serves until the server is shut down.
    public func wait() throws {
        try channel.closeFuture.wait()
    }

    /// Ends all connections and stops listening.
    public func shutDown() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }
}

private final class SinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: SinkSession
    private let store: MaildirStore

    init(_ session: SinkSession, store: MaildirStore) {
        self.session = session
        self.store = store
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        session.receive(buffer.readableBytesUInt8Span) { parts, directory in
            _ = try store.store(parts, in: directory)
        }
        send(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func send(_ context: ChannelHandlerContext) {
        let bytes = session.takeOutput()
        if !bytes.isEmpty {
            context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
        }
        if session.isClosed { context.close(promise: nil) }
    }
}
