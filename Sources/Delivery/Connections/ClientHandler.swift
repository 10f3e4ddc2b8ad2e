// Drives one session over one connection: events in, actions out, a timer for what is waited for.

import LMTP
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// What a connection tells its lane.
protocol ClientHandlerOwner: AnyObject {
    /// A transaction has ended.
    func connection(_ connection: ClientHandler, finished message: OutgoingMessage, report: TransactionReport)
    /// It can take another message.
    func connectionHasRoom(_ connection: ClientHandler)
    /// It is closed: no message is left with it.
    func connectionClosed(_ connection: ClientHandler, failure: ClientFailure?)
}

/// The handler of one connection.
///
/// All of it runs on the connection's event loop.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Two transactions: one whose reply is awaited, one whose envelope goes along with the end of its message.
    static let depth = 2

    let destination: Destination
    /// Tells connections apart in logs.
    let number: Int
    weak var owner: (any ClientHandlerOwner)?
    /// When it was begun.
    let began = NIODeadline.now()
    /// Whether the opening dialogue is done.
    private(set) var isReady = false
    /// Whether any of its transactions was answered.
    private(set) var wasUsed = false
    private(set) var isClosed = false
    private(set) var takenCount = 0
    private var isQuitting = false
    /// As of the last look at the session: it ends before its work is done.
    private var hasFailed = false

    private var session: ClientSession
    /// A few at most: they are searched.
    private var messages: [(id: TransactionID, message: OutgoingMessage)] = []
    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?
    private var body: BodyWriter?
    private var isDriving = false
    private var needsDriving = false
    private var output: [UInt8] = []
    /// Its storage is used again as soon as the connection has taken what was in it.
    private var wire = ByteBuffer()
    private var lastProgress = NIODeadline.now()
    private var timedPhase: ClientPhase?
    private var timer: Scheduled<Void>?

    init(destination: Destination, number: Int, eventLoop: any EventLoop) {
        self.destination = destination
        self.number = number
        self.eventLoop = eventLoop
        session = ClientSession(options: destination.options)
    }

    // MARK: Work

    /// The messages that are with this connection.
    var load: Int { messages.count }

    /// Whether it may be given a message: not once it ends, or is to end after what it has.
    var isOpen: Bool {
        !isClosed && !isQuitting && !hasFailed && takenCount < destination.messagesPerConnection
            && lastProgress - began < .seconds(Int64(destination.maximumAge.seconds))
    }

    /// Whether it ends before its work is done.
    var isFailing: Bool {
        if session.isClosed { return true }
        return session.waitingFor == .quit && !isQuitting
    }

    /// Whether the server takes on the reports that senders ask for (RFC 3461).
    var announcesNotifications: Bool { session.capabilities.extensions.contains(.deliveryStatusNotifications) }

    /// Takes a message; it is answered by its owner's `finished`.
    func take(_ message: OutgoingMessage) {
        takenCount += 1
        messages.append((session.enqueue(message.envelope), message))
        drive()
    }

    /// Ends the session politely once its messages are done.
    func quit() {
        guard !isQuitting else { return }
        isQuitting = true
        session.quit()
        // Before the connection there is nobody to say QUIT to.
        if case .connect? = session.waitingFor, messages.isEmpty { session.connectionFailed("not needed any more") }
        drive()
    }

    /// The connection could not be made.
    func connectionFailed(_ reason: String) {
        session.connectionFailed(reason)
        drive()
    }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    private func begin() {
        // Given up while the connection was being made.
        guard !isClosed else {
            context?.close(promise: nil)
            return
        }
        session.connected()
        drive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        lastProgress = .now()
        session.receive(buffer.readableBytesUInt8Span)
        drive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.connectionClosed("the server closed the connection")
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
            session.tlsEstablished()
            drive()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { drive() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Actions

    /// Carries out what the session asks for, until it asks for nothing.
    ///
    /// Carrying it out can bring new events on the way; they are worked off by the outermost call.
    private func drive() {
        needsDriving = true
        guard !isDriving else { return }
        isDriving = true
        while needsDriving {
            needsDriving = false
            hasFailed = isFailing
            writeBody()
            while let action = session.nextAction() { carryOut(action) }
            flush()
        }
        isDriving = false
        record()
        watch()
        noteReadiness()
        askForWork()
    }

    /// Asks for another message where there is room for one, and ends where it may take none any more.
    private func askForWork() {
        if isOpen {
            if load < Self.depth { owner?.connectionHasRoom(self) }
        } else if load == 0, isReady, !hasFailed {
            // Not left to the idle limit: it would keep its place among the connections that the limits allow.
            quit()
        }
    }

    private func noteReadiness() {
        switch session.waitingFor {
        case .mail, .recipient, .data, .body, .final, .reset: isReady = true
        case nil: isReady = isReady || session.isIdle
        case .connect, .greeting, .hello, .startTLS, .tlsHandshake, .authentication, .quit: break
        }
    }

    private func carryOut(_ action: ClientAction) {
        switch action {
        case .send(let bytes): output += bytes
        case .sendBody(let id, let transfer): beginBody(id, transfer)
        case .startTLS: startTLS()
        case .finished(let report): finish(report)
        case .close(let failure): close(failure)
        }
    }

    private func finish(_ report: TransactionReport) {
        guard let place = messages.firstIndex(where: { $0.id == report.id }) else { return }
        let message = messages.remove(at: place).message
        if report.wasAttempted { wasUsed = true }
        owner?.connection(self, finished: message, report: report)
        needsDriving = true
        // Before the next message is written: the envelope of the one after it then goes along with its end.
        askForWork()
    }

    private func startTLS() {
        flush()
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
        body = nil
        timer?.cancel()
        timer = nil
        if let context {
            // After a failure what is still unwritten may never be taken by the peer.
            context.close(promise: nil)
        }
        let owner = self.owner
        self.owner = nil
        record()
        owner?.connectionClosed(self, failure: failure)
    }

    private func flush() {
        guard !output.isEmpty, let context else { return }
        wire.clear()
        wire.writeBytes(output)
        output.removeAll(keepingCapacity: true)
        lastProgress = .now()
        context.writeAndFlush(wrapOutboundOut(wire), promise: nil)
    }

    // MARK: Messages

    private func beginBody(_ id: TransactionID, _ transfer: BodyTransfer) {
        guard let message = messages.first(where: { $0.id == id })?.message else { return }
        do throws(BodyWriter.Unreadable) {
            body = try BodyWriter(message.content, transfer: transfer)
        } catch {
            session.bodyFailed(error.reason)
        }
        needsDriving = true
        writeBody()
    }

    private func writeBody() {
        guard var writer = body, let context else { return }
        // Taken out meanwhile: appending to it in place needs it to have one owner.
        body = nil
        do throws(BodyWriter.Unreadable) {
            while true {
                guard try writer.write(into: &output) else {
                    session.bodyWritten(octets: writer.octetCount)
                    needsDriving = true
                    return
                }
                guard output.count >= MessageContent.chunkSize else { continue }
                flush()
                guard !isClosed else { return }
                guard context.channel.isWritable else { break }
            }
        } catch {
            session.bodyFailed(error.reason)
            needsDriving = true
            return
        }
        body = writer
    }

    // MARK: Time

    /// Keeps one timer running, which looks at the clock when it fires instead of being moved at each event.
    private func watch() {
        guard !isClosed else { return }
        let phase = session.waitingFor
        if phase != timedPhase {
            timedPhase = phase
            lastProgress = .now()
            timer?.cancel()
            timer = nil
        }
        guard timer == nil else { return }
        let deadline = lastProgress + limit(of: phase)
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            self?.timerFired()
        }
    }

    private func limit(of phase: ClientPhase?) -> TimeAmount {
        .seconds(Int64((phase.map { destination.limits.limit(of: $0) } ?? destination.idleLimit).seconds))
    }

    private func timerFired() {
        timer = nil
        guard !isClosed else { return }
        guard lastProgress + limit(of: timedPhase) <= .now() else { return watch() }
        if timedPhase == nil {
            quit()
        } else {
            session.timedOut()
            drive()
        }
    }

    private func record() {
        guard let log = destination.log else { return }
        log.append(session.takeTranscript(), connection: number)
    }
}
