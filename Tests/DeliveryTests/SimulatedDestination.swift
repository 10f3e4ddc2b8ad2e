// A destination with its messages, connections, server and clock, all of them simulated: only the decisions are real.

import Delivery
import LMTP
import NIOCore

/// How a simulated server behaves, in seconds and numbers of messages.
struct SimulatedServer: Sendable {
    /// When it is not there: connections are refused, and open ones break.
    var outages: [Range<Int>] = []
    /// How many connections it takes; more are refused.
    var connectionLimit = Int.max
    /// After how many messages it closes a connection.
    var messagesPerConnection = Int.max
    /// When it says nothing.
    var silences: [Range<Int>] = []

    func isAway(_ now: Int) -> Bool { outages.contains { $0.contains(now) } }
    func isSilent(_ now: Int) -> Bool { silences.contains { $0.contains(now) } }
}

/// The simulation: each second every connection may get on by one step.
struct SimulatedDestination {
    struct Message {
        let number: Int
        var attempts = 0
    }

    struct Connection: DeliveryConnection {
        let number: Int
        var state: ConnectionState
        var messages: [Message] = []
        var replies = 0
        var answered = 0
    }

    let server: SimulatedServer
    let maximum: Int
    private(set) var now = 1000
    private(set) var destination = DestinationState()
    private var waiting: [Message] = []
    private var connections: [Connection] = []
    private var count = 0
    /// The second in which each message was delivered, or deferred.
    private(set) var delivered: [Int: Int] = [:], deferred: [Int: Int] = [:]
    /// The seconds in which connections were tried.
    private(set) var attempts: [Int] = []
    private(set) var mostConnections = 0
    /// Breaches of what must hold.
    private(set) var faults: [String] = []

    private static let terms = ConnectionTerms(
        messagesPerConnection: 40, maximumAge: TimeSpan(seconds: 600), idleLimit: TimeSpan(seconds: 10),
        limits: TimeLimits("conn=5s,cmd=5s,data=5s,dot=20s") ?? TimeLimits())

    init(_ server: SimulatedServer, maximum: Int) {
        self.server = server
        self.maximum = maximum
    }

    var isEmpty: Bool { waiting.isEmpty && connections.isEmpty }
    private var time: NIODeadline { .uptimeNanoseconds(UInt64(now) * 1_000_000_000) }

    mutating func submit(_ numbers: Range<Int>) {
        waiting += numbers.map { Message(number: $0) }
        dispatch()
    }

    mutating func shutDown() {
        destination.shutDown()
        dispatch()
    }

    /// A second passes.
    mutating func pass() {
        now += 1
        for number in connections.map(\.number) { step(number) }
        dispatch()
        mostConnections = max(mostConnections, connections.count)
        if connections.count > maximum { faults.append("\(connections.count) connections at \(now)") }
    }

    private func place(_ number: Int) -> Int? { connections.firstIndex { $0.number == number } }

    private mutating func dispatch() {
        let time = time
        var steps = 0
        while !waiting.isEmpty {
            steps += 1
            guard steps < 10_000 else { return faults.append("no end of decisions at \(now)") }
            switch destination.nextStep(connections, allowed: connections.count < maximum, at: time) {
            case .give(let index):
                connections[index].state.took()
                connections[index].messages.append(waiting.removeFirst())
                if !connections[index].state.isReady, connections[index].state.load > 1 {
                    faults.append("a second message waits for an opening at \(now)")
                }
            case .connect:
                count += 1
                attempts.append(now)
                var connection = Connection(number: count, state: ConnectionState(Self.terms, at: time))
                connection.state.took()
                connection.messages.append(waiting.removeFirst())
                _ = connection.state.endStep(.connect, isIdle: false, replyCount: 0, at: time)
                connections.append(connection)
            case .deferWaiting:
                for message in waiting { deferred[message.number] = now }
                waiting = []
            case .wait: return
            }
        }
        guard destination.isShuttingDown else { return }
        for connection in connections where connection.state.isIdle { end(connection.number, nil) }
    }

    /// One thing happens on a connection: it is refused or breaks, its time is up, it is opened, a message is answered.
    private mutating func step(_ number: Int) {
        guard let index = place(number) else { return }
        let time = time
        let isOpening = !connections[index].state.isReady
        if server.isAway(now) { return end(number, .closed(nil, "broken")) }
        if isOpening, index >= server.connectionLimit { return end(number, .connectionFailed("refused")) }
        guard !server.isSilent(now) else { return passTime(number) }
        if connections[index].answered >= server.messagesPerConnection { return end(number, .closed(nil, "enough")) }
        guard isOpening || !connections[index].messages.isEmpty else { return passTime(number) }
        connections[index].state.received(at: time)
        if !isOpening { answer(number) }
        guard let index = place(number) else { return }
        connections[index].replies += 1
        connections[index].state.stoppedReading()
        let isIdle = connections[index].messages.isEmpty
        _ = connections[index].state.endStep(
            isIdle ? nil : .final, isIdle: isIdle, replyCount: connections[index].replies, at: time)
        askForWork(number)
    }

    private mutating func passTime(_ number: Int) {
        guard let index = place(number) else { return }
        switch connections[index].state.timerFired(bodySize: 0, at: time) {
        case .quit: end(number, nil)
        case .timeOut: end(number, .timedOut(connections[index].state.isReady ? .final : .greeting))
        case .wait, .nothing: break
        }
    }

    private mutating func answer(_ number: Int) {
        guard let index = place(number), let message = connections[index].messages.first else { return }
        connections[index].messages.removeFirst()
        connections[index].answered += 1
        connections[index].state.finished(wasAttempted: true)
        _ = destination.finished(
            wasAttempted: true, wasSent: true, attempts: message.attempts, on: connections[index], isFailing: false,
            isAnotherReady: false)
        if delivered.updateValue(now, forKey: message.number) != nil { faults.append("\(message.number) twice") }
    }

    private mutating func askForWork(_ number: Int) {
        guard let index = place(number) else { return }
        switch connections[index].state.need {
        case .nothing: return
        case .quit: return end(number, nil)
        case .work: break
        }
        let offer = destination.offer(
            to: connections[index], isWaiting: !waiting.isEmpty,
            mayConnect: connections.count < maximum && destination.mayConnect(connections.count, at: time),
            isAnyoneWaiting: false)
        switch offer {
        case .give:
            connections[index].state.took()
            connections[index].messages.append(waiting.removeFirst())
        case .dispatch: dispatch()
        case .quit: end(number, nil)
        case .nothing: break
        }
    }

    private mutating func end(_ number: Int, _ failure: ClientFailure?) {
        guard let index = place(number) else { return }
        if failure == nil, !connections[index].messages.isEmpty {
            faults.append("\(number) ended with messages at \(now)")
        }
        connections[index].state.close()
        while let message = connections[index].messages.first {
            connections[index].messages.removeFirst()
            connections[index].state.finished(wasAttempted: false)
            let isAnotherReady = connections.contains { $0.number != number && $0.state.isReady }
            let disposal = destination.finished(
                wasAttempted: false, wasSent: true, attempts: message.attempts, on: connections[index], isFailing: true,
                isAnotherReady: isAnotherReady)
            switch disposal {
            case .complete: deferred[message.number] = now
            case .retry: waiting.insert(Message(number: message.number, attempts: message.attempts + 1), at: 0)
            }
        }
        let closed = connections.remove(at: index)
        destination.closed(closed.state, failure, others: connections, at: time)
        dispatch()
    }
}
