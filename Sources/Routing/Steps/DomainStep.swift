// `local@domain` below the fully qualified maps (SEMANTICS 2 B to E): is the domain ours, has it a route, or does the
// address simply go there.

import MailAddress
import Maps

extension Resolver {
    /// Resolves an address by its domain.
    ///
    /// - Returns: the local part to go on with where the domain is ours, otherwise nil.
    mutating func resolveDomain(_ hop: Hop, at: Int) throws(ResolutionFailure) -> Hop? {
        guard at > 0 else {
            try refuse(hop, AddressError(.emptyLocalPart, at: 0))
            return nil
        }
        guard at + 1 < hop.address.count else { return stripped(hop, at: at, domain: hop.domain) }
        let host = try canonicalHost(hop.address.span.extracting((at + 1)..<hop.address.count))
        if host.isLocal {
            trace?.record(.localDomain(host.name ?? Array(hop.address[(at + 1)...])))
            let name = host.name ?? Array(hop.address[(at + 1)...])
            return stripped(hop, at: at, domain: [UInt8(ascii: "@")] + name)
        }
        var address = hop.address
        if host.name != nil || !hop.tail.isEmpty {
            let domain = host.name ?? Array(hop.address[(at + 1)...])
            address = hop.address[..<at] + hop.tail + [UInt8(ascii: "@")] + domain
        }
        let start = address.count - (host.name?.count ?? (hop.address.count - at - 1))
        try routeByHost(start..<address.count, of: address, isLiteral: host.isLiteral, hop)
        return nil
    }

    /// The local part by itself, with the tail put after it.
    private func stripped(_ hop: Hop, at: Int, domain: [UInt8]) -> Hop {
        var next = hop
        next.address.removeSubrange(at...)
        next.address.append(contentsOf: hop.tail)
        next.tail = []
        next.domain = domain
        return next
    }

    /// Routes an address that leaves this host: by routesdb, or straight to its host.
    mutating func routeByHost(
        _ host: Range<Int>, of address: [UInt8], isLiteral: Bool, _ hop: Hop
    ) throws(ResolutionFailure) {
        if !isLiteral, try lookUpDomainRoute(host, of: address, hop) { return }
        if !isLiteral { trace?.record(.step(.defaultRoute)) }
        let none: [UInt8] = []
        let smtp: [UInt8] = Array("smtp".utf8)
        let route = Route(
            channel: smtp.span, host: address.span.extracting(host), user: address.span, tail: none.span,
            domain: none.span, privilege: hop.privilege)
        try add(route, from: hop.node)
    }

    private mutating func lookUpDomainRoute(
        _ host: Range<Int>, of address: [UInt8], _ hop: Hop
    ) throws(ResolutionFailure) -> Bool {
        trace?.record(.step(.domainRoute))
        composed.removeAll(keepingCapacity: true)
        composed.append(from: address.span, host)
        if request.role == .sender { composed.append(contentsOf: ":sender".utf8) }
        let key = composed
        // Error messages have a default of their own, which is tried before the ordinary ones (SEMANTICS 6).
        if request.isErrorMessage, try maps.find(.routesdb, key.span, defaults: .errorMessage, into: &hit),
            try obeyDomainRoute(address, hop)
        {
            return true
        }
        let defaults: DefaultKeys = request.role == .sender ? .sender : .recipient
        guard try maps.find(.routesdb, key.span, defaults: defaults, into: &hit) else { return false }
        return try obeyDomainRoute(address, hop)
    }

    private mutating func obeyDomainRoute(_ address: [UInt8], _ hop: Hop) throws(ResolutionFailure) -> Bool {
        hit.substitute(noArguments)
        let value = RouteValue(
            ofDomainRoute: hit.value, address: address, privilege: hop.privilege, now: clock)
        switch value {
        case .unusable:
            trace?.record(.unusableValue(hit.value))
            return false
        case .route(let route):
            try add(route, from: hop.node)
        case .again(let path):
            var template = Node(address: [], origin: address)
            template.privilege = hop.privilege
            template.isTrusted = hop.isTrusted
            try expand(to: [path], like: template, of: hop.node)
        }
        return true
    }
}
