// Makes connections, and is patient with a server that is there and too busy to accept one.

import Glibc
import NIOCore
import NIOPosix

/// Makes one connection; used on its event loop alone.
struct Connector {
    let endpoint: Endpoint
    let eventLoop: any EventLoop
    /// How long one attempt takes.
    let patience: TimeAmount

    /// Connects a handler; it learns of that by its channel.
    ///
    /// - Parameters:
    ///   - again: decides after a failed attempt after which time there is another, if there is one; is told whether the
    ///     server is there and busy.
    ///   - failed: is told why it could not be.
    func connect(
        _ handler: any ChannelHandler, again: @escaping (_ isBusy: Bool) -> TimeAmount?,
        failed: @escaping (String) -> Void
    ) {
        let bound = NIOLoopBound(
            (connector: self, handler: handler, again: again, failed: failed), eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(patience)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value.handler)
                }
            }
        let future: EventLoopFuture<any Channel>
        switch endpoint {
        case .unix(let path): future = bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port):
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                future = bootstrap.connect(to: address)
            } else {
                future = bootstrap.connect(host: host, port: port)
            }
        }
        future.whenFailure { error in
            let (connector, handler, again, failed) = bound.value
            // The server is there and has not come to accept: its queue is full (connect(2), EAGAIN).
            guard let pause = again((error as? IOError)?.errnoCode == EAGAIN) else {
                return failed("\(connector.endpoint): \(describe(error))")
            }
            connector.eventLoop.assumeIsolated().scheduleTask(in: pause) {
                connector.connect(handler, again: again, failed: failed)
            }
        }
    }
}
