// `local@domain` below the fully qualified maps (SEMANTICS 2 B to E): is the domain ours, has it a route, or does the
// address simply go there.

import MailAddress
import Maps

extension Resolver {
    /// Resolves an address by its domain.
    ///
    /// - Returns: the local part to go on with where the domain is ours, otherwise nil.
    mutating func resolveDomain(_ hop: Hop, at: Int) throws(ResolutionFailure) -> Hop? {
        guard at > hop.address.lowerBound else {
            try refuse(hop, AddressError(.emptyLocalPart, at: 0))
            return nil
        }
        let domain = (at + 1)..<hop.address.upperBound
        guard !domain.isEmpty else { return stripped(hop, at: at, domain: hop.domain) }
        let host = try canonicalHost(domain)
        if host.isLocal {
            trace?.record(.localDomain(text[host.name ?? domain]))
            let known = if let name = host.name { withAtSign(name) } else { at..<domain.upperBound }
            return stripped(hop, at: at, domain: known)
        }
        guard host.name != nil || !hop.tail.isEmpty else {
            try routeByHost(domain, of: hop.address, isLiteral: host.isLiteral, hop)
            return nil
        }
        let start = text.append(copyOf: hop.address.lowerBound..<at).lowerBound
        text.append(copyOf: hop.tail)
        text.append(UInt8(ascii: "@"))
        let name = text.append(copyOf: host.name ?? domain)
        try routeByHost(name, of: start..<text.end, isLiteral: host.isLiteral, hop)
        return nil
    }

    /// `@name` for a name.
    private mutating func withAtSign(_ name: Piece) -> Piece {
        let start = text.append(UInt8(ascii: "@")).lowerBound
        text.append(copyOf: name)
        return start..<text.end
    }

    /// The local part by itself, with the tail put after it.
    private mutating func stripped(_ hop: Hop, at: Int, domain: Piece) -> Hop {
        var next = hop
        next.address = joined(hop.address.lowerBound..<at, hop.tail)
        next.tail = .empty
        next.domain = domain
        return next
    }

    /// Routes an address that leaves this host: by routesdb, or straight to its host.
    mutating func routeByHost(
        _ host: Piece, of address: Piece, isLiteral: Bool, _ hop: Hop
    ) throws(ResolutionFailure) {
        if !isLiteral {
            if try lookUpDomainRoute(host, of: address, hop) { return }
            trace?.record(.step(.defaultRoute))
        }
        try add(channel: text.append("smtp"), host: host, user: address, hop)
    }

    private mutating func lookUpDomainRoute(
        _ host: Piece, of address: Piece, _ hop: Hop
    ) throws(ResolutionFailure) -> Bool {
        trace?.record(.step(.domainRoute))
        var key = host
        if request.role == .sender {
            key = text.append(copyOf: host)
            text.append(":sender")
            key = key.lowerBound..<text.end
        }
        // Error messages have a default of their own, which is tried before the ordinary ones (SEMANTICS 6).
        if request.isErrorMessage,
            let hit = try maps.find(.routesdb, key, of: &text, defaults: .errorMessage),
            try obeyDomainRoute(hit, address, hop)
        {
            return true
        }
        let defaults: DefaultKeys = request.role == .sender ? .sender : .recipient
        guard let hit = try maps.find(.routesdb, key, of: &text, defaults: defaults) else { return false }
        return try obeyDomainRoute(hit, address, hop)
    }

    private mutating func obeyDomainRoute(
        _ hit: MapHit, _ address: Piece, _ hop: Hop
    ) throws(ResolutionFailure) -> Bool {
        let value = try value(of: hit, growingAtMost: mostSubstituted)
        switch RouteValue(ofDomainRoute: value, address: address, in: &text, now: clock) {
        case .unusable:
            trace?.record(.unusableValue(text[value]))
            return false
        case .route(let channel, let host, let user):
            var writer = hop
            writer.isTrusted = hop.isTrusted || (!handsOn(hit.value) && value.contains(user))
            try add(channel: channel, host: host, user: user, writer)
        case .again(let path):
            var template = Node(address: .empty, origin: address)
            template.privilege = hop.privilege
            template.isTrusted = hop.isTrusted
            try expand(to: [text[path]], like: template, of: hop.node)
        }
        return true
    }
}
