// Drives one session over one connection: events in, actions out, a timer for what is waited for.

import LMTP
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// What a connection tells its lane.
protocol ClientHandlerOwner: AnyObject {
    /// A transaction has ended.
    func connection(
        _ connection: ClientHandler, finished message: OutgoingMessage, report: TransactionReport,
        isNotifiedByServer: Bool)
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

    /// Replies are short; what does not fit is read next.
    private static let inputSize = 4096

    /// Two transactions: one whose reply is awaited, one whose envelope goes along with the end of its message.
    static let depth = 2

    let destination: Destination
    /// Tells connections apart in logs.
    let number: Int
    /// Held until the connection is closed.
    ///
    /// Not weak: an object that is looked at so is slower to count ever after.
    var owner: (any ClientHandlerOwner)?
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

    /// The messages that are with this connection.
    private(set) var load = 0
    private var conversation: Conversation
    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?
    /// For sending without the channel; nil where it encrypts.
    private var socket: DirectSocket?
    private var eagerReading = EagerReading()
    private var input: [UInt8] = []
    /// Whether anything was sent since something was read.
    private var hasSent = false
    /// How often the channel was given something that it has not sent yet.
    private var queuedCount = 0
    private var isDriving = false
    private var needsDriving = false
    /// Whether the connection has not taken yet what was written of a message.
    private var isBlocked = false
    /// Whether what is being done comes of bytes just read, `lastProgress` being the time.
    private var isReading = false
    private(set) var lastProgress = NIODeadline.now()
    /// Since when the reply that is due has been waited for.
    ///
    /// A part of it does not begin the time anew.
    private(set) var waitingSince = NIODeadline.now()
    private var repliesSeen = 0
    /// When the connection last took a block of a message.
    private var lastBlock = NIODeadline.now()
    /// When the opening dialogue was done.
    private(set) var readySince = NIODeadline.uptimeNanoseconds(0)
    private var timedPhase: ClientPhase?
    private var timer: Scheduled<Void>?

    init(destination: Destination, number: Int, eventLoop: any EventLoop) {
        self.destination = destination
        self.number = number
        self.eventLoop = eventLoop
        conversation = Conversation(options: destination.options)
    }

    // MARK: Work

    /// Whether it may be given a message: not once it ends, or is to end after what it has.
    var isOpen: Bool {
        !isClosed && !isQuitting && !hasFailed && takenCount < destination.messagesPerConnection
            && lastProgress - began < .seconds(Int64(destination.maximumAge.seconds))
    }

    /// Whether it ends before its work is done.
    var isFailing: Bool { conversation.isFailing(isQuitting: isQuitting) }

    /// Takes a message; it is answered by its owner's `finished`.
    func take(_ message: OutgoingMessage) {
        takenCount += 1
        load += 1
        conversation.take(message)
        // Given in the course of a step: after each the next is asked for.
        if !isDriving { drive() }
    }

    /// Ends the session politely once its messages are done.
    func quit() {
        guard !isQuitting else { return }
        isQuitting = true
        conversation.session.quit()
        // Before the connection there is nobody to say QUIT to.
        if case .connect? = conversation.session.waitingFor, load == 0 {
            conversation.session.connectionFailed("not needed any more")
        }
        drive()
    }

    /// Gives up what was not sent to its end, and ends the session once the rest is answered.
    func stop() {
        guard !isClosed else { return }
        isQuitting = true
        conversation.session.stop()
        drive()
    }

    /// Ends the session now.
    func giveUp() {
        guard !isClosed else { return }
        conversation.session.timedOut()
        drive()
    }

    /// The connection could not be made.
    func connectionFailed(_ reason: String) {
        conversation.session.connectionFailed(reason)
        drive()
    }

