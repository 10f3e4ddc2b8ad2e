// The order of everything for one address (SEMANTICS 2): the fully qualified maps first, then the canonical form, then
// the local part, or the domain's route. An address may take several hops: a route through this host, or
// `user%host@here`, is stripped and taken up anew.

import MailAddress

/// An address on its way through the chain, with what it carries along.
struct Hop {
    /// The address as it stands.
    var address: [UInt8]
    /// The tail that still has to be put after the local part.
    var tail: [UInt8]
    /// `@domain` for a name without one; empty for the default.
    var domain: [UInt8]
    /// The node of the worklist it belongs to.
    let node: Int
    /// The address that channel `local` shows as its host.
    let origin: [UInt8]
    let privilege: UInt32
    /// Whether the address is the content of a quoted string.
    var isUnquoted: Bool

    /// Whether it may name a command or a file: nobody outside may, not even through a map that hands his words on.
    let isTrusted: Bool

    /// Whether this is what was typed, by itself or stripped, and not what a map expanded to.
    var isTyped: Bool { node == 0 }
}

extension Resolver {
    /// Resolves a node of the worklist to routes, or to further nodes.
    mutating func resolve(node index: Int) throws(ResolutionFailure) {
        let node = expansion.nodes[index]
        var hop = Hop(
            address: node.address, tail: node.tail, domain: node.domain, node: index, origin: node.origin,
            privilege: node.privilege, isUnquoted: node.isUnquoted, isTrusted: node.isTrusted)
        if node.address == Array("<>".utf8) {
            return try add(Route("error", host: node.address, user: node.address), from: index)
        }
        var hops = 0
        while true {
            trace?.record(.address(hop.address, tail: hop.tail))
            if try lookUpFullyQualified(hop) { return }
            guard let next = try takeHop(hop) else { return }
            hop = next
            // Hops are bounded like expansions: work must not grow faster than an address's length.
            hops += 1
            guard hops <= rules.expansionDepth else { throw limit }
        }
    }

    /// One pass below the fully qualified maps.
    ///
    /// - Returns: the address to go on with, or nil when this one is resolved.
    private mutating func takeHop(_ hop: Hop) throws(ResolutionFailure) -> Hop? {
        switch Focus(hop.address, isUnquoted: hop.isUnquoted) {
        case .localForm:
            return try resolveLocalPart(hop)
        case .route(let host, let rest):
            return try resolveSourceRoute(hop, host: host, rest: rest)
        case .domain(let at):
            return try resolveDomain(hop, at: at)
        case .bang(let at):
            return try resolveBangPath(hop, at: at)
        case .percent(let at):
            var rewritten = hop
            rewritten.address[at] = UInt8(ascii: "@")
            return try resolveDomain(rewritten, at: at)
        }
    }

    /// `host!rest` is `rest@host`, and `rest@host.uucp` where the host has no domain (SEMANTICS 7).
    private mutating func resolveBangPath(_ hop: Hop, at bang: Int) throws(ResolutionFailure) -> Hop? {
        let host = hop.address[..<bang]
        var rewritten = hop
        rewritten.address = Array(hop.address[(bang + 1)...])
        let at = rewritten.address.count
        guard at > 0, !host.isEmpty else {
            try refuse(hop, AddressError(.emptyLocalPart, at: 0))
            return nil
        }
        rewritten.address.append(UInt8(ascii: "@"))
        rewritten.address.append(contentsOf: host)
        if !host.contains(UInt8(ascii: ".")), host.first != UInt8(ascii: "[") {
            rewritten.address.append(contentsOf: ".uucp".utf8)
        }
        return try resolveDomain(rewritten, at: at)
    }
}
