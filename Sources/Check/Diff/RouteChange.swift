// How the route of one address differs between two sites, and what made it another.

/// What kind of change it is for an address.
package enum RouteChangeKind: String, CaseIterable, Sendable {
    /// It goes elsewhere.
    case rerouted
    /// It has a route now, and had none by any map.
    case appeared
    /// It had a route, and no map has one for it any more.
    case vanished
    /// It cannot be looked up any more.
    case deferred
    /// It is refused now, by an entry or because it cannot be expanded.
    case bounced
}

/// How an address fares.
enum RouteState: UInt8, Sendable {
    /// A map has a route for it.
    case known
    /// It is no user, or goes to its own domain because no map has it.
    case unknown
    /// It is refused for another reason.
    case refused
    /// It cannot be looked up now.
    case deferred

    /// The kind of a change.
    static func change(from old: RouteState, to new: RouteState) -> RouteChangeKind {
        guard old != new else { return .rerouted }
        return switch new {
        case .known: .appeared
        case .unknown: .vanished
        case .refused: .bounced
        case .deferred: .deferred
        }
    }
}

/// What made a route another one.
package enum RouteChangeCause: Sendable, Hashable {
    /// An entry that differs: where the old site has it, and where the new one.
    case entry(relation: String, key: [UInt8], old: EntryLocation?, new: EntryLocation?)
    /// A map that one of the two sites cannot ask.
    case failure(map: String, reason: String)
    /// A file that an entry names, such as one with members of a list, in another state.
    case file(String)
    /// Lines of dbases.conf that differ for a relation.
    case lines(relation: String, old: EntryLocation?, new: EntryLocation?)
    /// A setting with another value.
    case setting(String, old: String, new: String)
    /// None of these: a map that changed meanwhile.
    case unknown
}

/// An address whose route differs.
package struct RouteChange: Sendable {
    /// The address.
    package let address: [UInt8]
    /// What kind of change it is.
    package let kind: RouteChangeKind
    /// The routes of the old site, and of the new one, as `route-test --format tsv` writes them.
    package let old: [UInt8], new: [UInt8]
    /// What made the difference, the first the nearest to the address.
    package let causes: [RouteChangeCause]
}
