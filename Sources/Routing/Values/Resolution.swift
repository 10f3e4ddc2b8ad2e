// What resolving one address comes to: routes, and why where they are no ordinary ones.

public import MailAddress
public import Maps

/// The answer for one address.
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

    /// An address on the way from the one that was asked for to a route.
    public struct Ancestor: Sendable, Hashable {
        /// The address, as the map that expanded to it wrote it.
        public let address: [UInt8]
        /// The place of its own parent in ``Resolution/ancestry``, or nil for the address that was asked for.
        public let parent: Int?
    }

    /// The routes, in order: all of them get the message.
    public internal(set) var routes: [Route]
    /// For each route the place in ``ancestry`` of the address it came from.
    public internal(set) var origins: [Int]
    /// The addresses that expansion went through, the one asked for first; empty where nothing was expanded.
    public internal(set) var ancestry: [Ancestor]
    /// What an administrator should know although the address was resolved, such as an alias value that is no list.
    public internal(set) var notices: [String]
    /// Why the address as a whole got one route on channel `error` or `hold`.
    public internal(set) var failure: ResolutionFailure?

    /// How the address fared.
    public var status: Status {
        if routes.contains(where: { $0.isChannel("hold") }) { return .deferred }
        // The null sender is written as a route on channel error, and is none.
        let fails = routes.contains { $0.isChannel("error") && !$0.host.elementsEqual("<>".utf8) }
        return fails ? .failed : .routed
    }

    /// The addresses that led to a route, nearest first, without the one that was asked for at the end unless
    /// something was expanded.
    public func ancestors(ofRoute index: Int) -> [[UInt8]] {
        guard origins.indices.contains(index) else { return [] }
        var chain: [[UInt8]] = []
        var place: Int? = origins[index]
        while let at = place, ancestry.indices.contains(at) {
            chain.append(ancestry[at].address)
            place = ancestry[at].parent
        }
        return chain
    }
}

extension Resolution {
    /// The answer for an address that as a whole failed, or is deferred.
    init(of address: Span<UInt8>, failed failure: ResolutionFailure) {
        let typed = [UInt8](copying: address)
        let route =
            switch failure {
            case .syntax: Route("error", host: Array("syntax".utf8), user: typed)
            case .expansionLimit: Route("error", host: Array("expansionlimit".utf8), user: typed)
            case .map: Route("hold", host: Array("IO:error".utf8), user: typed)
            }
        self.init(routes: [route], origins: [0], ancestry: [], notices: [], failure: failure)
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
