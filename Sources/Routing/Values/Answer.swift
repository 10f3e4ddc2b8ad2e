// The answer for one address while it is being looked at: places in the text that it was resolved in. The next address
// overwrites it.

public import Bytes

/// The answer for one address, in memory that serves for address after address.
public struct Answer: ~Copyable, Sendable {
    /// Where the fields of a route stand in ``Answer/text``.
    public struct RoutePlace: Sendable {
        /// The transport channel.
        public let channel: Range<Int>
        /// The host.
        public let host: Range<Int>
        /// The user.
        public let user: Range<Int>
        /// Whose authority the route carries.
        public let privilege: UInt32
        /// The place in ``Answer/ancestry`` of the address it came from.
        public let origin: Int

        /// Where the whole route stands as `channel!host!user`; nil if it was put together from pieces.
        @inlinable @inline(__always)
        public func whole(in text: borrowing TextArena) -> Range<Int>? {
            let bang = UInt8(ascii: "!")
            guard channel.upperBound + 1 == host.lowerBound, host.upperBound + 1 == user.lowerBound,
                text[channel.upperBound] == bang, text[host.upperBound] == bang
            else { return nil }
            return channel.lowerBound..<user.upperBound
        }
    }

    /// An address on the way from the one that was asked for to a route.
    public struct AncestorPlace: Sendable {
        /// Where the address stands in ``Answer/text``, as the map that expanded to it wrote it.
        public let address: Range<Int>
        /// The place of its own parent in ``Answer/ancestry``, or -1 for the address that was asked for.
        public let parent: Int
    }

    /// The text that the fields of routes stand in, among other text.
    public internal(set) var text = TextArena(capacity: 512)
    /// The routes, in order, as places in the text: all of them get the message.
    public internal(set) var places: [RoutePlace] = []
    /// The addresses that expansion went through, the one asked for first; empty where nothing was expanded.
    public internal(set) var ancestry: [AncestorPlace] = []
    /// What an administrator should know although the address was resolved, such as an alias value that is no list.
    public internal(set) var notices: [String] = []
    /// Why the address as a whole got one route on channel `error` or `hold`.
    public internal(set) var failure: ResolutionFailure? {
        get { failures.first }
        set { failures = newValue.map { [$0] } ?? [] }
    }

    /// The failure, if there is one: by itself it would be larger than all the rest, which is handed on for each address.
    private var failures: [ResolutionFailure] = []

    /// An answer to be filled.
    public init() {}

    /// The routes, in order: all of them get the message.
    public var routes: [Route] {
        places.map { place in
            Route(
                channel: text[place.channel], host: text[place.host], user: text[place.user],
                privilege: place.privilege)
        }
    }

    /// How the address fared.
    @inlinable @inline(__always)
    public var status: Resolution.Status {
        var fails = false
        for place in places {
            if text.equals(place.channel, "hold") { return .deferred }
            // The null sender is written as a route on channel error, and is none.
            if text.equals(place.channel, "error"), !text.equals(place.host, "<>") { fails = true }
        }
        return fails ? .failed : .routed
    }

    /// The answer for whoever keeps it.
    public var resolution: Resolution { Resolution(keeping: self) }
}

extension Answer {
    /// The answer for an address that as a whole failed, or is deferred.
    init(of address: Span<UInt8>, failed failure: ResolutionFailure) {
        self.init()
        fail(address, failure)
    }

    /// Notes that the address as a whole did not fail.
    mutating func succeed() {
        if !failures.isEmpty { failures = [] }
    }

    /// Makes this the answer for an address that as a whole failed, or is deferred.
    mutating func fail(_ address: Span<UInt8>, _ failure: ResolutionFailure) {
        text.removeAll()
        places.removeAll(keepingCapacity: true)
        ancestry.removeAll(keepingCapacity: true)
        notices = []
        let (channel, host): (StaticString, StaticString) =
            switch failure {
            case .syntax: ("error", "syntax")
            case .expansionLimit, .growthLimit: ("error", "expansionlimit")
            case .map: ("hold", "IO:error")
            }
        places.append(
            RoutePlace(
                channel: text.append(channel), host: text.append(host), user: text.append(address),
                privilege: Route.nobody, origin: 0))
        self.failure = failure
    }
}
