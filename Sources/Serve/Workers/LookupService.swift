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

    /// Describes a site.
    package init(
        maps: ServedMaps, health: ResourceHealth, makeEngine: @escaping @Sendable (CallWatch) -> any LookupAnswering
    ) {
        self.maps = maps
        self.health = health
        self.makeEngine = makeEngine
    }
}
