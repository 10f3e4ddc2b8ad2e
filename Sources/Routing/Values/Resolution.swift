// What resolving one address comes to: routes, and why where they are no ordinary ones.

public import MailAddress
public import Maps

/// The answer for one address.
///
/// One answer can be used for address after address (`Resolver.resolve(_:_:into:)`), which then costs no allocation.
public struct Resolution: Sendable {
    /// How an address fared as a whole.
    public enum Status: Sendable, Hashable {
        /// Every recipient has a route that delivers.
        case routed
        /// Some recipient has none for good (channel `error`).
        case failed
        /// The answer is not certain now (channel `hold`): it must be asked for again later.
        case deferred
    }

    /// Where the fields of a route stand in ``Resolution/text``.
    public struct RoutePlace: Sendable {
        /// The transport channel.
        public let channel: Range<Int>
        /// The host.
        public let host: Range<Int>
        /// The user.
        public let user: Range<Int>
        /// Whose authority the route carries.
        public let privilege: UInt32
        /// The place in ``Resolution/ancestry`` of the address it came from.
        public let origin: Int

        /// Where the whole route stands as `channel!host!user`; nil if it was put together from pieces.
        public func whole(in text: borrowing ByteBlock) -> Range<Int>? {
            let bang = UInt8(ascii: "!")
            guard channel.upperBound + 1 == host.lowerBound, host.upperBound + 1 == user.lowerBound,
                text[channel.upperBound] == bang, text[host.upperBound] == bang
            else { return nil }
            return channel.lowerBound..<user.upperBound
        }
    }

    /// An address on the way from the one that was asked for to a route.
    public struct Ancestor: Sendable, Hashable {
        /// The address, as the map that expanded to it wrote it.
        public let address: [UInt8]
        /// The place of its own parent in ``Resolution/ancestry``, or nil for the address that was asked for.
        public let parent: Int?
    }

    /// The text that the fields of routes stand in, among other text.
    public internal(set) var text = ByteBlock(capacity: 512)
    /// The routes, in order, as places in the text: all of them get the message.
    public internal(set) var places: [RoutePlace] = []
    /// The addresses that expansion went through, the one asked for first; empty where nothing was expanded.
    public internal(set) var ancestry: [Ancestor] = []
    /// What an administrator should know although the address was resolved, such as an alias value that is no list.
    public internal(set) var notices: [String] = []
    /// Why the address as a whole got one route on channel `error` or `hold`.
    public internal(set) var failure: ResolutionFailure?

    /// An answer to be filled.
    public init() {}

    /// The routes, in order: all of them get the message.
    public var routes: [Route] { places.map(route) }

    /// How the address fared.
    public var status: Status {
        var fails = false
        for place in places {
            if text.equals(place.channel, "hold") { return .deferred }
            // The null sender is written as a route on channel error, and is none.
            if text.equals(place.channel, "error"), !text.equals(place.host, "<>") { fails = true }
        }
        return fails ? .failed : .routed
    }

    /// The addresses that led to a route, nearest first, without the one that was asked for at the end unless
    /// something was expanded.
    public func ancestors(ofRoute index: Int) -> [[UInt8]] {
        guard places.indices.contains(index) else { return [] }
        var chain: [[UInt8]] = []
        var place: Int? = places[index].origin
        while let at = place, ancestry.indices.contains(at) {
            chain.append(ancestry[at].address)
            place = ancestry[at].parent
        }
        return chain
    }

    /// The same answer for whoever keeps it: without the text of the steps that led to the routes, which can be hundreds
    /// of times as much.
    public var kept: Resolution {
        var kept = self
        kept.text = ByteBlock(
            capacity: places.reduce(0) { $0 + $1.channel.count + $1.host.count + $1.user.count })
        kept.places = places.map { place in
            RoutePlace(
                channel: kept.text.append(text.bytes.span.extracting(place.channel)),
                host: kept.text.append(text.bytes.span.extracting(place.host)),
                user: kept.text.append(text.bytes.span.extracting(place.user)), privilege: place.privilege,
                origin: place.origin)
        }
        return kept
    }

    func route(_ place: RoutePlace) -> Route {
        let bytes = text.bytes.span
        return Route(
            channel: bytes.extracting(place.channel), host: bytes.extracting(place.host),
            user: bytes.extracting(place.user), privilege: place.privilege)
    }
}

extension Resolution {
    /// The answer for an address that as a whole failed, or is deferred.
    init(of address: Span<UInt8>, failed failure: ResolutionFailure) {
        self.init()
        fail(address, failure)
    }

    /// Makes this the answer for an address that as a whole failed, or is deferred.
    mutating func fail(_ address: Span<UInt8>, _ failure: ResolutionFailure) {
        text.removeAll()
        places.removeAll(keepingCapacity: true)
        ancestry = []
        notices = []
        let (channel, host): (StaticString, StaticString) =
            switch failure {
            case .syntax: ("error", "syntax")
            case .expansionLimit: ("error", "expansionlimit")
            case .map: ("hold", "IO:error")
            }
        places.append(
            RoutePlace(
                channel: text.append(channel), host: text.append(host), user: text.append(address),
                privilege: Route.nobody, origin: 0))
        self.failure = failure
    }
}

/// Why an address as a whole has no routes of its own.
public enum ResolutionFailure: Error, Sendable, CustomStringConvertible {
    /// The address is not valid; nil where it is valid but may not be used so.
    case syntax(AddressError?)
    /// A map could not be asked: deferred.
    case map(MapError)
    /// The expansion went too deep or to too many recipients (settings expansiondepth, expansionsize).
    case expansionLimit(depth: Int, size: Int)

    /// The form of messages: what happened, and what to do.
    public var description: String {
        switch self {
        case .syntax(let error?): "invalid address: \(error)"
        case .syntax(nil): "address form not allowed here (a channel literal, a command, a file or an include)"
        case .map(let error): "\(error): deferred"
        case .expansionLimit(let depth, let size):
            "expansion deeper than \(depth) or to more than \(size) recipients: "
                + "mend the list, or raise expansiondepth or expansionsize"
        }
    }

    /// The part of the reason that is the same for all addresses which meet it.
    public var cause: String {
        switch self {
        case .map(let error): "\(error.table): \(error.text)"
        case .syntax, .expansionLimit: description
        }
    }
}
