// Connections to stores over SwiftNIO: what a channel carries and tells.

import LMTP
package import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// The handler of one channel to a store.
final class RelayChannel: ChannelInboundHandler, SendingHandler, RelayTransport {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tls: TLSClient?
    /// Let go once the channel is closed.
    private var end: (any RelayEnd)?
    private var isWithinHandshake = false
    private var isClosing = false
    var context: ChannelHandlerContext?
    var sender: ChannelSender?
    var output: [UInt8] = []

    init(_ end: any RelayEnd, tls: TLSClient?) {
        self.end = end
        self.tls = tls
    }

    // MARK: Wishes

    func send(_ bytes: inout [UInt8]) {
        guard let sender else { return bytes.removeAll() }
        sender.send(&bytes)
    }

    func startTLS() {
        sender?.closeShortWay()
        guard let context else { return }
        do {
            guard let tls else { throw TLSFileMissing() }
            isWithinHandshake = true
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .first)
        } catch {
            isWithinHandshake = false
            end?.tlsFailed("\(error)")
        }
    }

    private struct TLSFileMissing: Error {}

    func close() {
        isClosing = true
        end = nil
        context?.close(promise: nil)
    }

    // MARK: Events

    func begin() {
        // Given up while the connection was being made.
        guard !isClosing, let context else {
            context?.close(promise: nil)
            return
        }
        sender = ChannelSender(context)
        end?.opened(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        end?.received(buffer.readableBytesUInt8Span)
    }

    /// Nobody is behind this handler who would have to know.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelInactive(context: ChannelHandlerContext) {
        end.take()?.lost("the store closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isWithinHandshake { end?.tlsFailed(describe(error)) } else { end?.lost(describe(error)) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            isWithinHandshake = false
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            if tls?.accepts(certificate) ?? true {
                end?.tlsEstablished()
            } else {
                end?.tlsFailed(TLSClient.wildcardRefused)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        end?.setFull(!context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }
}

/// An event loop of SwiftNIO as the loop of a pool.
package final class ChannelLoop: RelayLoop {
    private let eventLoop: any EventLoop

    /// Describes an event loop, on which it is used alone.
    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func connect(
        _ end: any RelayEnd, to destination: Destination, patience: TimeAmount,
        again: @escaping (_ isBusy: Bool) -> TimeAmount?
    ) {
        Connector(endpoint: destination.endpoint, eventLoop: eventLoop, patience: patience).connect(
            RelayChannel(end, tls: destination.tls), again: again, failed: { end.connectionFailed($0) })
    }

    package func schedule(after time: TimeAmount, _ body: @escaping () -> Void) {
        eventLoop.assumeIsolated().scheduleTask(in: time) { body() }
    }
}