    // MARK: Events

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
        guard !isClosed else {
            context?.close(promise: nil)
            return
        }
        if let context { socket = DirectSocket(context) }
        conversation.session.connected()
        drive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        lastProgress = .now()
        hasSent = false
        isReading = true
        conversation.session.receive(buffer.readableBytesUInt8Span)
        drive()
        readEagerly()
        isReading = false
    }

    /// Reads what has been answered already to what was sent.
    ///
    /// The channel finds nothing any more when it is told of it, which it is used to.
    private func readEagerly() {
        guard socket != nil, hasSent, eagerReading.isDue() else { return }
        if input.isEmpty { input = [UInt8](repeating: 0, count: Self.inputSize) }
        for _ in 0..<EagerReading.limit {
            // Gone once the connection is encrypted or closed, which what was read can lead to.
            guard let socket, hasSent, !isClosed else { return }
            let count = socket.receive(into: &input)
            eagerReading.note(foundAnswer: count > 0)
            guard count > 0 else { return }
            lastProgress = .now()
            hasSent = false
            conversation.session.receive(input.span.extracting(0..<count))
            drive()
        }
    }

    /// Nobody is behind this handler who would have to know.
    func channelReadComplete(context: ChannelHandlerContext) {}

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
                conversation.session.tlsFailed(
                    "the server's certificate has a wildcard in the place of the whole name: it must be for this host")
            }
            drive()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            isBlocked = false
            drive()
        }
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
            while let step = conversation.next(writesMessage: !isBlocked) { carryOut(step) }
            flush()
        }
        isDriving = false
        if let log = destination.log { record(in: log) }
        let phase = conversation.session.waitingFor
        hasFailed = phase == .quit ? !isQuitting : isClosed
        watch(phase)
        if !isReady { noteReadiness(phase) }
        askForWork()
    }

    /// Asks for another message where there is room for one, and ends where it may take none any more.
    private func askForWork() {
        guard load < Self.depth else { return }
        if isOpen {
            owner?.connectionHasRoom(self)
        } else if load == 0, isReady, !hasFailed {
            // Not left to the idle limit: it would keep its place among the connections that the limits allow.
            quit()
        }
    }

    private func noteReadiness(_ phase: ClientPhase?) {
        switch phase {
        case .mail, .recipient, .data, .body, .final, .reset: isReady = true
        case nil: isReady = conversation.session.isIdle
        case .connect, .greeting, .hello, .startTLS, .tlsHandshake, .authentication, .quit: break
        }
        if isReady { readySince = lastProgress }
    }

    private func carryOut(_ step: Conversation.Step) {
        switch step {
        case .finished(let message, let report, let isNotified): finish(message, report, isNotified)
        case .sendBlock:
            flush()
            lastBlock = .now()
            isBlocked = context?.channel.isWritable != true
        case .startTLS: startTLS()
        case .close(let failure): close(failure)
        }
    }

    private func finish(_ message: OutgoingMessage, _ report: TransactionReport, _ isNotified: Bool) {
        load -= 1
        if report.wasAttempted { wasUsed = true }
        owner?.connection(self, finished: message, report: report, isNotifiedByServer: isNotified)
        // Before the next message is written: the envelope of the one after it then goes along with its end.
        askForWork()
    }

    private func startTLS() {
        flush()
        socket = nil
        guard let context else { return }
        do {
            guard let tls = destination.tls else { throw TLSFileMissing() }
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .first)
        } catch {
            conversation.session.tlsFailed("\(error)")
        }
    }

    private struct TLSFileMissing: Error {}

    private func close(_ failure: ClientFailure?) {
        flush()
        isClosed = true
        timer?.cancel()
        timer = nil
        if let context {
            // After a failure what is still unwritten may never be taken by the peer.
            context.close(promise: nil)
        }
        let owner = self.owner
        self.owner = nil
        if let log = destination.log { record(in: log) }
        owner?.connectionClosed(self, failure: failure)
    }

    private func flush() {
        guard let context else { return }
        let output = conversation.takeOutput(sendingTo: queuedCount == 0 ? socket : nil)
        if case .nothing = output { return }
        hasSent = true
        if !isReading { lastProgress = .now() }
        guard case .left(let bytes) = output else { return }
        guard socket != nil else { return context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
        // Nothing may overtake these: until they are sent, everything goes this way.
        queuedCount += 1
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.queuedCount -= 1 }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
    }

    // MARK: Time

    /// Keeps one timer running, which looks at the clock when it fires instead of being moved at each event.
    private func watch(_ phase: ClientPhase?) {
        guard !isClosed else { return }
        if phase != timedPhase {
            timedPhase = phase
            waitingSince = .now()
            lastProgress = waitingSince
            lastBlock = waitingSince
            timer?.cancel()
            timer = nil
        } else if conversation.session.replyCount != repliesSeen {
            waitingSince = lastProgress
        }
        repliesSeen = conversation.session.replyCount
        guard timer == nil else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            // Held until then: the timer is cancelled with the connection.
            self.timerFired()
        }
    }

    /// When what is waited for must have come as a whole; a message has its time for each block and for each MiB of it.
    private var deadline: NIODeadline {
        guard let phase = timedPhase else { return waitingSince + .seconds(Int64(destination.idleLimit.seconds)) }
        let seconds = Int64(destination.limits.limit(of: phase).seconds)
        guard phase == .body else { return waitingSince + .seconds(seconds) }
        let mebibytes = Int64(conversation.bodySize / (1 << 20) + 1)
        return min(lastBlock + .seconds(seconds), waitingSince + .seconds(seconds * mebibytes))
    }

    private func timerFired() {
        timer = nil
        guard !isClosed else { return }
        guard deadline <= .now() else { return watch(timedPhase) }
        if timedPhase == nil {
            quit()
        } else {
            conversation.session.timedOut()
            drive()
        }
    }

    private func record(in log: DialogueLog) {
        log.append(conversation.session.takeTranscript(), connection: number)
    }
}
