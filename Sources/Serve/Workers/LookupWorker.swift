// One thread that answers lookups. What it works on can be taken from it while it hangs inside one.

import Bytes
import Glibc
import LookupProtocols
import Maps
import Routing
import Synchronization
import System

/// An address that is to be resolved for another thread.
struct AddressQuestion: Sendable {
    let address: [UInt8]
    let request: Resolver.Request
    let completion: @Sendable (Resolution) -> Void
}

/// A thread of the lookup server.
///
/// `@unchecked`: what it works on belongs to the thread. Only whoever abandoned it while it hangs reads it, and only as long as
/// `CallWatch.abandon` lasts.
final class LookupWorker: @unchecked Sendable {
    /// What a worker works on.
    enum Work {
        case connection(LookupConnection)
        case question(AddressQuestion)
    }

    /// What answers of one map over one listener have in common.
    private struct Asked {
        var listener = -1
        var name: [UInt8] = []
        var map: ServedMap?
    }

    let watch: CallWatch
    let service: LookupService
    let queue: WorkQueue
    /// Whether it is to end after what it works on: it stands in for one that waited, or its configuration is an old one.
    let isDismissed = Atomic(false)
    private(set) var work: Work?
    /// Where the request that it answers is counted, and when it began.
    private let counts = Mutex<AnswerCounts.Cell?>(nil)
    private let begun = Atomic<UInt64>(0)

    init(_ service: LookupService, _ queue: WorkQueue) {
        self.service = service
        self.queue = queue
        watch = CallWatch(health: service.health)
    }

    /// Answers until the server ends, or until the worker is given up, and then silently.
    func run(_ server: LookupServer) {
        let engine = service.makeEngine(watch)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var request = LookupRequest()
        var reply = LookupReply()
        var asked = Asked()
        var last: LookupConnection?
        /// Answers what came over a connection; false where the worker was given up.
        func serve(_ connection: LookupConnection, _ isHungUp: Bool) -> Bool {
            guard connection.take() else { return true }
            work = .connection(connection)
            var isHungUp = isHungUp
            repeat {
                let next = connection.turn(reading: &buffer, isHungUp, &request, &reply) { request, reply in
                    answer(request, connection.listener, &asked, engine, server, &reply)
                }
                if case .lost = next { return false }
                server.prepare(connection, next)
                if connection.isEnded { break }
                if case .hasMore = next {
                    // It waits behind what has come for others meanwhile.
                    while !connection.giveBack() {}
                    queue.add(.connection(connection))
                    break
                }
                // What another worker was told meanwhile, and could not act upon, is not known here.
                isHungUp = true
            } while !connection.giveBack()
            work = nil
            return true
        }

        while !server.isEnded, !isDismissed.load(ordering: .relaxed) {
            switch queue.next() {
            case .ready(let number, let isHungUp):
                guard let connection = number == last?.number ? last : server.take(number) else { continue }
                last = connection
                guard serve(connection, isHungUp) else { return }
                if connection.isEnded { last = nil }
            case .work(.connection(let connection)):
                // Its end may have been told of to the worker that could not see to it.
                guard serve(connection, true) else { return }
            case .work(.question(let question)):
                work = .question(question)
                watch.beginRequest()
                let resolution = engine.resolve(question.address.span, question.request)
                watch.endRequest()
                guard !watch.isAbandoned else { return }
                work = nil
                question.completion(resolution)
            case .none: break
            }
        }
        if isDismissed.load(ordering: .relaxed) { queue.takeDismissal() }
    }

    /// - Returns: false where the worker was given up meanwhile: what it worked on is another's.
    private func answer(
        _ request: borrowing LookupRequest, _ listener: Int, _ asked: inout Asked, _ engine: any LookupAnswering,
        _ server: LookupServer, _ reply: inout LookupReply
    ) -> Bool {
        begun.store(monotonicNanoseconds(), ordering: .relaxed)
        if asked.listener != listener || asked.name != request.map {
            let map = service.maps.map(named: request.map.span)
            asked = Asked(listener: listener, name: request.map, map: map)
            let cell = server.counts.cell(server.protocolName(of: listener), map.map { service.maps.name(of: $0) })
            counts.withLock { $0 = cell }
        }
        if case .page(.metrics) = asked.map {
            reply.set(.found, server.allMetricsText)
        } else if let map = asked.map {
            watch.beginRequest()
            engine.answer(map, request.key.span, into: &reply)
            watch.endRequest()
            guard !watch.isAbandoned else { return false }
        } else {
            reply.set(.refused, "no map has this name; there are \(service.maps.names.joined(separator: ", "))")
        }
        count(reply)
        server.log?(request, reply, server.protocolName(of: listener))
        return true
    }

    /// Counts the answer to the present request; also called by the supervisor that answers in the worker's place.
    func count(_ reply: borrowing LookupReply) {
        let nanoseconds = monotonicNanoseconds() &- begun.load(ordering: .relaxed)
        let status = reply.status
        counts.withLock { $0?.count(status, nanoseconds: nanoseconds) }
    }
}
