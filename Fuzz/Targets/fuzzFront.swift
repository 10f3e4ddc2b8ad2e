// The LMTP front as a value, between a client and stores that say anything at any moment, and a spool that may fail.

import Delivery
import LMTP
import Routing
import Serve

private let site = try? FuzzedFrontSite()

/// Plays an input.
///
/// The first byte chooses the settings. Of the others those below `ServerWords.first` say who speaks now and what befalls him, the
/// next sixteen are whole words of his, and all else is what he says byte by byte.
///
/// A client that does not keep to the protocol is heard where the settings say so; what it is told cannot be judged then.
func fuzzFront(_ bytes: [UInt8]) {
    guard let settings = bytes.first else { return }
    guard let site else { preconditionFailure("the site cannot be made") }
    var run = FrontRun(site, settings)
    for byte in bytes.dropFirst() { run.take(byte) }
    run.finish()
}

/// A run over an input, with what must always hold checked at each step.
private struct FrontRun {
    /// A connection to a store.
    private struct Connection {
        var session: ClientSession
        var ledger: ReplyLedger
        var inbox: [UInt8] = []
        /// The places of the transactions that it has: the second went along with the end of the first one's message.
        var stores: [Int] = []
    }

    /// A store's transaction.
    private struct Store {
        let number: Int
        /// The client's transaction that it is for.
        let transaction: [UInt8]
        let destination: Destination
        /// The place of the one that it follows over the same connection.
        let predecessor: Int?
        /// It, before it has a connection.
        var waiting: RelayTransaction?
        var connection: Int?
        var isInvited = false, isOver = false, isBlocked = false
        /// What it was given before it invited anything.
        var early = 0
    }

    /// So much is kept for who does not take it: less than what is read at once, and what may be on its way to the disk.
    private static let (mostEarly, mostPending) = (128 << 10, 512 << 10)

    private let site: FuzzedFrontSite
    private let isClientHostile: Bool, isResolvingLate: Bool, isSpoolLate: Bool
    private var session: FrontSession
    private var client = FrontClient()
    /// What the client has said and the front does not want yet.
    private var unread: [UInt8] = []
    private var stores: [Store] = []
    private var connections: [Connection] = []
    /// Who speaks: the client, or a store by its place.
    private var speaker: Int?
    private var questions: [(ticket: FrontSession.Ticket, address: [UInt8])] = []
    private var spoolEvents: [(number: Int, event: FrontSession.SpoolEvent)] = []
    private var pendingBytes = 0
    /// The client's transaction of a submission, and those that are durable.
    private var submissions: [Int: [UInt8]] = [:]
    private var committed: Set<[UInt8]> = []
    private var tally = FrontTally()
    private var isClosed = false

    init(_ site: FuzzedFrontSite, _ settings: UInt8) {
        self.site = site
        isClientHostile = settings & 1 != 0
        isResolvingLate = settings & 2 != 0
        isSpoolLate = settings & 4 != 0
        session = FrontSession(
            FrontSettings(host: "front"), plan: site.plan, hasSpool: settings & 8 == 0, name: "f"
        ) { 1_795_000_000 }
        session.connected()
        carryOut()
    }

    // MARK: The input

    mutating func take(_ byte: UInt8) {
        switch byte {
        case 0x00: speaker = nil
        case 0x01...0x03: speaker = stores.isEmpty ? nil : max(0, stores.count - Int(byte))
        case 0x04: resolve(at: 0)
        case 0x05: resolve(at: questions.count - 1)
        case 0x06: settleSpool()
        case 0x07: failSpool()
        case 0x08: hangUp()
        case 0x0B: timeOut()
        case 0x0C:
            if let speaker { flood(speaker) } else { closeInput() }
        case 0x0E:
            if let speaker {
                stores[speaker].isBlocked.toggle()
                session.storeIsBlocked(stores[speaker].number, stores[speaker].isBlocked)
            }
        case 0x0F:
            client.end()
            session.finish()
            carryOut()
        case 0x7F: sayMuch()
        default: say(byte)
        }
        read()
    }

