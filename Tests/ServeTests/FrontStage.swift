// The front's session on a stage: stores and spool in memory, every answer at its moment, no socket and no clock.

import Bytes
import Delivery
import LMTP
import Routing
import Serve
import Testing

/// A front's session with all that is around it.
final class FrontStage {
    /// A connection to a store.
    final class Connection {
        var session: ClientSession
        var peer: StagedStore
        /// The transactions that it has: the second went along with the end of the first one's message.
        var stores: [Store] = []

        init(_ session: ClientSession, _ peer: StagedStore) { (self.session, self.peer) = (session, peer) }
    }

    /// A store transaction, which has a connection to itself unless it follows another.
    final class Store {
        let number: Int
        let destination: Destination
        let predecessor: Store?
        /// It, while it waits for the one before it.
        var waiting: RelayTransaction?
        var connection: Connection
        var isOver = false, isAbandoned = false

        init(_ connection: Connection, number: Int, _ destination: Destination, predecessor: Store?) {
            (self.connection, self.number, self.predecessor) = (connection, number, predecessor)
            self.destination = destination
        }

        var session: ClientSession { connection.session }
        var peer: StagedStore { connection.peer }
    }

    let site: FrontSite
    var session: FrontSession
    private(set) var stores: [Store] = []
    private(set) var connections: [Connection] = []
    /// How many envelopes went along with the end of the message before them.
    private(set) var togetherCount = 0
    /// Those that were told something that they have not heard: what they are told together they hear together.
    private var touched: [Store] = []
    /// What the spool has, and what it has durably.
    private(set) var submission: [UInt8]?
    private(set) var committed: [String] = []
    private(set) var discardCount = 0
    private(set) var reports: [String] = []
    var spoolFails = false
    /// Whether what stores say comes a byte at a time.
    var isByteByByte = false
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
            store.connection.session.timedOut()
            converse(store)
            carryOut()
        }
    }

    /// Whether a store is waited for, rather than the client.
    private func isWaiting(for store: Store) -> Bool {
        guard !store.isOver, store.waiting == nil, let phase = store.session.waitingFor else { return false }
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
                for store in touched where store.waiting != nil { join(store) }
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
        if case .begin(let destination, let envelope, let recipient, let earlier) = action {
            var transaction = RelayTransaction(envelope)
            _ = transaction.add(recipient)
            let predecessor = stores.first { $0.number == earlier }
            let connection = predecessor?.connection ?? connect(destination)
            let store = Store(connection, number: number, destination, predecessor: predecessor)
            stores.append(store)
            if predecessor == nil {
                connection.stores = [store]
                connection.session.relay(transaction)
            } else {
                store.waiting = transaction
            }
            return touched.append(store)
        }
        guard let store = stores.first(where: { $0.number == number }), !store.isOver else { return }
        let change: (inout RelayTransaction) -> Void = { transaction in
            switch action {
            case .begin: break
            case .recipient(let recipient): _ = transaction.add(recipient)
            case .beginMessage: transaction.beginMessage()
            case .message(let bytes): transaction.write(bytes)
            case .endMessage: transaction.endMessage()
            case .abandon: transaction.abandon()
            }
        }
        if case .abandon = action { store.isAbandoned = true }
        if var waiting = store.waiting {
            change(&waiting)
            store.waiting = waiting
        } else if store.connection.stores.first === store {
            store.connection.session.changeRelay(change)
        } else {
            store.connection.session.changeNextRelay(change)
        }
        touched.append(store)
    }

    private func connect(_ destination: Destination) -> Connection {
        let host = "\(destination.endpoint)".split(separator: "/").last.map(String.init) ?? ""
        let connection = Connection(ClientSession(options: destination.options), makeStore(host))
        connections.append(connection)
        connection.session.connected()
        connection.peer.connected()
        return connection
    }

    /// Gives a transaction that follows another its connection: along with the end of that one's message, or after it.
    private func join(_ store: Store) {
        guard let transaction = store.waiting, let predecessor = store.predecessor else { return }
        let connection = predecessor.connection
        if !predecessor.isOver {
            guard connection.stores.count == 1, connection.session.mayRelayNext(transaction) else { return }
            togetherCount += 1
            connection.stores.append(store)
            connection.session.relayNext(transaction)
        } else if store.isAbandoned {
            store.isOver = true
            session.storeEnded(store.number)
        } else {
            if !connection.session.isIdle { store.connection = connect(store.destination) }
            store.connection.stores = [store]
            store.connection.session.relay(transaction)
        }
        store.waiting = nil
    }

    private func converse(_ store: Store) {
        guard store.waiting == nil else { return }
        let connection = store.connection
        for _ in 0..<1000 {
            var write: [UInt8] = []
            while let action = connection.session.nextAction(sendingInto: &write) {
                guard let store = connection.stores.first else { continue }
                switch action {
                case .relayed(let event): session.storeSaid(store.number, event)
                case .relayEnded(let transaction, let failure): end(store, transaction, failure)
                default: break
                }
            }
            if !write.isEmpty { connection.peer.receive(write) }
            let read = connection.peer.takeOutput()
            if !read.isEmpty {
                for piece in isByteByByte ? read.map({ [$0] }) : [read] { connection.session.receive(piece.span) }
            } else if connection.peer.isClosed, !connection.session.isClosed {
                connection.session.connectionClosed("closed")
            } else if write.isEmpty {
                return
            }
        }
        Issue.record("the conversation has no end")
    }

    private func end(_ store: Store, _ transaction: RelayTransaction, _ failure: ClientFailure?) {
        var transaction = transaction
        store.connection.stores.removeFirst()
        store.isOver = true
        // Nothing was answered: it is tried once more.
        if failure != nil, transaction.canBeRetried, transaction.attempts == 0, store.predecessor != nil,
            !store.isAbandoned
        {
            transaction.restart()
            store.isOver = false
            store.waiting = transaction
            touched.append(store)
            return
        }
        if let failure {
            transaction.interrupt(by: failure)
            while let event = transaction.nextEvent() { session.storeSaid(store.number, event) }
        }
        session.storeEnded(store.number)
        touched += stores.filter { $0.waiting != nil && $0.predecessor === store }
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
