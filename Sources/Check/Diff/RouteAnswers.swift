// What a site answers for a batch of addresses, in the form in which two sites are compared: bytes.

import Bytes
import Maps
import Routing
import Site

/// The answers of one site for a batch of addresses.
struct RouteAnswers: ~Copyable, Sendable {
    /// The routes of each address on a line of its own, as `route-test --format tsv` writes them.
    var lines = TextArena()
    /// How each address fares.
    var states: [RouteState] = []
    /// Why the first of those cannot be looked up that cannot.
    var deferral: String?

    mutating func add(_ answer: borrowing Answer) {
        answer.appendRoutes(then: ASCII.lineFeed, to: &lines)
        let state = Self.state(answer)
        states.append(state)
        if state == .deferred, deferral == nil { deferral = answer.failure?.description }
    }

    private static func state(_ answer: borrowing Answer) -> RouteState {
        switch answer.status {
        case .deferred: return .deferred
        case .failed:
            for place in answer.places
            where answer.text.equals(place.channel, "error") && !answer.text.equals(place.host, "nosuchuser") {
                return .refused
            }
            return .unknown
        case .routed:
            for place in answer.places where !place.end.isDefault { return .known }
            return .unknown
        }
    }
}

/// One site that is asked for many addresses: for their routes, and again for the reasons of a few.
struct AskedSite: ~Copyable {
    /// The site.
    let site: Site
    /// What answers.
    var pool: ResolverPool<RouteAnswers>
    /// What says why.
    var explaining: ResolverPool<ExplainedAnswers>

    /// Prepares to ask a site.
    ///
    /// - Parameters:
    ///   - texts: what reads its text maps.
    ///   - workers: the most threads.
    ///   - now: the time that values which delay count from, the same for both sites.
    init(_ site: Site, texts: TextTableLoader, workers: Int, now: Int64) {
        self.site = site
        let health = site.makeHealth()
        let surroundings: @Sendable () -> Site.Surroundings = {
            var surroundings = Site.Surroundings()
            surroundings.clock = { now }
            return surroundings
        }
        pool = ResolverPool(
            workers: workers, health: health,
            work: ResolverPool.Work(
                makeResolver: { site.makeResolver(texts: texts, watch: $0, surroundings: surroundings()) },
                emptyProduct: { _ in RouteAnswers() },
                report: { $3.add($1) }))
        // What a cache answers is seen in no trace.
        let uncached = site.changing { definition in
            var definition = definition
            definition.flags.cacheSize = 0
            return definition
        }
        explaining = ResolverPool(
            workers: workers, health: health,
            work: ResolverPool.Work(
                makeResolver: {
                    uncached.makeResolver(texts: texts, watch: $0, trace: Trace(), surroundings: surroundings())
                },
                emptyProduct: { _ in ExplainedAnswers() },
                report: { $3.add($1, $2) }))
    }

    /// Ends the workers.
    consuming func close() {
        pool.close()
        explaining.close()
    }
}
