// The answer of routing: ZMailer's quad (channel, host, user, attributes), of which the privilege is the one attribute
// that an answer still needs.

import Bytes
public import MailSyntax
public import Maps

/// Where one copy of a message goes: `channel!host!user`.
///
/// The three fields share one array: a route costs one allocation.
public struct Route: Sendable, Hashable {
    /// Channel, host and user, one after the other.
    private let bytes: [UInt8]
    private let hostStart: Int
    private let userStart: Int
    /// The user whose authority the route carries, as a number: nobody (65534) for what was typed, the owner of the
    /// map for what a map expanded to.
    public let privilege: UInt32

    /// The privilege of everything that was typed.
    public static let nobody: UInt32 = 65534

    /// Puts a route together.
    public init(channel: Span<UInt8>, host: Span<UInt8>, user: Span<UInt8>, privilege: UInt32 = Route.nobody) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(channel.count + host.count + user.count)
        bytes.append(from: channel)
        hostStart = bytes.count
        bytes.append(from: host)
        userStart = bytes.count
        bytes.append(from: user)
        self.bytes = bytes
        self.privilege = privilege
    }

    /// Puts a route together from arrays.
    public init(channel: [UInt8], host: [UInt8], user: [UInt8], privilege: UInt32 = Route.nobody) {
        self.init(channel: channel.span, host: host.span, user: user.span, privilege: privilege)
    }

    /// The transport channel, such as `smtp-lmtp`; a value of a map may put a `!` into it.
    public var channel: ArraySlice<UInt8> { bytes[..<hostStart] }

    /// The host, which for channel `local` is the address that was asked for.
    public var host: ArraySlice<UInt8> { bytes[hostStart..<userStart] }

    /// The user, as the transport agent hands it to the next current.
    public var user: ArraySlice<UInt8> { bytes[userStart...] }

    /// Whether the channel is the one of this name.
    public func isChannel(_ name: StaticString) -> Bool {
        // A static string lives as long as the program; the closure only reads it.
        name.withUTF8Buffer { unsafe channel.elementsEqual($0) }
    }
}

// What resolving one address comes to: routes, and why where they are no ordinary ones.

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

// Why an address comes to one route on channel `error` or `hold`, whatever its maps say.

/// Why an address as a whole has no routes of its own.
public enum ResolutionFailure: Error, Sendable, CustomStringConvertible {
    /// The address is not valid; nil where it is valid but may not be used so.
    case syntax(AddressError?)
    /// A map could not be asked: deferred.
    case map(MapError)
    /// The expansion went too deep or to too many recipients (settings expansiondepth, expansionsize).
    case expansionLimit(depth: Int, size: Int)
    /// Values of maps made the address longer by more than this many bytes.
    case growthLimit(bytes: Int)

    /// The form of messages: what happened, and what to do.
    public var description: String {
        switch self {
        case .syntax(let error?): "invalid address: \(error)"
        case .syntax(nil): "address form not allowed here (a channel literal, a command, a file or an include)"
        case .map(let error): "\(error): deferred"
        case .expansionLimit(let depth, let size):
            "expansion deeper than \(depth) or to more than \(size) recipients: "
                + "split the list or take a loop out of it, or raise expansiondepth or expansionsize"
        case .growthLimit(let bytes):
            "an address lengthened by more than \(bytes) bytes on its way: "
                + "write %0 or another part of the address once in the value that repeats it; route-test --trace shows which"
        }
    }

    /// The part of the reason that is the same for all addresses which meet it.
    public var cause: String {
        switch self {
        case .map(let error): "\(error.table): \(error.text)"
        case .syntax, .expansionLimit, .growthLimit: description
        }
    }
}
