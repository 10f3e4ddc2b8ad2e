// The first step of the chain (SEMANTICS 2 A): the whole address in fqdnaliases and fqdnroutes, exact, then
// without its tail, then by its domain alone. At each level an alias beats a route.

import Bytes
import Maps

/// One level at which the fully qualified maps are asked.
private struct Level {
    /// The key, in lower case.
    let key: TextRange
    /// The user in front of the domain, at this level.
    let user: TextRange
    /// `@domain`.
    let domain: TextRange
    /// What was taken off the user, with its `+`.
    let tail: TextRange
    /// Whether `%1` is given to fqdnaliases: ZMailer does not at the level without tail.
    let givesUserToAliases: Bool

    /// What `%N` stands for in a value of fqdnaliases.
    var aliasArguments: SubstitutionPlaces {
        var places = SubstitutionPlaces()
        if givesUserToAliases { places[1] = user }
        return places
    }

    /// What `%N` stands for in a value of fqdnroutes.
    @inline(__always)
    func routeArguments(_ current: WorkingAddress) -> SubstitutionPlaces {
        var places = SubstitutionPlaces()
        places[1] = user
        places[2] = tail
        places[3] = domain
        places[4] = current.origin
        places[5] = current.address
        return places
    }
}

extension Resolver {
    /// Looks `user@domain` up in the fully qualified maps.
    ///
    /// - Returns: true if a map decided.
    @inline(__always)
    mutating func lookUpFullyQualified(_ current: WorkingAddress, _ focus: RoutingForm) throws(ResolutionFailure)
        -> Bool
    {
        // A sender is not expanded, and a source route is not a mailbox yet.
        let address = current.address
        guard request.role == .recipient, !current.isUnquoted, text.first(address) != UInt8(ascii: "@") else {
            return false
        }
        guard let at = lastAtSign(address, focus), at > address.lowerBound, at + 1 < address.upperBound else {
            return false
        }
        let folded = text.lowercase(of: address)
        let foldedAt = folded.lowerBound + (at - address.lowerBound)
        let user = folded.lowerBound..<foldedAt
        let domain = foldedAt..<folded.upperBound

        trace?.record(.step(.exactAddress))
        let exact = Level(key: folded, user: user, domain: domain, tail: .empty, givesUserToAliases: true)
        if try decides(exact, for: current) { return true }

        if let split = TailSplit(user, of: text) {
            trace?.record(.step(.baseAddress))
            let written = rules.preservesTailCase ? address.lowerBound..<at : user
            let tail = split.tail(of: written, dividedLike: user, in: &text)
            let base = text.append(copyOf: user.lowerBound..<split.baseEnd)
            let key = base.lowerBound..<text.append(copyOf: domain).upperBound
            let level = Level(
                key: key, user: base, domain: base.upperBound..<key.upperBound, tail: tail, givesUserToAliases: false)
            if try decides(level, for: current) { return true }
        }

        trace?.record(.step(.wholeDomain))
        let whole = Level(key: domain, user: user, domain: domain, tail: .empty, givesUserToAliases: true)
        return try decides(whole, for: current)
    }

    /// The offset of the last `@` outside quotes.
    private func lastAtSign(_ address: TextRange, _ focus: RoutingForm) -> Int? {
        if case .domain(let at) = focus { return at }
        // A command may look like an address; the maps are asked before it is taken for one.
        return text.first(address) == UInt8(ascii: "|") ? text.lastIndex(of: UInt8(ascii: "@"), in: address) : nil
    }

    private mutating func decides(_ level: Level, for current: WorkingAddress) throws(ResolutionFailure) -> Bool {
        guard let first = try maps.findFullyQualified(level.key, of: &text, from: 0) else { return false }
        guard first.relation == 0 else { return try obeyRoute(first, level, for: current) }
        if try obeyAlias(first, level, for: current) { return true }
        guard let route = try maps.findFullyQualified(level.key, of: &text, from: 1) else { return false }
        return try obeyRoute(route, level, for: current)
    }

    private mutating func obeyAlias(_ hit: MapHit, _ level: Level, for current: WorkingAddress)
        throws(ResolutionFailure) -> Bool
    {
        guard !expansion.isExpanding(.fqdnaliases, hit.key, at: current.node, in: text) else {
            trace?.record(.deviation(.duplicate, "this key of fqdnaliases is already being expanded: passed over"))
            return false
        }
        var template = Node(address: .empty, origin: current.address)
        template.tail = level.tail
        template.domain = level.domain
        template.privilege = hit.privilege
        template.isTrusted = current.isTrusted || !handsOn(hit.value)
        template.key = ExpandedKey(relation: .fqdnaliases, key: hit.key)
        let value = try value(
            of: hit, in: .fqdnaliases, substituting: level.aliasArguments, growingAtMost: mostSubstitutedInList)
        try expand(value: value, like: template, of: current.node)
        return true
    }

    @inline(__always)
    private mutating func obeyRoute(_ hit: MapHit, _ level: Level, for current: WorkingAddress)
        throws(ResolutionFailure) -> Bool
    {
        let value = try value(
            of: hit, in: .fqdnroutes, substituting: level.routeArguments(current), growingAtMost: mostSubstituted)
        guard
            case .route(let channel, let host, let user) = RouteValue(
                ofFullyQualifiedRoute: value, address: current.address, in: &text)
        else {
            trace?.record(.unusableValue(text[value]))
            return false
        }
        var writer = current
        writer.isTrusted = current.isTrusted || (!handsOn(hit.value) && value.contains(user))
        try add(channel: channel, host: host, user: user, end: .address(current.address), writer)
        return true
    }
}
