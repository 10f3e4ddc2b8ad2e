// Resolves one address after another through ZMailer's lookup chain. The steps of the chain stand in Steps/, one a
// file; this file is what surrounds them: validation, the worklist, and what a failure does to the address.

import Glibc
import MailAddress
import Maps

/// The routing engine of one worker.
///
/// Not to be shared between threads: it owns its maps.
public struct Resolver: ~Copyable {
    /// How an address is to be resolved.
    public struct Request: Sendable {
        /// The roles an address can have (ZMailer's attribute `type`).
        public enum Role: Sendable {
            /// Mail is to be delivered to it.
            case recipient
            /// Mail comes from it: nothing is expanded.
            case sender
        }

        /// The role of the address.
        public var role = Role.recipient
        /// Whether the message is an error message (`errormsg`), which has default keys of its own in routesdb.
        public var isErrorMessage = false
        /// Whether the address was typed by somebody outside, who may name no command and no file.
        public var isExternal = false

        /// An ordinary recipient.
        public init() {}
    }

    let rules: RoutingRules
    var maps: RoutingMaps
    /// Where events go; nil when nobody asks for them.
    public let trace: Trace?

    /// The present time in seconds since 1970, for values that delay.
    let clock: @Sendable () -> Int64

    var request = Request()
    var expansion = Expansion()
    /// The answer of the last lookup that found something.
    var hit = MapHit()
    /// What `%1` to `%9` stand for in the value found.
    var arguments = SubstitutionArguments()
    let noArguments = SubstitutionArguments()
    /// A key that is put together from pieces.
    var composed: [UInt8] = []

    /// An engine over a site's maps.
    public init(
        rules: RoutingRules, maps: RoutingMaps, trace: Trace? = nil, clock: (@Sendable () -> Int64)? = nil
    ) {
        self.rules = rules
        self.maps = maps
        self.trace = trace
        self.clock = clock ?? { Int64(time(nil)) }
    }

    /// Resolves one address.
    ///
    /// Never throws: what cannot be resolved gets a route on channel `error`, what cannot be known now one on channel
    /// `hold`, with the reason in ``Resolution/failure``.
    public mutating func resolve(_ address: Span<UInt8>, _ request: Request = Request()) -> Resolution {
        self.request = request
        maps.beginAddress()
        do {
            let root = try validated(address)
            expansion.start(root)
            while let next = expansion.pending.popLast() {
                try resolve(node: next)
            }
            return finished()
        } catch {
            return failed(address, error)
        }
    }

    /// The address as the first node of the worklist.
    private func validated(_ address: Span<UInt8>) throws(ResolutionFailure) -> Node {
        let parsed: EnvelopeAddress
        do {
            parsed = try EnvelopeAddress(address, allowsNull: request.role == .sender)
        } catch {
            throw .syntax(error)
        }
        switch parsed.form {
        case .channelLiteral where !rules.allowsChannelLiteral:
            trace?.record(.deviation(.channelLiteral, "a typed address may not choose a channel"))
            throw .syntax(nil)
        case .include where request.isExternal:
            throw .syntax(nil)
        default:
            let name = parsed.form == .null ? Array("<>".utf8) : parsed.text
            return Node(
                address: name, origin: name, isUnquoted: parsed.form == .quotedLocal, isTrusted: !request.isExternal)
        }
    }

    private mutating func finished() -> Resolution {
        var ancestry: [Resolution.Ancestor] = []
        if expansion.nodes.count > 1 {
            ancestry = expansion.nodes.map {
                Resolution.Ancestor(address: $0.address, parent: $0.parent < 0 ? nil : $0.parent)
            }
        }
        return Resolution(
            routes: expansion.routes, origins: expansion.origins, ancestry: ancestry,
            notices: expansion.notices, failure: nil)
    }

    /// One failure decides for the whole address: nothing is sent twice, nothing is dropped.
    private func failed(_ address: Span<UInt8>, _ failure: ResolutionFailure) -> Resolution {
        if let trace {
            switch failure {
            case .syntax: trace.record(.deviation(.syntax, "an address that is not valid is refused by itself"))
            case .expansionLimit: trace.record(.deviation(.limits, "an expansion has limits"))
            case .map: trace.record(.deviation(.mapError, "a failed lookup holds the whole address"))
            }
            trace.record(.failure(failure))
        }
        return Resolution(of: address, failed: failure)
    }

    // MARK: What steps share

    /// Adds a route that a node came to.
    mutating func add(_ route: Route, from node: Int) throws(ResolutionFailure) {
        trace?.record(.route(route))
        expansion.routes.append(route)
        expansion.origins.append(node)
        try checkSize()
    }

    /// Refuses an address that turns out to be none on its way: the one that was asked for as a whole, a member of an
    /// expansion by itself.
    mutating func refuse(_ hop: Hop, _ error: AddressError) throws(ResolutionFailure) {
        guard !hop.isTyped else { throw .syntax(error) }
        try add(
            Route("error", host: Array("syntax".utf8), user: hop.address, privilege: hop.privilege), from: hop.node)
    }

    /// Puts the members of an expanded value onto the worklist.
    mutating func expand(
        to members: [[UInt8]], like template: Node, of parent: Int
    ) throws(ResolutionFailure) {
        if let key = template.key {
            trace?.record(.expanded(relation: key.relation, key: key.key, members: members))
        }
        let depth = expansion.nodes[parent].depth + 1
        guard depth <= rules.expansionDepth else { throw limit }
        for member in members.reversed() {
            var node = template
            node.address = member
            node.parent = parent
            node.depth = depth
            expansion.pending.append(expansion.nodes.count)
            expansion.nodes.append(node)
        }
        try checkSize()
    }

    private func checkSize() throws(ResolutionFailure) {
        guard expansion.routes.count + expansion.pending.count <= rules.expansionSize else { throw limit }
    }

    /// The failure of an expansion that passes a limit.
    var limit: ResolutionFailure { .expansionLimit(depth: rules.expansionDepth, size: rules.expansionSize) }
}
