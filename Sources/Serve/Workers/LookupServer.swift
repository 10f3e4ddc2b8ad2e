// The lookup server: sockets, connections, and the workers that answer. Looking after workers and times is in
// LookupServer+Supervision.swift.

import CLinux
import Glibc
package import LookupProtocols
package import Routing
package import Service
import Synchronization
package import System

/// A socket that listens, and what is spoken there.
package struct LookupListener: Sendable {
    /// The socket.
    package let socket: ListeningSocket
    /// The protocol, as `--listen` names it.
    package let protocolName: String
    /// Begins a connection.
    package let makeDialogue: @Sendable () -> any LookupDialogue

    /// Describes a listener.
    package init(
        _ socket: ListeningSocket, protocolName: String, makeDialogue: @escaping @Sendable () -> any LookupDialogue
    ) {
        self.socket = socket
        self.protocolName = protocolName
        self.makeDialogue = makeDialogue
    }
}

/// How much a lookup server takes upon itself.
package struct LookupServerLimits: Sendable {
    /// Connections at a time; more wait to be accepted.
    package var connections = 20_000
    /// The seconds in which a request that has begun must be whole, and answers must be taken.
    package var patience = 60
    /// How long a lookup may take, whatever `lookuptimeout` says.
    package static let longestLookup = Duration.seconds(30)
    /// How long the lookups of a request may take together before no other is begun.
    ///
    /// With the last of them that is less than the 100 seconds that Postfix waits.
    package var request = Duration.seconds(60)
    /// The seconds for which a connection may ask nothing.
    package var idle = 3600
    /// Workers that answer at a time, and workers at the most where some wait in lookups.
    package var workers: Int, mostWorkers = 64

    /// Limits with so many workers.
    package init(workers: Int) { self.workers = max(1, workers) }
}

