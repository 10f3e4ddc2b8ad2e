// Resolves one address after another through ZMailer's lookup chain. The steps of the chain stand in Steps/, one a
// file; this file is what surrounds them: validation, the worklist, and what a failure does to the address.

import Bytes
import Glibc
import MailSyntax
import Maps
public import System

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
        /// Whether the address was submitted with a message: whoever may submit mail may name no command and no file,
        /// and have no file of this host's read to him.
        public var isSubmitted = false
        /// Whether the routes are only shown to somebody: commands and files that the address names itself are then routes
        /// like others, although it was submitted, and still no file is read to him.
        public var isForDisplay = false

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
    /// So many bytes may the address have that it is rewritten to.
    private var longestAddress = 0
    var expansion = Expansion()
    /// All text of the address, the routes' fields among it.
    var text = TextArena(capacity: 512)
    /// The routes found so far.
    private var places: [Answer.RoutePlace] = []
    /// The bytes of their fields, some of which several may share.
    private var routeBytes = 0

    /// An engine over a site's maps.
    public init(
        rules: RoutingRules, maps: consuming RoutingMaps, trace: Trace? = nil, clock: (@Sendable () -> Int64)? = nil
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
    /// - Parameters:
    ///   - answer: what was there is replaced.
    ///   - now: the time, by which changed maps are noticed and caches forget.
    public mutating func resolve(
        _ address: Span<UInt8>, _ request: Request, into answer: inout Answer, now: MonotonicTime = .coarse()
    ) {
        self.request = request
        longestAddress = address.count + Self.mostGrowth
        maps.beginAddress(now: now)
        text.removeAll()
        while places.popLast() != nil {}
        routeBytes = 0
        if trace != nil { recordQuestion(address) }
        do throws(ResolutionFailure) {
            if try begin(address) {
                try resolve(node: 0)
                try resolvePending()
                // What includes nothing but itself has come to nobody.
                if places.isEmpty {
                    try expandToRootForNobody()
                    try resolvePending()
                    guard !places.isEmpty else { throw limit }
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

    /// Begins a question beside the way of an address.
    ///
    /// - Parameter length: the bytes of its key.
    mutating func beginQuestion(length: Int, now: MonotonicTime) {
        request = Request()
        longestAddress = length + Self.mostGrowth
        maps.beginAddress(now: now)
        text.removeAll()
    }

    @inline(__always)
    private mutating func resolvePending() throws(ResolutionFailure) {
        while !expansion.pending.isEmpty, let next = expansion.pending.popLast() {
            try resolve(node: next)
        }
    }

    /// Makes the address the first node of the worklist.
    ///
    /// - Returns: false for the null sender, which is none.
    @inline(__always)
    private mutating func begin(_ address: Span<UInt8>) throws(ResolutionFailure) -> Bool {
        let form: EnvelopeAddress.Form
        do {
            form = try EnvelopeAddress.read(address, allowsNull: request.role == .sender, into: &text)
        } catch {
            throw .syntax(error)
        }
        var at: Int?
        switch form {
        case .channelLiteral where !rules.allowsChannelLiteral:
            trace?.record(.deviation(.channelLiteral, "a typed address may not choose a channel"))
            throw .syntax(nil)
        case .include where request.isSubmitted:
            throw .syntax(nil)
        case .null:
            return false
        case .mailbox(let offset):
            if text[0] != UInt8(ascii: "|") { at = offset }
        default:
            break
        }
        let all = 0..<text.end
        expansion.start(
            Node(
                address: all, at: at, origin: all, isUnquoted: form == .quotedLocal, isTrusted: !request.isSubmitted))
        return true
    }

    /// How a control file writes the sender of a message that must not be answered.
    private mutating func addNullSender() {
        // Nothing is expanded, and what the address before left says nothing of this one.
        expansion.nodes.removeAll(keepingCapacity: true)
        expansion.notices = []
        let empty = text.append("<>")
        add(
            Answer.RoutePlace(
                channel: text.append("error"), host: empty, user: empty, privilege: Route.nobody, origin: 0,
                end: .noAddress(empty)))
    }

    @inline(__always)
    private mutating func finish(_ answer: inout Answer) {
        while answer.ancestry.popLast() != nil {}
        answer.asked = expansion.nodes.first?.address ?? .empty
        if expansion.nodes.count > 1 {
            for node in expansion.nodes {
                answer.ancestry.append(Answer.AncestorPlace(address: node.address, parent: node.parent))
            }
        }
        if !answer.notices.isEmpty || !expansion.notices.isEmpty { answer.notices = expansion.notices }
        answer.succeed()
        swap(&answer.text, &text)
        swap(&answer.places, &places)
    }

    // MARK: What steps share

    /// Adds a route that an address came to.
    @inline(__always)
    mutating func add(
        channel: TextRange, host: TextRange, user: TextRange, end: Answer.EndPlace, _ current: WorkingAddress
    ) throws(ResolutionFailure) {
        // Here all routes come by: none gives a submitter's words to whoever delivers to commands and files.
        if !mayNameLocalForms(current), text.equals(channel, "local"), namesCommandOrFile(user) || namesInclude(user) {
            throw .syntax(nil)
        }
        add(
            Answer.RoutePlace(
                channel: channel, host: host, user: user, privilege: current.privilege, origin: current.node, end: end))
        try checkSize()
    }

    /// Whether an address may name a command or a file.
    @inline(__always)
    func mayNameLocalForms(_ current: WorkingAddress) -> Bool { current.isTrusted || request.isForDisplay }

    @inline(__always)
    private mutating func add(_ place: Answer.RoutePlace) {
        if trace != nil { record(place) }
        places.append(place)
        routeBytes &+= place.channel.count &+ place.host.count &+ place.user.count
    }

    /// Pieces one after another, as one piece.
    mutating func joined(_ first: TextRange, _ second: TextRange, _ third: TextRange = .empty) -> TextRange {
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
    mutating func refuse(_ current: WorkingAddress, _ error: AddressError) throws(ResolutionFailure) {
        guard !current.isTyped else { throw .syntax(error) }
        try add(
            channel: text.append("error"), host: text.append("syntax"), user: current.address,
            end: .noAddress(current.address), current)
    }

    /// Puts the members of an expanded value onto the worklist.
    ///
    /// - Parameter reading: how the value was read, for the trace.
    mutating func expand(
        to members: [[UInt8]], readAs reading: TraceEvent.Reading, like template: Node, of parent: Int
    ) throws(ResolutionFailure) {
        if trace != nil { record(members, readAs: reading, like: template, of: parent) }
        let depth = expansion.nodes[parent].depth + 1
        guard depth <= rules.expansionDepth else { throw limit }
        for member in members.reversed() {
            var node = template
            node.address = text.append(member)
            try checkGrowth(of: node.address)
            node.parent = parent
            node.depth = depth
            expansion.append(node)
        }
        try checkSize()
    }

    /// Puts the only member of an expanded value onto the worklist, a mailbox in the text already.
    mutating func expand(to mailbox: TextRange, at: Int, like template: Node, of parent: Int) throws(ResolutionFailure)
    {
        if trace != nil { record([text[mailbox]], readAs: .list, like: template, of: parent) }
        try checkGrowth(of: mailbox)
        var node = template
        node.address = mailbox
        node.at = at
        node.parent = parent
        node.depth = expansion.nodes[parent].depth + 1
        guard node.depth <= rules.expansionDepth else { throw limit }
        expansion.append(node)
        try checkSize()
    }

    @inline(__always)
    private func checkSize() throws(ResolutionFailure) {
        guard places.count + expansion.pending.count <= rules.expansionSize else { throw limit }
        let most = max(Self.mostText, rules.expansionSize.multipliedReportingOverflow(by: 1 << 13).partialValue)
        guard text.end <= most, routeBytes <= most else { throw .growthLimit(bytes: most) }
    }

    /// The value that a lookup found, with `%N` substituted.
    ///
    /// Its length is computed first: a value of a hundred thousand `%1` makes gigabytes of a long address.
    ///
    /// - Parameters:
    ///   - relation: the relation that was asked, for the trace.
    ///   - growth: so many bytes may it become longer.
    @inline(__always)
    mutating func value(
        of hit: MapHit, in relation: RelationName,
        substituting places: @autoclosure () -> SubstitutionPlaces = SubstitutionPlaces(),
        growingAtMost growth: Int
    ) throws(ResolutionFailure) -> TextRange {
        let first = hit.reference(in: text)
        let value = if let first { try substituted(hit, first, places(), growth) } else { hit.value }
        if trace != nil { record(hit, of: relation, places(), comingTo: value) }
        return value
    }

    @inline(__always)
    private mutating func substituted(
        _ hit: MapHit, _ first: Int, _ places: SubstitutionPlaces, _ growth: Int
    ) throws(ResolutionFailure) -> TextRange {
        // A reference has two bytes, and stands for a piece of the text: most values are too short to grow that much.
        let (most, isOverflow) = (hit.value.count / 2).multipliedReportingOverflow(by: text.end)
        guard
            (most <= growth && !isOverflow) || hit.substitutedLength(places, in: text) - hit.value.count <= growth
        else { throw .growthLimit(bytes: growth) }
        return hit.value(substituting: places, from: first, in: &text)
    }

    /// So many bytes may substitution add to a route or a name: what the address has, and some.
    var mostSubstituted: Int { longestAddress }

    /// So many bytes may substitution add to a list.
    var mostSubstitutedInList: Int { max(longestAddress, 1 << 20) }

    /// A value that holds `%0` twice doubles what it stands for each time around.
    @inline(__always)
    func checkGrowth(of address: TextRange) throws(ResolutionFailure) {
        guard address.count <= longestAddress else { throw .growthLimit(bytes: Self.mostGrowth) }
    }

    /// So many bytes of text may one address come to in all, at least.
    private static var mostText: Int { 1 << 26 }

    /// So many bytes may the maps add to an address, far more than any address has.
    private static var mostGrowth: Int { 1 << 14 }

    /// The failure of an expansion that passes a limit.
    var limit: ResolutionFailure { .expansionLimit(depth: rules.expansionDepth, size: rules.expansionSize) }
}
