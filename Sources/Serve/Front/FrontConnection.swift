// Drives one session of the front over a client's connection.

import Bytes
import Delivery
import Glibc
import LMTP
import NIOCore
import Routing
import Service
import System

/// The handler of one client; it runs on the connection's event loop alone.
final class FrontConnection: ChannelDuplexHandler, SendingHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: FrontLoop
    private let memory: InPlace<FrontSession>
    private var session: FrontSession {
        _read { yield memory.value }
        _modify { yield &memory.value }
    }
    var context: ChannelHandlerContext?
    var sender: ChannelSender?
    private var clock: FrontClock
    /// By their numbers, which ascend.
    private var leases: [(number: Int, lease: RelayLease)] = []
    /// Those that were told something since they were last flushed.
    private var touched: [RelayLease] = []
    private var submission: (number: Int, submission: FrontSubmission)?
    var output: [UInt8] = []
    private var isDriving = false
    private var needsDriving = false
    /// Whether reading waits: for the client to take what was said, or for stores to take the message.
    private var isReadDue = false
    private var isClosed = false
    private var messageEnd: UInt64?

    init(_ loop: FrontLoop) {
        self.loop = loop
        let shared = loop.shared
        let number = shared.counts.nextConnection()
        memory = InPlace(
            FrontSession(
                shared.settings, plan: loop.plan, hasSpool: shared.postOffice != nil,
                name: "\(String(UInt64(getpid()), radix: 36)).\(String(number, radix: 36))",
                clock: { Int64(Glibc.time(nil)) }))
        clock = FrontClock(shared.settings, at: .now())
    }

    // MARK: Events from the server

    /// Recipients that are named from now on go by another plan.
    func follow(_ plan: DeliveryPlan) { session.plan = plan }

    /// Asks the client to go, now or after the transaction that it is in.
    func finish() {
        session.finish()
        drive()
    }

    /// Looks at the clock.
    func tick(_ now: NIODeadline) {
        guard !isClosed, clock.isDue(at: now) else { return }
        session.timedOut()
        drive()
        // It does not take what it is told either.
        if !isClosed { close() }
    }

    // MARK: Events from the channel

    func begin() {
        if let context { sender = ChannelSender(context) }
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let isWelcome = loop.shared.connections.add(
            ObjectIdentifier(self), limit: loop.shared.settings.connections
        ) { bound.eventLoop.execute { bound.value.finish() } }
        guard isWelcome else {
            output += Array("421 4.3.2 too many connections, or the server is ending\r\n".utf8)
            flush()
            return close()
        }
        loop.add(self)
        session.connected()
        drive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        let buffer = unwrapInboundIn(data)
        clock.received(buffer.readableBytes, at: .now())
        session.receive(buffer.readableBytesUInt8Span)
        drive()
    }

    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelInactive(context: ChannelHandlerContext) {
        loop.shared.connections.remove(ObjectIdentifier(self))
        loop.remove(self)
        isClosed = true
        session.connectionClosed()
        drive()
        context.fireChannelInactive()
    }

    /// The client has ended its side of the connection.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            session.inputClosed()
            drive()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// A client that takes no replies is not read from either, nor one whose message does not get on.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable, session.wantsInput { context.read() } else { isReadDue = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading()
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading() {
        guard isReadDue, let context, context.channel.isWritable, session.wantsInput else { return }
        isReadDue = false
        context.read()
    }

    // MARK: Actions

    /// Carries out what the session asks for, until it asks for nothing.
    private func drive() {
        needsDriving = true
        guard !isDriving else { return }
        isDriving = true
        while needsDriving {
            needsDriving = false
            while let action = session.nextAction() { carryOut(action) }
            // Those that follow from what a store says at once come with the next turn.
            flushStores()
        }
        isDriving = false
        if !session.mayWaitWithOutput { flush() }
        count()
        clock.note(session.waitingFor, commandCount: session.commandCount, at: .now())
        if session.isClosed, !isClosed { close() }
        resumeReading()
    }

    /// Sends to each store what it is told.
    private func flushStores() {
        guard !touched.isEmpty else { return }
        var leases: [RelayLease] = []
        swap(&leases, &touched)
        for lease in leases { loop.pool.flush(lease) }
        leases.removeAll(keepingCapacity: true)
        if touched.isEmpty { swap(&leases, &touched) }
    }

    private func carryOut(_ action: FrontSession.Action) {
        switch action {
        case .resolve(let ticket, let address, let request): resolve(ticket, address, request)
        case .store(let number, let action): carryOut(action, store: number)
        case .spool(let number, let action): carryOut(action, submission: number)
        case .report(let text): loop.report(text, about: text)
        case .close:
            // What came whole goes on without its client.
            for (_, lease) in leases { lease.detach() }
            leases = []
            submission?.submission.detach()
            submission = nil
        }
    }

    private func resolve(_ ticket: FrontSession.Ticket, _ address: [UInt8], _ request: Routing.Resolver.Request) {
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.shared.resolve(address, request) { resolution in
            guard !bound.eventLoop.inEventLoop else { return bound.value.resolved(ticket, resolution) }
            bound.eventLoop.execute { bound.value.resolved(ticket, resolution) }
        }
    }

    private func resolved(_ ticket: FrontSession.Ticket, _ resolution: Resolution) {
        session.resolved(ticket, resolution)
        drive()
    }

    private func carryOut(_ action: FrontSession.StoreAction, store number: Int) {
        if case .begin(let destination, let envelope, let recipient) = action {
            var transaction = RelayTransaction(envelope)
            _ = transaction.add(recipient)
            let lease = loop.pool.begin(transaction, at: destination) { [weak self] news in self?.hear(news, number) }
            leases.append((number, lease))
            // It starts with all that is known of it by then.
            touched.append(lease)
            return
        }
        guard let index = place(of: number) else { return }
        let lease = leases[index].lease
        switch action {
        case .begin: break
        case .recipient(let recipient): lease.change { _ = $0.add(recipient) }
        case .beginMessage: lease.change { $0.beginMessage() }
        case .message(let bytes): lease.change { $0.write(bytes) }
        case .endMessage: lease.change { $0.endMessage() }
        case .abandon: lease.abandon()
        }
        if touched.last !== lease { touched.append(lease) }
    }

    /// Where the lease of a store stands.
    private func place(of number: Int) -> Int? {
        var low = 0
        var high = leases.count
        while low < high {
            let middle = (low + high) / 2
            if leases[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < leases.count && leases[low].number == number ? low : nil
    }

    private func hear(_ news: RelayNews, _ number: Int) {
        switch news {
        case .said(let event): return session.storeSaid(number, event)
        case .heard: break
        case .blocked(let isBlocked): session.storeIsBlocked(number, isBlocked)
        case .ended(let failure):
            if let index = place(of: number) { note(failure, of: leases.remove(at: index).lease.destination) }
            session.storeEnded(number)
        }
        drive()
    }

    private func note(_ failure: ClientFailure?, of destination: Destination) {
        guard let failure else { return loop.isWell("\(destination.endpoint)") }
        if case .stopped = failure { return }
        let subject = "\(destination.endpoint)"
        loop.shared.counts.storeFailed()
        loop.report("\(subject): \(failure): its recipients are deferred", about: subject)
    }

    private func carryOut(_ action: FrontSession.SpoolAction, submission number: Int) {
        if case .begin = action, let postOffice = loop.shared.postOffice {
            let made = FrontSubmission(
                postOffice, threads: loop.shared.threads, eventLoop: loop.eventLoop
            ) { [weak self] event in self?.hear(event, number) }
            submission = (number, made)
        }
        guard let submission, submission.number == number else { return }
        submission.submission.take(action)
    }

    private func hear(_ event: FrontSession.SpoolEvent, _ number: Int) {
        switch event {
        case .failed(let reason): loop.report("\(reason): recipients without a store are deferred", about: "the spool")
        case .committed: loop.isWell("the spool")
        case .wrote: break
        }
        session.spoolSaid(number, event)
        drive()
    }

    // MARK: Output

    private func flush() {
        session.takeOutput(into: &output)
        sendOutput()
    }

    /// Closes the connection once what was said is sent, or its client takes none of it.
    private func close() {
        isClosed = true
        guard let sender, let context else { return }
        guard sender.hasUnsent else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        sender.whenSent { bound.value.close(promise: nil) }
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.closingTime) { bound.value.close(promise: nil) }
    }

    /// How long a client may take for the last that it is told.
    private static let closingTime = TimeAmount.seconds(5)

    private func count() {
        let tally = session.takeTally()
        guard tally != FrontTally() else { return }
        let now = monotonicNanoseconds()
        if tally.messages > 0 { messageEnd = now }
        var seconds: Double?
        if let messageEnd, !session.isWithinTransaction {
            seconds = Double(now - messageEnd) / 1e9
            self.messageEnd = nil
        }
        loop.shared.counts.add(tally, messageSeconds: seconds)
    }
}