    /// Everybody who is waited for has had his time, and the client is gone.
    mutating func finish() {
        // Each step can let the client say more, and that ask for more.
        var hasMoved = true
        while !isClosed, hasMoved {
            hasMoved = false
            while !questions.isEmpty {
                resolve(at: 0)
                hasMoved = true
            }
            for index in stores.indices where !stores[index].isOver && stores[index].connection != nil {
                tell(index) { $0.connectionClosed("closed") }
                hasMoved = true
            }
            while !spoolEvents.isEmpty {
                settleSpool()
                hasMoved = true
            }
            let left = unread.count
            read()
            if unread.count != left { hasMoved = true }
        }
        if !isClientHostile, !client.isOver {
            precondition(unread.isEmpty, "the front waits for nobody")
            precondition(client.isAnswered, "a command, or a recipient of a message, has no reply")
        }
        session.connectionClosed()
        carryOut()
        precondition(isClosed && session.isClosed, "the session outlives its client")
        // What came whole goes on without its client, and nothing else.
        for index in stores.indices where !stores[index].isOver { tell(index) { $0.connectionClosed("closed") } }
        precondition(stores.allSatisfy(\.isOver), "a store's transaction outlives its connection")
        precondition(
            tally.delivered + tally.failed + tally.deferred <= tally.accepted, "a recipient has two final replies")
    }

    private mutating func say(_ byte: UInt8) {
        if let speaker {
            guard let connection = stores[speaker].connection else { return }
            connections[connection].inbox += ServerWords.text(byte) ?? [byte]
            if byte == 0x0A || ServerWords.text(byte) != nil { hear(speaker) }
        } else if let words = client.words(byte) {
            unread += Array(words.utf8)
        } else if isClientHostile {
            unread.append(byte)
        }
    }

    private mutating func sayMuch() {
        guard speaker == nil, isClientHostile || client.isInMessage else { return }
        let line = Array("1234567890123456789012345678901234567890\r\n".utf8)
        for _ in 0..<400 { unread += line }
    }

    /// As a driver reads: no more than the front wants.
    private mutating func read() {
        while session.wantsInput, !unread.isEmpty, !isClosed {
            let piece = Array(unread.prefix(16 << 10))
            unread.removeFirst(piece.count)
            session.receive(piece.span)
            carryOut()
        }
    }

    private mutating func hangUp() {
        if let speaker { return tell(speaker) { $0.connectionClosed("closed") } }
        client.end()
        session.connectionClosed()
        carryOut()
    }

    private mutating func closeInput() {
        client.end()
        session.inputClosed()
        carryOut()
    }

    private mutating func timeOut() {
        if let speaker { return tell(speaker) { $0.timedOut() } }
        guard session.waitingFor != nil else { return }
        client.end()
        session.timedOut()
        carryOut()
    }

    // MARK: Addresses and the spool

    private mutating func resolve(at index: Int) {
        guard questions.indices.contains(index) else { return }
        let question = questions.remove(at: index)
        session.resolved(question.ticket, site.resolve(question.address))
        carryOut()
    }

    private mutating func settleSpool() {
        guard !spoolEvents.isEmpty else { return }
        let (number, event) = spoolEvents.removeFirst()
        switch event {
        case .wrote(let count): pendingBytes -= count
        case .committed: if let transaction = submissions[number] { committed.insert(transaction) }
        case .failed: break
        }
        session.spoolSaid(number, event)
        carryOut()
    }

    private mutating func failSpool() {
        guard let number = spoolEvents.first?.number else { return }
        spoolEvents.removeAll { $0.number == number }
        submissions[number] = nil
        pendingBytes = 0
        session.spoolSaid(number, .failed("the disk is full"))
        carryOut()
    }

    private mutating func carryOut(_ number: Int, _ action: FrontSession.SpoolAction) {
        switch action {
        case .begin(let bytes):
            precondition(submissions[number] == nil, "a submission begins twice")
            submissions[number] = Self.transaction(in: bytes)
            pendingBytes += bytes.count
            spoolEvents.append((number, .wrote(bytes.count)))
        case .write(let bytes):
            guard submissions[number] != nil else { return }
            pendingBytes += bytes.count
            precondition(pendingBytes <= Self.mostPending, "more waits for the disk than may")
            spoolEvents.append((number, .wrote(bytes.count)))
        case .commit:
            guard let transaction = submissions[number] else { return }
            precondition(isClientHostile || isWhole(transaction), "a submission of a message that is not whole")
            spoolEvents.append((number, .committed))
        case .discard:
            submissions[number] = nil
            spoolEvents.removeAll { $0.number == number }
            pendingBytes = 0
        }
    }

