// Drives one session of the front over a client's connection.

import Bytes
import Delivery
import Glibc
import LMTP
import NIOCore
import Routing
import Service
import System

/// The connection of one client; it runs on its loop alone.
final class FrontConnection: SocketOwner, RelayListener {
    private let loop: FrontLoop
    private let memory: InPlace<FrontSession>
    private var session: FrontSession {
        _read { yield memory.value }
        _modify { yield &memory.value }
    }
    private var socket: LoopSocket?
    private var clock: FrontClock
    /// By their numbers, which ascend.
    private var leases: [(number: Int, lease: RelayLease)] = []
    /// Those that were told something since they were last flushed.
    private var touched: [RelayLease] = []
    private var submission: (number: Int, submission: FrontSubmission)?
    private var output: [UInt8] = []
    private var isDriving = false
    private var needsDriving = false
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

    // MARK: Events from the socket

    /// Begins with a client that has connected.
    func begin(_ descriptor: Int32) {
        socket = LoopSocket(loop.sockets, descriptor, owner: self)
        guard socket != nil else { return }
        let bound = LoopBound(self)
        let sockets = loop.sockets
        let isWelcome = loop.shared.connections.add(
            ObjectIdentifier(self), limit: loop.shared.settings.connections
        ) { sockets.execute { bound.value.finish() } }
        loop.add(self)
        guard isWelcome else {
            output += Array("421 4.3.2 too many connections, or the server is ending\r\n".utf8)
            socket?.send(&output)
            return close()
        }
        session.connected()
        drive()
    }

    /// A client that takes no replies is not read from either, nor one whose message does not get on.
    var wantsInput: Bool { socket?.hasUnsent == false && session.wantsInput }

    func received(_ bytes: borrowing Span<UInt8>) {
        guard !isClosed else { return }
        clock.received(bytes.count, at: .now())
        session.receive(bytes)
        drive()
    }

    /// The client has ended its side of the connection.
    func inputEnded() {
        guard !isClosed else { return }
        session.inputClosed()
        drive()
    }

    func lost(_ reason: String) {
        forget()
        isClosed = true
        session.connectionClosed()
        drive()
    }

    func setFull(_ isFull: Bool) {
        guard !isFull else { return }
        if isClosed { return closeNow() }
        socket?.resumeReading()
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
        socket?.resumeReading()
    }

    /// Sends to each store what it is told.
    private func flushStores() {
        guard !touched.isEmpty else { return }
        var leases: [RelayLease] = []
        swap(&leases, &touched)
        // The last first: an envelope that goes along with the end of a message is there when that is sent.
        for lease in leases.reversed() { loop.pool.flush(lease) }
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
        let bound = LoopBound(self)
        let sockets = loop.sockets
        loop.shared.resolve(address, request) { resolution in
            guard !sockets.isCurrent else { return bound.value.resolved(ticket, resolution) }
            sockets.execute { bound.value.resolved(ticket, resolution) }
        }
    }

    private func resolved(_ ticket: FrontSession.Ticket, _ resolution: Resolution) {
        session.resolved(ticket, resolution)
        drive()
    }

    private func carryOut(_ action: FrontSession.StoreAction, store number: Int) {
        if case .begin(let destination, let envelope, let recipient, let earlier) = action {
            var transaction = RelayTransaction(envelope)
            _ = transaction.add(recipient)
            let predecessor = earlier.flatMap { place(of: $0) }.map { leases[$0].lease }
            let lease = loop.pool.begin(transaction, at: destination, after: predecessor, for: self, number: number)
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

    func hear(_ news: RelayNews, of number: Int) {
        switch news {
        case .said(let event): return session.storeSaid(number, event)
        case .heard: break
        case .blocked(let isBlocked): session.storeIsBlocked(number, isBlocked)
        case .ended(let failure):
            if let index = place(of: number) { note(failure, of: leases.remove(at: index).lease.destination) }
            // Those that were to follow it, and could not go along.
            for (_, lease) in leases where lease.isWaiting { touched.append(lease) }
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
                postOffice, threads: loop.shared.threads, loop: loop.sockets
            ) { event in self.hear(event, number) }
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
        socket?.send(&output)
    }

    /// Closes the connection once what was said is sent, or its client takes none of it.
    private func close() {
        isClosed = true
        guard socket?.hasUnsent == true else { return closeNow() }
        loop.sockets.schedule(after: Self.closingTime) { self.closeNow() }
    }

    private func closeNow() {
        socket?.close()
        forget()
    }

    private func forget() {
        socket = nil
        loop.shared.connections.remove(ObjectIdentifier(self))
        loop.remove(self)
    }

    /// How long a client may take for the last that it is told.
    private static let closingTime = TimeAmount.seconds(5)

    private func count() {
        let tally = session.takeTally()
        guard tally != FrontTally() else { return }
        let now = monotonicNanoseconds()
        var seconds: Double?
        // The message before comes first, where another has come in the same step.
        if tally.answered > 0 { seconds = Double(now - (messageEnd ?? now)) / 1e9 }
        if tally.messages > 0, tally.answered == 0 || messageEnd != nil {
            messageEnd = now
        } else if tally.answered > 0 {
            messageEnd = nil
        }
        loop.shared.counts.add(tally, messageSeconds: seconds)
    }
}
