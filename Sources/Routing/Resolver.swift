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
    /// All text of the address, the routes' fields among it.
    var text = ByteBlock(capacity: 512)
    /// The routes found so far.
    private var places: [Answer.RoutePlace] = []

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
        var answer = Answer()
        resolve(address, request, into: &answer)
        return answer.resolution
    }

    /// Resolves one address into an answer that was used before, whose memory serves again.
    ///
    /// - Parameter answer: what was there is replaced.
    public mutating func resolve(_ address: Span<UInt8>, _ request: Request, into answer: inout Answer) {
        self.request = request
        maps.beginAddress()
        text.removeAll()
        while places.popLast() != nil {}
        do {
            if let root = try validated(address) {
                expansion.start(root)
                while let next = expansion.pending.popLast() {
                    try resolve(node: next)
                }
            } else {
                addNullSender()
            }
            finish(&answer)
        } catch {
            record(error)
            answer.fail(address, error)
        }
    }

    /// The address as the first node of the worklist; nil for the null sender.
    private mutating func validated(_ address: Span<UInt8>) throws(ResolutionFailure) -> Node? {
        let form: EnvelopeAddress.Form
        do {
            form = try EnvelopeAddress.read(address, allowsNull: request.role == .sender, into: &text)
        } catch {
            throw .syntax(error)
        }
        switch form {
        case .channelLiteral where !rules.allowsChannelLiteral:
            trace?.record(.deviation(.channelLiteral, "a typed address may not choose a channel"))
            throw .syntax(nil)
        case .include where request.isExternal:
            throw .syntax(nil)
        case .null:
            return nil
        default:
            let all = 0..<text.end
            var root = Node(address: all, origin: all)
            if case .mailbox(let at) = form, text[0] != UInt8(ascii: "|") { root.at = at }
            if case .quotedLocal = form { root.isUnquoted = true }
            root.isTrusted = !request.isExternal
            return root
        }
    }

    /// How a control file writes the sender of a message that must not be answered.
    private mutating func addNullSender() {
        // Nothing is expanded, and what the address before left says nothing of this one.
        expansion.nodes.removeAll(keepingCapacity: true)
        expansion.notices = []
        let empty = text.append("<>")
        add(
            Answer.RoutePlace(
                channel: text.append("error"), host: empty, user: empty, privilege: Route.nobody, origin: 0))
    }

    private mutating func finish(_ answer: inout Answer) {
        if !answer.ancestry.isEmpty { answer.ancestry = [] }
        if expansion.nodes.count > 1 {
            for node in expansion.nodes {
                answer.ancestry.append(
                    Resolution.Ancestor(address: text[node.address], parent: node.parent < 0 ? nil : node.parent))
            }
        }
        if !answer.notices.isEmpty || !expansion.notices.isEmpty { answer.notices = expansion.notices }
        answer.failure = nil
        swap(&answer.text, &text)
        swap(&answer.places, &places)
    }

    /// One failure decides for the whole address: nothing is sent twice, nothing is dropped.
    private func record(_ failure: ResolutionFailure) {
        guard let trace else { return }
        switch failure {
        case .syntax: trace.record(.deviation(.syntax, "an address that is not valid is refused by itself"))
        case .expansionLimit: trace.record(.deviation(.limits, "an expansion has limits"))
        case .map: trace.record(.deviation(.mapError, "a failed lookup holds the whole address"))
        }
        trace.record(.failure(failure))
    }

    // MARK: What steps share

    /// Adds a route that an address came to.
    mutating func add(
        channel: Piece, host: Piece, user: Piece, _ hop: Hop
    ) throws(ResolutionFailure) {
        add(
            Answer.RoutePlace(
                channel: channel, host: host, user: user, privilege: hop.privilege, origin: hop.node))
        try checkSize()
    }

    private mutating func add(_ place: Answer.RoutePlace) {
        if let trace {
            trace.record(
                .route(
                    Route(
                        channel: text[place.channel], host: text[place.host], user: text[place.user],
                        privilege: place.privilege)))
        }
        places.append(place)
    }

    /// Pieces one after another, as one piece.
    mutating func joined(_ first: Piece, _ second: Piece, _ third: Piece = .empty) -> Piece {
        // Nothing has to be put together where only the first is something.
        if second.isEmpty, third.isEmpty { return first }
        if second.isEmpty, first.upperBound == third.lowerBound { return first.lowerBound..<third.upperBound }
        let start = text.append(copyOf: first).lowerBound
        text.append(copyOf: second)
        text.append(copyOf: third)
        return start..<text.end
    }

    /// Refuses an address that turns out to be none on its way: the one that was asked for as a whole, a member of an
    /// expansion by itself.
    mutating func refuse(_ hop: Hop, _ error: AddressError) throws(ResolutionFailure) {
        guard !hop.isTyped else { throw .syntax(error) }
        try add(channel: text.append("error"), host: text.append("syntax"), user: hop.address, hop)
    }

    /// Puts the members of an expanded value onto the worklist.
    mutating func expand(
        to members: [[UInt8]], like template: Node, of parent: Int
    ) throws(ResolutionFailure) {
        if let key = template.key {
            trace?.record(.expanded(relation: key.relation, key: text[key.key], members: members))
        }
        let depth = expansion.nodes[parent].depth + 1
        guard depth <= rules.expansionDepth else { throw limit }
        for member in members.reversed() {
            var node = template
            node.address = text.append(member)
            node.parent = parent
            node.depth = depth
            expansion.pending.append(expansion.nodes.count)
            expansion.nodes.append(node)
        }
        try checkSize()
    }

    private func checkSize() throws(ResolutionFailure) {
        guard places.count + expansion.pending.count <= rules.expansionSize else { throw limit }
    }

    /// The failure of an expansion that passes a limit.
    var limit: ResolutionFailure { .expansionLimit(depth: rules.expansionDepth, size: rules.expansionSize) }
}