    /// The local part of the sender, which no two transactions have in common.
    private static func transaction(in head: [UInt8]) -> [UInt8] {
        let start = head.firstRange(of: Array("\nfrom <".utf8))?.upperBound ?? head.endIndex
        return Array(head[start...].prefix { $0 != UInt8(ascii: "@") })
    }

    private func isWhole(_ transaction: [UInt8]) -> Bool {
        client.whole.contains { Array("s\($0)".utf8) == transaction }
    }

    // MARK: Stores

    private mutating func hear(_ index: Int) {
        guard let connection = stores[index].connection, !connections[connection].inbox.isEmpty,
            !connections[connection].session.isClosed
        else { return }
        let bytes = connections[connection].inbox
        connections[connection].inbox = []
        connections[connection].ledger.said(bytes)
        tell(index) { $0.receive(bytes.span) }
    }

    private mutating func flood(_ index: Int) {
        guard let connection = stores[index].connection else { return }
        connections[connection].inbox += ServerWords.endlessReply
        hear(index)
        precondition(connections[connection].session.isClosed, "a reply without end is kept")
    }

    private mutating func tell(_ index: Int, _ event: (inout ClientSession) -> Void) {
        guard let connection = stores[index].connection else { return }
        event(&connections[connection].session)
        pump(connection)
        carryOut()
    }

    private mutating func pump(_ connection: Int) {
        while let action = connections[connection].session.nextAction() {
            switch action {
            case .send(let bytes): connections[connection].ledger.sent(bytes)
            case .relayed(let event):
                guard let store = connections[connection].stores.first else {
                    preconditionFailure("something is told of no transaction")
                }
                hand(event, of: store)
            case .relayEnded(let transaction, let failure): end(transaction, failure, over: connection)
            default: break
            }
        }
    }

    private mutating func end(_ transaction: RelayTransaction, _ failure: ClientFailure?, over connection: Int) {
        precondition(!connections[connection].stores.isEmpty, "a transaction ends twice")
        let store = connections[connection].stores.removeFirst()
        if let failure {
            var transaction = transaction
            transaction.interrupt(by: failure)
            while let event = transaction.nextEvent() { hand(event, of: store) }
        }
        stores[store].isOver = true
        session.storeEnded(stores[store].number)
    }

    private mutating func hand(_ event: RelayTransaction.Event, of index: Int) {
        if case .invited = event { stores[index].isInvited = true }
        session.storeSaid(stores[index].number, event)
    }

    private mutating func carryOut(_ number: Int, _ action: FrontSession.StoreAction) {
        if case .begin(let destination, let envelope, let recipient, let earlier) = action {
            var transaction = RelayTransaction(envelope)
            _ = transaction.add(recipient)
            precondition(!stores.contains { $0.number == number }, "a store's transaction begins twice")
            let predecessor = earlier.map { earlier in
                guard let place = stores.firstIndex(where: { $0.number == earlier }) else {
                    preconditionFailure("a transaction follows none")
                }
                return place
            }
            return stores.append(
                Store(
                    number: number, transaction: Array(envelope.sender.prefix { $0 != UInt8(ascii: "@") }),
                    destination: destination, predecessor: predecessor, waiting: transaction))
        }
        guard let index = stores.firstIndex(where: { $0.number == number }) else {
            preconditionFailure("something is asked of a store without a transaction")
        }
        switch action {
        case .message(let bytes) where !stores[index].isInvited && !stores[index].isOver:
            stores[index].early += bytes.count
            precondition(stores[index].early <= Self.mostEarly, "more waits for a store than may")
        case .endMessage:
            precondition(
                isClientHostile || isWhole(stores[index].transaction), "a store is given a message that is not whole")
        case .abandon where stores[index].waiting != nil:
            stores[index].waiting = nil
            stores[index].isOver = true
            return session.storeEnded(number)
        default: break
        }
        change(index) { transaction in
            switch action {
            case .begin: break
            case .recipient(let recipient): _ = transaction.add(recipient)
            case .beginMessage: transaction.beginMessage()
            case .message(let bytes): transaction.write(bytes)
            case .endMessage: transaction.endMessage()
            case .abandon: transaction.abandon()
            }
        }
    }

