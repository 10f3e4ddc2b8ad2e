// `local@domain` below the fully qualified maps (SEMANTICS 2 B to E): is the domain ours, has it a route, or does the
// address simply go there.

import Bytes
import MailSyntax
import Maps

extension Resolver {
    /// Resolves an address by its domain.
    ///
    /// - Returns: the local part to go on with where the domain is ours, otherwise nil.
    mutating func resolveDomain(_ current: WorkingAddress, at: Int) throws(ResolutionFailure) -> WorkingAddress? {
        guard at > current.address.lowerBound else {
            try refuse(current, AddressError(.emptyLocalPart, at: 0))
            return nil
        }
        let domain = (at + 1)..<current.address.upperBound
        guard !domain.isEmpty else { return stripped(current, at: at, domain: current.domain) }
        let host = try canonicalHost(domain)
        if host.isLocal {
            let known = if let name = host.name { withAtSign(name) } else { at..<domain.upperBound }
            return stripped(current, at: at, domain: known)
        }
        guard host.name != nil || !current.tail.isEmpty else {
            try routeByHost(domain, of: current.address, isLiteral: host.isLiteral, current)
            return nil
        }
        let start = text.append(copyOf: current.address.lowerBound..<at).lowerBound
        text.append(copyOf: current.tail)
        text.append(UInt8(ascii: "@"))
        let name = text.append(copyOf: host.name ?? domain)
        try routeByHost(name, of: start..<text.end, isLiteral: host.isLiteral, current)
        return nil
    }

    /// `@name` for a name.
    private mutating func withAtSign(_ name: TextRange) -> TextRange {
        let start = text.append(UInt8(ascii: "@")).lowerBound
        text.append(copyOf: name)
        return start..<text.end
    }

    /// The local part by itself, with the tail put after it.
    private mutating func stripped(_ current: WorkingAddress, at: Int, domain: TextRange) -> WorkingAddress {
        var next = current
        next.address = joined(current.address.lowerBound..<at, current.tail)
        next.tail = .empty
        next.domain = domain
        if trace != nil { record(.localPart, to: next.address) }
        return next
    }

    /// Routes an address that leaves this host: by routesdb, or straight to its host.
    mutating func routeByHost(
        _ host: TextRange, of address: TextRange, isLiteral: Bool, _ current: WorkingAddress
    ) throws(ResolutionFailure) {
        if !isLiteral {
            if try lookUpDomainRoute(host, of: address, current) { return }
            trace?.record(.step(.defaultRoute))
        }
        try add(
            channel: text.append("smtp"), host: host, user: address, end: .address(address, isDefault: true), current)
    }

    private mutating func lookUpDomainRoute(
        _ host: TextRange, of address: TextRange, _ current: WorkingAddress
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
            try obeyDomainRoute(hit, address, current)
        {
            return true
        }
        let defaults: DefaultKeys = request.role == .sender ? .sender : .recipient
        guard let hit = try maps.find(.routesdb, key, of: &text, defaults: defaults) else { return false }
        return try obeyDomainRoute(hit, address, current)
    }

    private mutating func obeyDomainRoute(
        _ hit: MapHit, _ address: TextRange, _ current: WorkingAddress
    ) throws(ResolutionFailure) -> Bool {
        let value = try value(of: hit, in: .routesdb, growingAtMost: mostSubstituted)
        switch RouteValue(ofDomainRoute: value, address: address, in: &text, now: recordedClock) {
        case .unusable:
            trace?.record(.unusableValue(text[value]))
            return false
        case .route(let channel, let host, let user):
            var writer = current
            writer.isTrusted = current.isTrusted || (!handsOn(hit.value) && value.contains(user))
            try add(channel: channel, host: host, user: user, end: .address(address), writer)
        case .again(let path):
            var template = Node(address: .empty, origin: address)
            template.privilege = current.privilege
            template.isTrusted = current.isTrusted
            try expand(to: [text[path]], readAs: .path, like: template, of: current.node)
        }
        return true
    }
}
