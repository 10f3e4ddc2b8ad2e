// The first and most important step (SEMANTICS 2 A): the whole address in fqdnaliases and fqdnroutes, exact, then
// without its tail, then by its domain alone. At each level an alias beats a route.

import MailAddress
import Maps

/// One level at which the fully qualified maps are asked.
private struct Level {
    /// The bytes of which the key is a part.
    let bytes: [UInt8]
    /// The key.
    let key: Range<Int>
    /// The user in front of the domain, at this level.
    let user: Range<Int>
    /// `@domain`.
    let domain: Range<Int>
    /// What was taken off the user, with its `+`.
    let tail: [UInt8]
    /// Whether `%1` is given to fqdnaliases: ZMailer does not at the level without tail.
    let givesUserToAliases: Bool
}

extension Resolver {
    /// Looks `user@domain` up in the fully qualified maps.
    ///
    /// - Returns: true if a map decided.
    mutating func lookUpFullyQualified(_ hop: Hop) throws(ResolutionFailure) -> Bool {
        // A sender is not expanded, and a source route is not a mailbox yet.
        guard request.role == .recipient, !hop.isUnquoted, hop.address.first != UInt8(ascii: "@") else { return false }
        guard let at = lastAtSign(hop.address), at > 0, at + 1 < hop.address.count else { return false }
        let folded = hop.address.map(ASCII.lowercase)
        let domain = at..<folded.count

        trace?.record(.step(.exactAddress))
        let exact = Level(
            bytes: folded, key: 0..<folded.count, user: 0..<at, domain: domain, tail: [], givesUserToAliases: true)
        if try decides(exact, for: hop) { return true }

        if let split = TailSplit(folded.span, before: at) {
            trace?.record(.step(.baseAddress))
            let tail = split.tail(of: rules.preservesTailCase ? hop.address.span : folded.span, before: at)
            let base = folded[..<split.baseEnd] + folded[domain]
            let level = Level(
                bytes: Array(base), key: 0..<base.count, user: 0..<split.baseEnd, domain: split.baseEnd..<base.count,
                tail: tail, givesUserToAliases: false)
            if try decides(level, for: hop) { return true }
        }

        trace?.record(.step(.wholeDomain))
        let whole = Level(
            bytes: folded, key: domain, user: 0..<at, domain: domain, tail: [], givesUserToAliases: true)
        return try decides(whole, for: hop)
    }

    /// The place of the last `@` outside quotes.
    private func lastAtSign(_ address: [UInt8]) -> Int? {
        if case .domain(let at) = Focus(address, isUnquoted: false) { return at }
        // A command may look like an address; the maps are asked before it is taken for one.
        return address.first == UInt8(ascii: "|") ? address.lastIndex(of: UInt8(ascii: "@")) : nil
    }

    private mutating func decides(_ level: Level, for hop: Hop) throws(ResolutionFailure) -> Bool {
        let key = level.bytes.span.extracting(level.key)
        if try maps.find(.fqdnaliases, key, into: &hit), try obeyAlias(level, for: hop) { return true }
        guard try maps.find(.fqdnroutes, key, into: &hit) else { return false }
        return try obeyRoute(level, for: hop)
    }

    private mutating func obeyAlias(_ level: Level, for hop: Hop) throws(ResolutionFailure) -> Bool {
        guard !expansion.isExpanding(.fqdnaliases, hit.key, at: hop.node) else {
            trace?.record(.deviation(.duplicate, "this key of fqdnaliases is already being expanded: passed over"))
            return false
        }
        // What an outsider typed stays his where the value hands it on as %1.
        let handsOn = hit.value.contains(UInt8(ascii: "%"))
        arguments.removeAll()
        if level.givesUserToAliases { arguments.set(1, to: level.bytes.span.extracting(level.user)) }
        hit.substitute(arguments)
        var template = Node(address: [], origin: hop.address)
        template.tail = level.tail
        template.domain = Array(level.bytes[level.domain])
        template.privilege = hit.privilege
        template.isTrusted = hop.isTrusted || !handsOn
        template.key = ExpandedKey(relation: .fqdnaliases, key: hit.key)
        try expandValue(like: template, of: hop.node)
        return true
    }

    private mutating func obeyRoute(_ level: Level, for hop: Hop) throws(ResolutionFailure) -> Bool {
        arguments.removeAll()
        arguments.set(1, to: level.bytes.span.extracting(level.user))
        arguments.set(2, to: level.tail.span)
        arguments.set(3, to: level.bytes.span.extracting(level.domain))
        arguments.set(4, to: hop.origin.span)
        arguments.set(5, to: hop.address.span)
        hit.substitute(arguments)
        let value = RouteValue(ofFullyQualifiedRoute: hit.value, address: hop.address, privilege: hop.privilege)
        guard case .route(let route) = value else {
            trace?.record(.unusableValue(hit.value))
            return false
        }
        try add(route, from: hop.node)
        return true
    }
}