    private mutating func change(_ index: Int, _ change: (inout RelayTransaction) -> Void) {
        if var waiting = stores[index].waiting.take() {
            change(&waiting)
            stores[index].waiting = waiting
        } else if let connection = stores[index].connection, !stores[index].isOver {
            if connections[connection].stores.first == index {
                connections[connection].session.changeRelay(change)
            } else {
                connections[connection].session.changeNextRelay(change)
            }
            pump(connection)
        }
    }

    /// Gives one of the transactions that wait its connection, as a driver does.
    ///
    /// - Returns: false where none can have one yet.
    private mutating func beginNext() -> Bool {
        for index in stores.indices {
            guard let transaction = stores[index].waiting else { continue }
            let shared = stores[index].predecessor.flatMap { stores[$0].connection }
            var connection = connections.count
            if let predecessor = stores[index].predecessor, !stores[predecessor].isOver {
                guard let shared, connections[shared].stores == [predecessor],
                    connections[shared].session.mayRelayNext(transaction)
                else { continue }
                connection = shared
                connections[connection].session.relayNext(transaction)
            } else if let shared, connections[shared].session.isIdle {
                connection = shared
                connections[connection].session.relay(transaction)
            } else {
                let options = stores[index].destination.options
                connections.append(
                    Connection(
                        session: ClientSession(options: options), ledger: ReplyLedger(isLMTP: options.dialect == .lmtp))
                )
                connections[connection].session.connected()
                connections[connection].session.relay(transaction)
            }
            connections[connection].stores.append(index)
            stores[index].connection = connection
            stores[index].waiting = nil
            pump(connection)
            return true
        }
        return false
    }

    // MARK: The front

    private mutating func carryOut() {
        repeat {
            while let action = session.nextAction() { carryOut(action) }
        } while beginNext()
        var said: [UInt8] = []
        session.takeOutput(into: &said)
        if isClientHostile {
            _ = said
        } else {
            for verdict in client.hear(said) { judge(verdict) }
        }
        tally.add(session.takeTally())
        if !isSpoolLate { while !spoolEvents.isEmpty { settleSpool() } }
    }

    private mutating func carryOut(_ action: FrontSession.Action) {
        precondition(!isClosed, "an action after the last")
        switch action {
        case .resolve(let ticket, let address, _):
            questions.append((ticket, address))
            if !isResolvingLate {
                let question = questions.removeLast()
                session.resolved(question.ticket, site.resolve(question.address))
            }
        case .store(let number, let action): carryOut(number, action)
        case .spool(let number, let action): carryOut(number, action)
        case .report: break
        case .close: isClosed = true
        }
    }

    /// Whether what a recipient was told is true.
    private func judge(_ verdict: FrontClient.Verdict) {
        switch verdict {
        case .recipient(let recipient, let number, let code):
            guard code / 100 == 2, let address = recipient.storeAddress else { return }
            let pair = Self.pair(number, address)
            precondition(
                connections.contains { $0.ledger.acceptedOf.contains(pair) }, "no store accepted the recipient")
        case .final(let recipient, let number, let code):
            let isTaken = code / 100 == 2
            precondition(recipient != .unknown, "a message for a recipient who was refused")
            if let address = recipient.storeAddress {
                let pair = Self.pair(number, address)
                precondition(
                    !isTaken || connections.contains { $0.ledger.deliveredOf.contains(pair) },
                    "no store took the message")
                precondition(
                    code / 100 != 5 || connections.contains { $0.ledger.failedOf.contains(pair) },
                    "no store refused the message")
            } else if recipient == .list {
                precondition(code / 100 != 5, "the spool refuses nothing")
                precondition(
                    !isTaken || committed.contains(Array("s\(number)".utf8)), "the message is not in the spool")
            }
        }
    }

    /// A recipient of the client's transaction of a number, as stores are asked for it.
    private static func pair(_ number: Int, _ address: [UInt8]) -> [[UInt8]] { [Array("s\(number)".utf8), address] }
}
