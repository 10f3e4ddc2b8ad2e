// A site as the workers of a lookup server serve it, and the engine that each of them has.

import Bytes
package import LookupProtocols
package import Maps
package import Routing

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
    /// Makes what answers without a worker; nil where nothing can.
    package let makeMemoryResolver: @Sendable () -> sending MemoryResolver?
    /// The copies of servers' maps that it has by now.
    package let copies: @Sendable () -> [NamedCopy]

    /// Describes a site.
    package init(
        maps: ServedMaps, health: ResourceHealth,
        makeMemoryResolver: @escaping @Sendable () -> sending MemoryResolver? = { nil },
        copies: @escaping @Sendable () -> [NamedCopy] = { [] },
        makeEngine: @escaping @Sendable (CallWatch) -> any LookupAnswering
    ) {
        self.maps = maps
        self.health = health
        self.makeMemoryResolver = makeMemoryResolver
        self.copies = copies
        self.makeEngine = makeEngine
    }
}

/// Answers for a site; belongs to one worker.
package final class ServedEngine: LookupAnswering {
    /// Writes the routes of an address, and with a trace how they were found.
    package typealias WriteRoutes = @Sendable (Span<UInt8>, borrowing Answer, Trace?) -> [UInt8]

    /// Answers with the picture of the site, and does not wait for one that takes long to draw.
    package typealias ShowGraph = @Sendable (inout LookupReply) -> Void

    private var engine: LookupEngine
    private let writeRoutes: WriteRoutes
    private let showGraph: ShowGraph
    /// Makes the engine that records its steps, where somebody asks for them.
    private let makeTracer: (Trace) -> LookupEngine
    private var tracer: Tracer?

    /// An engine that records its steps: its maps are opened once more.
    private final class Tracer {
        let trace = Trace()
        var engine: LookupEngine

        init(_ make: (Trace) -> LookupEngine) { engine = make(trace) }
    }

    /// Makes a worker's engine.
    package init(
        _ site: ServedSite, texts: TextTableLoader, watch: CallWatch, writeRoutes: @escaping WriteRoutes,
        showGraph: @escaping ShowGraph = { $0.set(.absent, "there is no picture here\n") }
    ) {
        engine = LookupEngine(site, texts: texts, watch: watch)
        self.writeRoutes = writeRoutes
        self.showGraph = showGraph
        makeTracer = { LookupEngine(site, texts: texts, watch: watch, trace: $0) }
    }

    package func answer(_ map: ServedMap, _ key: Span<UInt8>, into reply: inout LookupReply) {
        switch map {
        case .page(.route): engine.answerForm(key, into: &reply) { writeRoutes(key, $0, nil) }
        case .page(.trace):
            let tracer = self.tracer ?? Tracer(makeTracer)
            self.tracer = tracer
            tracer.trace.clear()
            tracer.engine.answerForm(key, into: &reply) { writeRoutes(key, $0, tracer.trace) }
        case .page(.health): engine.answerHealth(into: &reply)
        case .page(.graph): showGraph(&reply)
        default: engine.answer(map, key, into: &reply)
        }
    }

    package func resolve(_ address: Span<UInt8>, _ request: Resolver.Request) -> Resolution {
        engine.resolve(address, request)
    }
}