/// Answers lookups over sockets.
///
/// Each connection belongs to the queue of one worker. One that hangs in a lookup is soon stood in for, and given up after the deadline: its client is told that the lookup failed.
package final class LookupServer: Sendable {
    /// Told of each answer.
    package typealias Log =
        @Sendable (
            _ request: borrowing LookupRequest, _ reply: borrowing LookupReply, _ protocolName: String
        ) -> Void

    struct State {
        var service: LookupService
        var connections: [UInt64: LookupConnection] = [:]
        var nextNumber: UInt64 = 0
        /// Listeners that wait until there is room for connections.
        var paused: [Int] = []
        var isDraining = false
    }

    /// One for each worker that answers at a time.
    let queues: [WorkQueue]
    let limits: LookupServerLimits
    let log: Log?
    /// What was answered.
    package let counts: AnswerCounts
    private let listeners: [LookupListener]
    let state: Mutex<State>
    /// What answers without a worker; nil where nothing can.
    private let memory: Mutex<MemoryResolver?>
    /// Which queue is given the next connection or question.
    private let turn = Atomic(0)
    private let ended = Atomic(false)
    private let otherMetrics = Mutex<(@Sendable () -> String)?>(nil)
    /// The workers, for their supervisor; whoever waits for them to end is told.
    let crew = Monitor(Crew())

    /// Listens and answers from now on.
    ///
    /// - Throws: `FileError` where the system gives no descriptors or threads; the sockets are closed then.
    package init(
        _ listeners: [LookupListener], service: LookupService, limits: LookupServerLimits,
        counts: AnswerCounts = AnswerCounts(), log: Log? = nil
    ) throws(FileError) {
        self.listeners = listeners
        self.limits = limits
        self.counts = counts
        self.log = log
        var queues: [WorkQueue] = []
        do throws(FileError) {
            for _ in 0..<limits.workers { queues.append(try WorkQueue()) }
        } catch {
            for listener in listeners { listener.socket.abandon() }
            throw error
        }
        self.queues = queues
        memory = Mutex(service.makeMemoryResolver())
        state = Mutex(State(service: service, nextNumber: WorkQueue.firstNumber + UInt64(listeners.count)))
        var code: Int32 = 0
        for (index, listener) in listeners.enumerated() where code == 0 {
            code = queues[0].poller.add(listener.socket.descriptor, number: number(of: index), .connections)
        }
        if code == 0 { code = startCrew() }
        guard code == 0 else {
            endNow()
            for listener in listeners { listener.socket.abandon() }
            throw FileError(operation: "serve", path: listeners.first?.socket.name ?? "-", code: code)
        }
    }

    private func number(of listener: Int) -> UInt64 { WorkQueue.firstNumber + UInt64(listener) }

    private func nextQueue() -> WorkQueue {
        let (turn, _) = turn.wrappingAdd(1, ordering: .relaxed)
        return queues[Int(UInt(bitPattern: turn) % UInt(queues.count))]
    }

    /// The protocol of a listener.
    func protocolName(of listener: Int) -> String {
        listeners.indices.contains(listener) ? listeners[listener].protocolName : "-"
    }

    /// How many connections there are.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Resolves an address: at once where what is in memory says all of it, else in one of the workers.
    ///
    /// - Parameter completion: is called here or by a worker, whatever happens, with the answer; it must not wait.
    package func resolve(
        _ address: [UInt8], _ request: Resolver.Request, completion: @escaping @Sendable (Resolution) -> Void
    ) {
        if let known = memory.withLock({ $0?.resolve(address.span, request) }) { return completion(known) }
        ask(address, request, completion: completion)
    }

    /// Resolves an address in one of the workers.
    private func ask(
        _ address: [UInt8], _ request: Resolver.Request, completion: @escaping @Sendable (Resolution) -> Void
    ) {
        nextQueue().add(.question(AddressQuestion(address: address, request: request, completion: completion)))
    }

    /// Has the page `/metrics` show also what others count.
    package func showMetrics(of others: @escaping @Sendable () -> String) { otherMetrics.withLock { $0 = others } }

    /// All that is counted, in Prometheus's text format.
    package var allMetricsText: String {
        let others = otherMetrics.withLock { $0 }
        return metricsText + (others?() ?? "")
    }

    /// Serves a site as it is now; requests that are being answered are answered as it was.
    package func use(_ service: LookupService) {
        state.withLock { $0.service = service }
        memory.withLock { $0 = service.makeMemoryResolver() }
        replaceCrew()
    }

    /// Tells when a worker has got as far as to say so: they do not stand still.
    package func whenAnswering(_ tell: @escaping @Sendable () -> Void) {
        // An address that is none: it is answered without a map.
        ask([], Resolver.Request()) { _ in tell() }
    }

    // MARK: What workers ask for

    /// Whether workers are to end.
    var isEnded: Bool { ended.load(ordering: .relaxed) }

    /// The connection of a number; nil where there is none, such as for a listener, from which is accepted.
    func take(_ number: UInt64) -> LookupConnection? {
        let listener = Int(number - WorkQueue.firstNumber)
        guard listener >= listeners.count else {
            accept(listener)
            return nil
        }
        return state.withLock { $0.connections[number] }
    }

    /// Sees to it that a connection is told of again after its turn, while it is still the worker's.
    func prepare(_ connection: LookupConnection, _ next: LookupConnection.Next) {
        switch next {
        case .awaitsInput:
            guard connection.awaitsRoom else { return }
            connection.awaitsRoom = false
            connection.queue.poller.arm(connection.descriptor, number: connection.number, .input)
        case .awaitsTurn:
            connection.awaitsRoom = false
            connection.queue.poller.arm(connection.descriptor, number: connection.number, .input)
        case .awaitsRoom:
            connection.awaitsRoom = true
            connection.queue.poller.arm(connection.descriptor, number: connection.number, .output)
        case .ended:
            let resumed = state.withLock { state in
                // Under the lock: whoever shuts a connection down holds it, so that its descriptor is no other's yet.
                state.connections[connection.number] = nil
                connection.isEnded = true
                close(connection.descriptor)
                let paused = state.isDraining ? [] : state.paused
                if !state.isDraining { state.paused = [] }
                return paused
            }
            resume(resumed)
        case .hasMore, .lost: break
        }
    }

    /// Lets listeners that were full be accepted from again.
    func resume(_ paused: [Int]) {
        for listener in paused {
            queues[0].poller.arm(
                listeners[listener].socket.descriptor, number: number(of: listener), .connections)
        }
    }

    /// Accepts the connections that wait at a listener, as many as there is room for.
    private func accept(_ listener: Int) {
        let socket = listeners[listener].socket.descriptor
        // Others are to have their turn between many clients that come at once.
        for _ in 0..<64 {
            let isFull = state.withLock { state in
                guard state.connections.count >= limits.connections else { return false }
                state.paused.append(listener)
                return true
            }
            // They wait to be accepted: a connection that is closed without a word is an answer to some clients.
            guard !isFull else { return }
            let descriptor = accept4(
                socket, nil, nil, Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue))
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                // Without descriptors or memory there will be some again when a connection ends, or a little later.
                if errno != EAGAIN { return state.withLock { $0.paused.append(listener) } }
                break
            }
            var isOn: Int32 = 1
            if listeners[listener].socket.port != nil {
                // Fails for nothing that was just accepted; without it answers are only later.
                _ = unsafe setsockopt(
                    descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
            }
            add(descriptor, listener)
        }
        queues[0].poller.arm(socket, number: number(of: listener), .connections)
    }

    private func add(_ descriptor: Int32, _ listener: Int) {
        let connection = state.withLock { state in
            let connection = LookupConnection(
                descriptor, number: state.nextNumber, listener: listener, queue: nextQueue(),
                listeners[listener].makeDialogue())
            state.nextNumber += 1
            state.connections[connection.number] = connection
            if state.isDraining { connection.isDue.store(true, ordering: .relaxed) }
            return connection
        }
        let code = connection.queue.poller.add(descriptor, number: connection.number, .input)
        if code != 0 { prepare(connection, .ended) }
    }

    // MARK: The end

    /// Accepts no more, answers what was asked, and ends.
    ///
    /// - Parameter seconds: how long clients that have connected, and asked nothing yet, are waited for at the most.
    package func finish(within seconds: Int) {
        // New clients find no socket; those that wait to be accepted are answered.
        for listener in listeners { listener.socket.removeFile() }
        let paused = state.withLock { state in
            state.isDraining = true
            return state.paused
        }
        resume(paused)
        let end = MonotonicTime.coarse().advanced(by: UInt64(max(0, seconds)) &* 1_000_000_000)
        var isLast = false
        while !isLast {
            isLast = MonotonicTime.coarse() >= end
            endQuietConnections(all: isLast)
            if !hasAnswersDue, queues.allSatisfy(\.isEmpty), !isAnyWaiting { break }
            FileClock.system.wait(5_000_000)
        }
        endNow()
        for listener in listeners { close(listener.socket.descriptor) }
        state.withLock { state in
            for connection in state.connections.values { close(connection.descriptor) }
            state.connections = [:]
        }
    }

    /// Whether a client waits to be accepted.
    private var isAnyWaiting: Bool {
        var wanted = listeners.map { pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0) }
        return unsafe poll(&wanted, nfds_t(wanted.count), 0) > 0
    }

    /// Whether a connection is still open.
    private var hasAnswersDue: Bool { state.withLock { !$0.connections.isEmpty } }

    private func endNow() {
        ended.store(true, ordering: .releasing)
        for queue in queues { queue.end() }
        waitForCrew()
    }
}
