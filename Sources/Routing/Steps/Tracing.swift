// How the steps tell a trace what they do. Each function is called where there is a trace, and stays out of the way of
// addresses that nobody traces.

import Bytes
import Maps

extension Resolver {
    /// Records what is asked.
    @inline(never)
    func recordQuestion(_ address: Span<UInt8>) {
        trace?.record(
            .question(
                TraceEvent.Question(
                    address: [UInt8](copying: address), isSender: request.role == .sender,
                    isErrorMessage: request.isErrorMessage, isSubmitted: request.isSubmitted,
                    isForDisplay: request.isForDisplay)))
    }

    /// Records that an address is taken up.
    ///
    /// - Parameter hop: how often its node was taken up before.
    @inline(never)
    func record(_ current: WorkingAddress, _ focus: RoutingForm, hop: Int) {
        let parent = expansion.nodes[current.node].parent
        trace?.record(
            .address(
                TraceEvent.Address(
                    node: current.node, parent: parent < 0 ? nil : parent, hop: hop, address: text[current.address],
                    tail: text[current.tail], domain: text[current.domain], origin: text[current.origin],
                    form: focus.name, isUnquoted: current.isUnquoted)))
    }

    /// Records that an entry is used, and what its value comes to.
    @inline(never)
    func record(
        _ hit: MapHit, of relation: RelationName, _ places: SubstitutionPlaces, comingTo result: TextRange
    ) {
        var arguments: [(number: Int, text: [UInt8])] = []
        if hit.isTemplate {
            arguments.append((0, text[hit.argumentZero]))
            for number in 1...9 {
                if let place = places[number] { arguments.append((number, text[place])) }
            }
        }
        trace?.record(
            .entry(
                TraceEvent.Entry(
                    relation: relation, key: text[hit.key], value: text[hit.value], arguments: arguments,
                    result: text[result])))
    }

    /// Records what takes the place of a node: the nodes that come next.
    ///
    /// - Parameters:
    ///   - members: in the order in which they are taken up, which is the reverse of that in which they become nodes.
    ///   - template: what the nodes have in common.
    @inline(never)
    func record(
        _ members: [[UInt8]], readAs reading: TraceEvent.Reading, like template: Node, of parent: Int
    ) {
        let last = expansion.nodes.count + members.count - 1
        trace?.record(
            .expanded(
                TraceEvent.Replacement(
                    reading: reading, relation: template.key?.relation, key: template.key.map { text[$0.key] } ?? [],
                    node: parent, members: members.enumerated().map { (last - $0.offset, $0.element) },
                    tail: text[template.tail], domain: text[template.domain], origin: text[template.origin])))
    }

    /// Records what a host is to this site.
    @inline(never)
    func record(_ host: CanonicalHost, for asked: TextRange) {
        trace?.record(
            .host(
                TraceEvent.Host(
                    host: text[asked], name: host.name.map { text[$0] }, isLocal: host.isLocal,
                    isLiteral: host.isLiteral)))
    }

    /// Records that an address is written anew.
    @inline(never)
    func record(_ rewriting: TraceEvent.Rewriting, to address: TextRange) {
        trace?.record(.rewritten(rewriting, text[address]))
    }

    /// Records a route.
    @inline(never)
    func record(_ place: Answer.RoutePlace) {
        trace?.record(
            .route(
                Route(
                    channel: text[place.channel], host: text[place.host], user: text[place.user],
                    privilege: place.privilege), node: place.origin))
    }

    /// The clock, which says what it answered where there is a trace.
    var recordedClock: () -> Int64 {
        guard let trace else { return clock }
        let clock = self.clock
        return {
            let now = clock()
            trace.record(.time(now))
            return now
        }
    }

    /// One failure decides for the whole address: nothing is sent twice, nothing is dropped.
    @inline(never)
    func record(_ failure: ResolutionFailure) {
        guard let trace else { return }
        switch failure {
        case .syntax: trace.record(.deviation(.syntax, "an address that is not valid is refused by itself"))
        case .expansionLimit, .growthLimit: trace.record(.deviation(.limits, "an expansion has limits"))
        case .map: trace.record(.deviation(.mapError, "a failed lookup holds the whole address"))
        }
        trace.record(.failure(failure))
    }
}

extension RoutingForm {
    /// The name under which a trace has the form.
    fileprivate var name: TraceEvent.AddressForm {
        switch self {
        case .domain: .domain
        case .route: .sourceRoute
        case .bang: .bangPath
        case .percent: .percent
        case .localForm: .local
        }
    }
}
