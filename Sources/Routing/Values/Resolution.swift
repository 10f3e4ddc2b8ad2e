// What resolving one address comes to: routes, and why where they are no ordinary ones.

import MailAddress

/// The answer for one address, for whoever keeps it.
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

    /// How the address fared.
    public let status: Status
    /// The routes, in order: all of them get the message.
    public let routes: [Route]
    /// For each route the place in ``ancestry`` of the address it came from.
    private let origins: [Int]
    /// The addresses that expansion went through, the one asked for first; empty where nothing was expanded.
    public let ancestry: [Ancestor]
    /// What an administrator should know although the address was resolved, such as an alias value that is no list.
    public let notices: [String]
    /// Why the address as a whole got one route on channel `error` or `hold`.
    public let failure: ResolutionFailure?

    /// Takes out of an answer what is worth keeping: without the text of the steps that led to the routes, which can be
    /// hundreds of times as much.
    init(keeping answer: borrowing Answer) {
        status = answer.status
        routes = answer.routes
        origins = answer.places.map(\.origin)
        var ancestry: [Ancestor] = []
        for place in answer.ancestry {
            ancestry.append(
                Ancestor(address: answer.text[place.address], parent: place.parent < 0 ? nil : place.parent))
        }
        self.ancestry = ancestry
        notices = answer.notices
        failure = answer.failure
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
