// The answer for one address while it is being looked at: ranges in the text that it was resolved in. The next address
// overwrites it.

public import Bytes
public import MailSyntax
public import Maps

/// A piece of the text of one address: a range of the block that all its text is in.
typealias TextRange = Range<Int>

extension TextRange {
    /// Nothing.
    static let empty: TextRange = 0..<0
}

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
        /// The index in ``Answer/ancestry`` of the address it came from.
        public let origin: Int
        /// The address that it stands for.
        public let end: EndPlace

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
        /// The index of its own parent in ``Answer/ancestry``, or -1 for the address that was asked for.
        public let parent: Int
    }

    /// Where the address stands in ``text`` that was asked for, as it was read.
    public internal(set) var asked: Range<Int> = 0..<0
    /// The text that the fields of routes stand in, among other text.
    public internal(set) var text = TextArena(capacity: 512)
    /// The routes, in order, as ranges in the text: all of them get the message.
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
    public init(of address: Span<UInt8>, failed failure: ResolutionFailure) {
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
        asked = text.append(address)
        places.append(
            RoutePlace(
                channel: text.append(channel), host: text.append(host), user: asked, privilege: Route.nobody, origin: 0,
                end: .noAddress(asked)))
        self.failure = failure
    }
}

// The answer of routing: ZMailer's quad (channel, host, user, attributes), of which the privilege is the one attribute
// that an answer still needs.

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
        /// The index of its own parent in ``Resolution/ancestry``, or nil for the address that was asked for.
        public let parent: Int?
    }

    /// How the address fared.
    public let status: Status
    /// The routes, in order: all of them get the message.
    public let routes: [Route]
    /// For each route the index in ``ancestry`` of the address it came from.
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
        for ancestor in answer.ancestry {
            ancestry.append(
                Ancestor(address: answer.text[ancestor.address], parent: ancestor.parent < 0 ? nil : ancestor.parent))
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
        var next: Int? = origins[index]
        while let index = next, ancestry.indices.contains(index) {
            chain.append(ancestry[index].address)
            next = ancestry[index].parent
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
