// One thread that answers lookups. What it works on can be taken from it while it hangs inside one.

import Bytes
import Glibc
package import LookupProtocols
package import Maps
package import Routing
import Synchronization
import System

/// What answers requests: one worker's, which no other uses.
package protocol LookupAnswering: AnyObject {
    /// Answers a request of a lookup protocol.
    func answer(_ map: ServedMap, _ key: Span<UInt8>, into reply: inout LookupReply)

    /// Resolves an address for the LMTP front.
    func resolve(_ address: Span<UInt8>, _ request: Resolver.Request) -> Resolution
}

/// A site as workers serve it, until the configuration is read anew.
package struct LookupService: Sendable {
    /// The names of its maps.
    package let maps: ServedMaps
    /// What all workers know of maps that hang; its deadline is that of an answer.
    package let health: ResourceHealth
    /// Makes a worker's engine, in the worker's thread.
    package let makeEngine: @Sendable (CallWatch) -> any LookupAnswering

    /// Describes a site.
    package init(
        maps: ServedMaps, health: ResourceHealth, makeEngine: @escaping @Sendable (CallWatch) -> any LookupAnswering
    ) {
        self.maps = maps
        self.health = health
        self.makeEngine = makeEngine
    }
}

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
    /// Whether it is to end after what it works on: it stands in for one that waited, or its configuration is an old one.
    let isDismissed = Atomic(false)
    private(set) var work: Work?
    /// Where the request that it answers is counted, and when it began.
    private let counts = Mutex<AnswerCounts.Cell?>(nil)
    private let begun = Atomic<UInt64>(0)

    init(_ service: LookupService) {
        self.service = service
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
        while !server.isEnded, !isDismissed.load(ordering: .relaxed) {
            guard let (number, isHungUp) = server.poller.wait() else { continue }
            switch number == last?.number ? last.map({ .connection($0) }) : server.take(number) {
            case .connection(let connection):
                last = connection
                guard connection.take() else { continue }
                work = .connection(connection)
                // What another worker was told, and could not act upon, is not known here.
                var mayHaveHungUp = isHungUp || number != connection.number
                repeat {
                    let next = connection.turn(reading: &buffer, mayHaveHungUp, &request, &reply) { request, reply in
                        answer(request, connection.listener, &asked, engine, server, &reply)
                    }
                    if case .lost = next { return }
                    server.prepare(connection, next)
                    mayHaveHungUp = true
                    if case .ended = next {
                        last = nil
                        break
                    }
                } while !connection.giveBack()
                work = nil
            case .question(let question):
                work = .question(question)
                let resolution = engine.resolve(question.address.span, question.request)
                guard !watch.isAbandoned else { return }
                work = nil
                question.completion(resolution)
            case nil: break
            }
        }
        if isDismissed.load(ordering: .relaxed) { server.takeDismissal() }
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
        if let map = asked.map {
            engine.answer(map, request.key.span, into: &reply)
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
