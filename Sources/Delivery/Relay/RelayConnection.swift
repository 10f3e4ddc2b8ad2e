// Drives one session over which messages are passed on: events in, actions out.

import LMTP
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import System

/// The handler of one connection to a store; it runs on the connection's event loop alone.
final class RelayConnection: ChannelInboundHandler, SendingHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let destination: Destination
    /// Tells connections apart in logs.
    let number: Int
    /// Held until the connection is closed.
    var owner: RelayQueue?
    private(set) var lease: RelayLease?
    private(set) var clock: RelayClock
    private let memory: InPlace<ClientSession>
    private var session: ClientSession {
        _read { yield memory.value }
        _modify { yield &memory.value }
    }
    var context: ChannelHandlerContext?
    var sender: ChannelSender?
    var output: [UInt8] = []
    private var isDriving = false
    private var needsDriving = false
    /// Whether it was told something that is not all.
    private var isTelling = false
    private(set) var isClosed = false
    private var isBlocked = false
    /// Whether the opening dialogue is done; whether any transaction was answered.
    private(set) var isReady = false, wasUsed = false

    init(destination: Destination, number: Int, limits: RelayLimits) {
        self.destination = destination
        self.number = number
        clock = RelayClock(destination.terms, limits, at: .now())
        memory = InPlace(ClientSession(options: destination.options))
    }

    // MARK: Work

    /// Whether a transaction may be given to it.
    var isIdle: Bool { lease == nil && isReady && !isClosed && session.standing().isIdle && clock.mayTake(at: .now()) }

    /// Takes a transaction that has none; `drive` sends it.
    func take(_ lease: RelayLease) {
        guard let transaction = lease.transaction.take() else { return }
        self.lease = lease
        lease.connection = self
        clock.took()
        session.relay(transaction)
        needsDriving = true
    }

    /// Changes the transaction; `drive` sends what comes of it.
    func change(_ change: (inout RelayTransaction) -> Void) {
        session.changeRelay(change)
        needsDriving = true
    }

    /// Ends the session politely, once it has no transaction.
    func quit() {
        session.quit()
        // Before the connection there is nobody to say QUIT to.
        if case .connect? = session.waitingFor, lease == nil { session.connectionFailed("not needed any more") }
        drive()
    }

    /// Ends the session now.
    func giveUp() {
        guard !isClosed else { return }
        if session.waitingFor == nil { session.connectionClosed("given up") } else { session.timedOut() }
        drive()
    }

    /// The connection could not be made.
    func connectionFailed(_ reason: String) {
        session.connectionFailed(reason)
        drive()
    }

    /// Looks at the clock.
    func tick(_ now: NIODeadline) {
        guard !isClosed else { return }
        switch clock.outcome(isIdle: lease == nil, at: now) {
        case .nothing: break
        case .quit: quit()
        case .timeOut:
            session.timedOut()
            drive()
        }
    }

    // MARK: Actions

    /// Carries out what the session asks for, until it asks for nothing.
    func drive() {
        needsDriving = true
        guard !isDriving else { return }
        isDriving = true
        while needsDriving {
            needsDriving = false
            while let action = session.nextAction(sendingInto: &output) { carryOut(action) }
            if isTelling {
                isTelling = false
                lease?.say(.heard)
            }
            flush()
            if let log = destination.log { log.append(session.takeTranscript(), connection: number) }
            let standing = session.standing()
            if !isReady, standing.isIdle || standing.isPastOpening { isReady = true }
            clock.note(standing.waitingFor, replyCount: standing.replyCount, at: .now())
        }
        isDriving = false
        guard lease == nil else { return }
        if isIdle { owner?.connectionIsFree(self) } else if !isClosed, session.standing().isIdle { quit() }
    }

    private func carryOut(_ action: ClientAction) {
        switch action {
        case .send(let bytes): output += bytes
        case .relayed(let event):
            if case .began = event { isReady = true }
            lease?.say(.said(event))
            isTelling = true
        case .relayEnded(let transaction, let failure): end(transaction, failure)
        case .startTLS: startTLS()
        case .close(let failure): close(failure)
        // Nothing is enqueued here.
        case .sendBody, .finished: break
        }
    }

    private func end(_ transaction: RelayTransaction, _ failure: ClientFailure?) {
        guard let lease else { return }
        self.lease = nil
        if transaction.isAnswered { wasUsed = true }
        guard let failure else { return lease.say(.ended(nil)) }
        lease.connection = nil
        owner?.interrupted(lease, transaction, failure, on: self)
    }

    private func startTLS() {
        flush()
        sender?.closeShortWay()
        guard let context else { return }
        do {
            guard let tls = destination.tls else { throw TLSFileMissing() }
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .first)
        } catch {
            session.tlsFailed("\(error)")
            needsDriving = true
        }
    }

    private struct TLSFileMissing: Error {}

    private func close(_ failure: ClientFailure?) {
        flush()
        isClosed = true
        context?.close(promise: nil)
        let owner = self.owner
        self.owner = nil
        owner?.connectionClosed(self, failure: failure)
    }

    private func flush() {
        clock.wrote(output.count)
        sendOutput()
    }

    // MARK: Events

    func begin() {
        // Given up while the connection was being made.
        guard !isClosed else {
            context?.close(promise: nil)
            return
        }
        if let context { sender = ChannelSender(context) }
        session.connected()
        drive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        session.receive(buffer.readableBytesUInt8Span)
        drive()
    }

    /// Nobody is behind this handler who would have to know.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelInactive(context: ChannelHandlerContext) {
        session.connectionClosed("the store closed the connection")
        drive()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .tlsHandshake? = session.waitingFor {
            session.tlsFailed(describe(error))
        } else {
            session.connectionClosed(describe(error))
        }
        drive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            if destination.tls?.accepts(certificate) ?? true {
                session.tlsEstablished()
            } else {
                session.tlsFailed(TLSClient.wildcardRefused)
            }
            drive()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isBlocked = !context.channel.isWritable
        if isBlocked != self.isBlocked {
            self.isBlocked = isBlocked
            clock.setBlocked(isBlocked, at: .now())
            lease?.say(.blocked(isBlocked))
            lease?.flush()
        }
        context.fireChannelWritabilityChanged()
    }
}
