// What a connection's channel tells its handler.

import LMTP
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

extension ClientHandler {
    /// Replies are short; what does not fit is read next.
    private static let inputSize = 4096

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        socket = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    private func begin() {
        // Given up while the connection was being made.
        guard !state.isClosed else {
            context?.close(promise: nil)
            return
        }
        if let context { socket = DirectSocket(context) }
        conversation.session.connected()
        drive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        state.received(at: .now())
        hasSent = false
        conversation.session.receive(buffer.readableBytesUInt8Span)
        drive()
        readEagerly()
        state.stoppedReading()
    }

    /// Reads what has been answered already to what was sent.
    ///
    /// The channel finds nothing any more when it is told of it, which it is used to.
    private func readEagerly() {
        guard directSocket != nil, hasSent, eagerReading.isDue() else { return }
        if input.isEmpty { input = [UInt8](repeating: 0, count: Self.inputSize) }
        for _ in 0..<EagerReading.limit {
            // Gone once the connection is encrypted or closed, which what was read can lead to.
            guard let socket = directSocket, hasSent, !state.isClosed else { return }
            let count = socket.receive(into: &input)
            eagerReading.note(foundAnswer: count > 0)
            guard count > 0 else { return }
            state.received(at: .now())
            hasSent = false
            conversation.session.receive(input.span.extracting(0..<count))
            drive()
        }
    }

    /// Goes on with a message that has waited for this; nobody is behind this handler who would have to know.
    func channelReadComplete(context: ChannelHandlerContext) {
        if conversation.isWritingMessage { drive() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        conversation.session.connectionClosed("the server closed the connection")
        drive()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .tlsHandshake? = conversation.session.waitingFor {
            conversation.session.tlsFailed(describe(error))
        } else {
            conversation.session.connectionClosed(describe(error))
        }
        drive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            if destination.tls?.accepts(certificate) ?? true {
                conversation.session.tlsEstablished()
            } else {
                conversation.session.tlsFailed(TLSClient.wildcardRefused)
            }
            drive()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { drive() }
        context.fireChannelWritabilityChanged()
    }
}
