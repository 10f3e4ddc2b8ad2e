// Drives one session over one connection: events in, actions out, a timer for what is waited for.

import LMTP
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// The handler of one connection.
///
/// All of it runs on the connection's event loop.
final class ClientHandler: ChannelInboundHandler, DeliveryConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let destination: Destination
    /// Tells connections apart in logs.
    let number: Int
    /// Held until the connection is closed.
    ///
    /// Not weak: an object that is looked at so is slower to count ever after.
    var owner: DestinationQueue?
    /// What is decided about it.
    var state: ConnectionState
    var conversation: Conversation
    private let eventLoop: any EventLoop
    var context: ChannelHandlerContext?
    /// The connection's own; nil before it is made.
    var socket: DirectSocket?
    private var isEncrypted = false
    var eagerReading = EagerReading()
    var input: [UInt8] = []
    /// Whether anything was sent since something was read.
    var hasSent = false
    /// How often the channel was given something that it has not sent yet.
    private var queuedCount = 0
    private var isDriving = false
    private var needsDriving = false
    private var timer: Scheduled<Void>?

    init(destination: Destination, number: Int, eventLoop: any EventLoop) {
        self.destination = destination
        self.number = number
        self.eventLoop = eventLoop
        conversation = Conversation(options: destination.options)
        state = ConnectionState(destination.terms, at: .now())
    }

    // MARK: Work

    /// Whether it ends before its work is done.
    var isFailing: Bool { conversation.isFailing(isQuitting: state.isQuitting) }

    /// Takes a message; it is answered by its owner's `finished`.
    func take(_ message: OutgoingMessage) {
        state.took()
        conversation.take(message)
        // Given in the course of a step: after each the next is asked for.
        if !isDriving { drive() }
    }

    /// Ends the session politely once its messages are done.
    func quit() {
        guard state.quit() else { return }
        conversation.session.quit()
        // Before the connection there is nobody to say QUIT to.
        if case .connect? = conversation.session.waitingFor, state.load == 0 {
            conversation.session.connectionFailed("not needed any more")
        }
        drive()
    }

    /// Gives up what was not sent to its end, and ends the session once the rest is answered.
    func stop() {
        guard !state.isClosed else { return }
        _ = state.quit()
        conversation.session.stop()
        drive()
    }

    /// Ends the session now.
    func giveUp() {
        guard !state.isClosed else { return }
        conversation.session.timedOut()
        drive()
    }

    /// The connection could not be made.
    func connectionFailed(_ reason: String) {
        conversation.session.connectionFailed(reason)
        drive()
    }

    /// For sending and reading without the channel; nil where it encrypts.
    var directSocket: DirectSocket? { isEncrypted ? nil : socket }

    /// Whether more of a message that was begun may be written: the connection takes it, and everything that the server has
    /// said was read.
    ///
    /// What a server says before the end of a message is no answer to it. Written first, the end would make one of it.
    private var canWriteMessage: Bool { context?.channel.isWritable == true && socket?.hasInput != true }

    // MARK: Actions

    /// Carries out what the session asks for, until it asks for nothing.
    ///
    /// Carrying it out can bring new events on the way; they are worked off by the outermost call.
    func drive() {
        needsDriving = true
        guard !isDriving else { return }
        isDriving = true
        while needsDriving {
            needsDriving = false
            state.beginStep(isFailing: isFailing)
            while let step = conversation.next(writesMessage: canWriteMessage) { carryOut(step) }
            flush()
        }
        isDriving = false
        if let log = destination.log { record(in: log) }
        let isNewTime = state.endStep(
            conversation.session.waitingFor, isIdle: conversation.session.isIdle,
            replyCount: conversation.session.replyCount, at: .now())
        if isNewTime { stopTimer() }
        startTimer()
        askForWork()
    }

    /// Asks for another message where there is room for one, and ends where it may take none any more.
    private func askForWork() {
        switch state.need {
        case .work: owner?.connectionHasRoom(self)
        case .quit: quit()
        case .nothing: break
        }
    }

    private func carryOut(_ step: Conversation.Step) {
        switch step {
        case .finished(let message, let report, let isNotified): finish(message, report, isNotified)
        case .sendBlock:
            flush()
            state.sentBlock(at: .now())
        case .startTLS: startTLS()
        case .close(let failure): close(failure)
        }
    }

    private func finish(_ message: OutgoingMessage, _ report: TransactionReport, _ isNotified: Bool) {
        state.finished(wasAttempted: report.wasAttempted)
        owner?.connection(self, finished: message, report: report, isNotifiedByServer: isNotified)
        // Before the next message is written: the envelope of the one after it then goes along with its end.
        askForWork()
    }

    private func startTLS() {
        flush()
        isEncrypted = true
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
        state.close()
        stopTimer()
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
        let output = conversation.takeOutput(sendingTo: queuedCount == 0 ? directSocket : nil)
        if case .nothing = output { return }
        hasSent = true
        state.sent(at: .now())
        guard case .left(let bytes) = output else { return }
        guard !isEncrypted else { return context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
        // Nothing may overtake these: until they are sent, everything goes this way.
        queuedCount += 1
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.queuedCount -= 1 }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
    }

    // MARK: Time

    /// Keeps one timer running, which looks at the clock when it fires instead of being moved at each event.
    private func startTimer() {
        guard timer == nil, !state.isClosed else { return }
        let deadline = state.deadline(bodySize: conversation.bodySize)
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            // Held until then: the timer is cancelled with the connection.
            self.timerFired()
        }
    }

    private func stopTimer() {
        timer?.cancel()
        timer = nil
    }

    private func timerFired() {
        timer = nil
        switch state.timerFired(bodySize: conversation.bodySize, at: .now()) {
        case .nothing: break
        case .wait: startTimer()
        case .quit: quit()
        case .timeOut:
            conversation.session.timedOut()
            drive()
        }
    }

    private func record(in log: DialogueLog) {
        log.append(conversation.session.takeTranscript(), connection: number)
    }
}
