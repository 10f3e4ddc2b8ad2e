// The front's session on a stage: stores and spool in memory, every answer at its moment, no socket and no clock.

import Bytes
import Delivery
import LMTP
import Routing
import Serve
import Testing

/// A front's session with all that is around it.
final class FrontStage {
    /// A store transaction and the connection it has to itself.
    final class Store {
        var session: ClientSession
        var peer: StagedStore
        let number: Int
        let host: String
        var isOver = false

        init(_ session: ClientSession, _ peer: StagedStore, number: Int, host: String) {
            (self.session, self.peer, self.number, self.host) = (session, peer, number, host)
        }
    }

    let site: FrontSite
    var session: FrontSession
    private(set) var stores: [Store] = []
    /// Those that were told something that they have not heard: what they are told together they hear together.
    private var touched: [Store] = []
    /// What the spool has, and what it has durably.
    private(set) var submission: [UInt8]?
    private(set) var committed: [String] = []
    private(set) var discardCount = 0
    private(set) var reports: [String] = []
    var spoolFails = false
    /// Whether what the spool is asked waits for `settleSpool`, and answers to addresses for `resolveNext`.
    var isSpoolLate = false, isResolvingLate = false
    private var lateSpool: [(Int, FrontSession.SpoolEvent)] = []
    private(set) var lateQuestions: [(FrontSession.Ticket, [UInt8], Resolver.Request)] = []
    private(set) var isClosed = false
    private var output: [UInt8] = []
    /// Makes the store of a host.
    var makeStore: (String) -> StagedStore = { host in
        var store = StagedStore()
        store.isLMTP = host != "s"
        return store
    }

    init(_ site: FrontSite = FrontSite(), hasSpool: Bool = true, change: (inout FrontSettings) -> Void = { _ in })
        throws
    {
        self.site = site
        var settings = FrontSettings(host: "front.example")
        change(&settings)
        session = FrontSession(settings, plan: try site.plan(), hasSpool: hasSpool, name: "t") { 1_795_000_000 }
        session.connected()
        carryOut()
    }

    /// What was said since the last call.
    func said() -> String {
        session.takeOutput(into: &output)
        defer { output = [] }
        return String(decoding: output, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    /// Hears lines, LF standing for CRLF.
    func hear(_ text: String) {
        session.receive(Array(text.replacing("\n", with: "\r\n").utf8).span)
        carryOut()
    }

    /// The client is gone.
    func vanish() {
        session.connectionClosed()
        carryOut()
    }

    /// The client says nothing more, and listens.
    func closeInput() {
        session.inputClosed()
        carryOut()
    }

    /// Time passes until whoever is waited for has had his.
    func passTime() {
        while let store = stores.first(where: { isWaiting(for: $0) }) {
            store.session.timedOut()
            converse(store)
            carryOut()
        }
    }

    /// Whether a store is waited for, rather than the client.
    private func isWaiting(for store: Store) -> Bool {
        guard !store.isOver, let phase = store.session.waitingFor else { return false }
        return phase != .body || store.peer.isStalled
    }

    func settleSpool() {
        for (number, event) in lateSpool { session.spoolSaid(number, event) }
        lateSpool = []
        carryOut()
    }

    func resolveNext() throws {
        let (ticket, address, request) = lateQuestions.removeFirst()
        session.resolved(ticket, try site.resolve(address, request))
        carryOut()
    }

    private func carryOut() {
        while true {
            guard let action = session.nextAction() else {
                guard !touched.isEmpty else { return }
                converse(touched.removeFirst())
                continue
            }
            switch action {
            case .resolve(let ticket, let address, let request):
                if isResolvingLate {
                    lateQuestions.append((ticket, address, request))
                } else if let resolution = try? site.resolve(address, request) {
                    session.resolved(ticket, resolution)
                }
            case .store(let number, let action): carryOut(number, action)
            case .spool(let number, let action): carryOut(submission: number, action)
            case .report(let text): reports.append(text)
            case .close: isClosed = true
            }
        }
    }

    // MARK: Stores

    private func carryOut(_ number: Int, _ action: FrontSession.StoreAction) {
        if case .begin(let destination, let envelope, let recipient) = action {
            var transaction = RelayTransaction(envelope)
            _ = transaction.add(recipient)
            let host = "\(destination.endpoint)".split(separator: "/").last.map(String.init) ?? ""
            let store = Store(ClientSession(options: destination.options), makeStore(host), number: number, host: host)
            stores.append(store)
            store.session.connected()
            store.peer.connected()
            store.session.relay(transaction)
            return touched.append(store)
        }
        guard let store = stores.first(where: { $0.number == number }), !store.isOver else { return }
        store.session.changeRelay { transaction in
            switch action {
            case .begin: break
            case .recipient(let recipient): _ = transaction.add(recipient)
            case .beginMessage: transaction.beginMessage()
            case .message(let bytes): transaction.write(bytes)
            case .endMessage: transaction.endMessage()
            case .abandon: transaction.abandon()
            }
        }
        touched.append(store)
    }

    private func converse(_ store: Store) {
        for _ in 0..<1000 {
            var write: [UInt8] = []
            while let action = store.session.nextAction(sendingInto: &write) {
                switch action {
                case .relayed(let event): session.storeSaid(store.number, event)
                case .relayEnded(var transaction, let failure):
                    store.isOver = true
                    if let failure {
                        transaction.interrupt(by: failure)
                        while let event = transaction.nextEvent() { session.storeSaid(store.number, event) }
                    }
                    session.storeEnded(store.number)
                default: break
                }
            }
            if !write.isEmpty { store.peer.receive(write) }
            let read = store.peer.takeOutput()
            if !read.isEmpty {
                store.session.receive(read.span)
            } else if store.peer.isClosed, !store.session.isClosed {
                store.session.connectionClosed("closed")
            } else if write.isEmpty {
                return
            }
        }
        Issue.record("the conversation has no end")
    }

    // MARK: The spool

    private func carryOut(submission number: Int, _ action: FrontSession.SpoolAction) {
        var event: FrontSession.SpoolEvent?
        switch action {
        case .begin(let bytes):
            submission = bytes
            event = .wrote(bytes.count)
        case .write(let bytes):
            submission? += bytes
            event = .wrote(bytes.count)
        case .commit:
            if !spoolFails, let submission { committed.append(String(decoding: submission, as: UTF8.self)) }
            submission = nil
            event = .committed
        case .discard:
            submission = nil
            discardCount += 1
        }
        if spoolFails { event = .failed("the disk is full") }
        guard let event else { return }
        if isSpoolLate { lateSpool.append((number, event)) } else { session.spoolSaid(number, event) }
    }
}
