// Drives one session over which messages are passed on: events in, actions out.

import LMTP
import NIOCore
import System

/// One connection to a store; it runs on its pool's loop alone.
final class RelayConnection: RelayEnd {
    let destination: Destination
    /// Tells connections apart in logs.
    let number: Int
    /// Held until the connection is closed.
    var owner: RelayQueue?
    private(set) var lease: RelayLease?
    /// The lease of the transaction that went along with the end of the message before.
    private var nextLease: RelayLease?
    private(set) var clock: RelayClock
    private let memory: InPlace<ClientSession>
    private var session: ClientSession {
        _read { yield memory.value }
        _modify { yield &memory.value }
    }
    private var transport: (any RelayTransport)?
    private var output: [UInt8] = []
    private var isDriving = false
    /// Whether it was told something that `drive` has not seen to.
    private(set) var needsDriving = false
    /// Whether it was told something that is not all.
    private var isTelling = false
    private(set) var isClosed = false
    /// Whether the connection takes no more of a message; whether that waits because the server has begun to say something;
    /// whether either was told.
    private var isFull = false, isHeldUp = false, isBlocked = false
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

    /// Takes a transaction that is to go along with the end of the message before it; `drive` sends both.
    ///
    /// - Returns: false where that is not safe, or it is to have another connection.
    func takeNext(_ lease: RelayLease) -> Bool {
        guard nextLease == nil, !isClosed, clock.mayTake(at: .now()), let transaction = lease.transaction.take() else {
            return false
        }
        guard session.mayRelayNext(transaction) else {
            lease.transaction = transaction
            return false
        }
        nextLease = lease
        lease.joined(self)
        clock.took()
        session.relayNext(transaction)
        needsDriving = true
        return true
    }

    /// Changes a transaction that it has; `drive` sends what comes of it.
    func change(_ lease: RelayLease, _ change: (inout RelayTransaction) -> Void) {
        if lease === nextLease { session.changeNextRelay(change) } else { session.changeRelay(change) }
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
            if standing.isHeldUp != isHeldUp {
                isHeldUp = standing.isHeldUp
                noteBlock()
            }
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
        self.lease = nextLease.take()
        if transaction.isAnswered { wasUsed = true }
        guard let failure else { return lease.say(.ended(nil)) }
        lease.connection = nil
        owner?.interrupted(lease, transaction, failure, on: self)
    }

    private func startTLS() {
        flush()
        transport?.startTLS()
    }

    private func close(_ failure: ClientFailure?) {
        flush()
        isClosed = true
        transport?.close()
        transport = nil
        let owner = self.owner
        self.owner = nil
        owner?.connectionClosed(self, failure: failure)
    }

    private func flush() {
        guard !output.isEmpty else { return }
        clock.wrote(output.count)
        // A transport that closes at a failure tells of it at once, and the end has something to send as well.
        var bytes: [UInt8] = []
        swap(&bytes, &output)
        transport?.send(&bytes)
        if output.isEmpty { swap(&bytes, &output) }
    }

    // MARK: Events

    func opened(_ transport: any RelayTransport) {
        // Given up while the connection was being made.
        guard !isClosed else { return transport.close() }
        self.transport = transport
        session.connected()
        drive()
    }

    func received(_ bytes: borrowing Span<UInt8>) {
        session.receive(bytes)
        drive()
    }

    func lost(_ reason: String) {
        session.connectionClosed(reason)
        drive()
    }

    func tlsEstablished() {
        session.tlsEstablished()
        drive()
    }

    func tlsFailed(_ reason: String) {
        session.tlsFailed(reason)
        drive()
    }

    func setFull(_ isFull: Bool) {
        self.isFull = isFull
        noteBlock()
    }

    private func noteBlock() {
        let isBlocked = isFull || isHeldUp
        guard isBlocked != self.isBlocked else { return }
        self.isBlocked = isBlocked
        clock.setBlocked(isBlocked, at: .now())
        lease?.say(.blocked(isBlocked))
        lease?.flush()
    }
}
