// Source routes (RFC 5321, A-d-l; SEMANTICS 7): through this host they are stripped, to another they go as they are.

import MailAddress
import Maps

extension Resolver {
    /// Resolves `@host:rest` or `@host,rest`.
    ///
    /// - Returns: the rest to go on with where the first host is this one, otherwise nil.
    mutating func resolveSourceRoute(
        _ hop: Hop, host: Range<Int>, rest: Int
    ) throws(ResolutionFailure) -> Hop? {
        guard let at = hop.address.lastIndex(of: UInt8(ascii: "@")), at > rest, at + 1 < hop.address.count else {
            try refuse(hop, AddressError(.routeWithoutMailbox, at: 0))
            return nil
        }
        if hop.address[host.lowerBound] == UInt8(ascii: "["), hop.address[rest - 1] == UInt8(ascii: ":") {
            // Stripping a route through this host may lay a channel literal bare.
            guard !hop.isTyped || rules.allowsChannelLiteral else { throw .syntax(nil) }
            try add(channelLiteralRoute(hop, host: host, rest: rest, at: at), from: hop.node)
            return nil
        }
        let first = try canonicalHost(hop.address.span.extracting(host))
        let name = first.name ?? Array(hop.address[host])
        let isOurs =
            first.isLocal || rules.organisationDomains.contains { $0.map(ASCII.lowercase) == name.map(ASCII.lowercase) }
        if isOurs {
            trace?.record(.localDomain(name))
            var next = hop
            next.address = hop.address[rest..<at] + hop.tail + hop.address[at...]
            next.tail = []
            next.domain = []
            return next
        }
        // ZMailer puts a tail before the whole route, where it helps nobody; so it is.
        let address = hop.tail + [UInt8(ascii: "@")] + name + hop.address[(rest - 1)...]
        let start = hop.tail.count + 1
        try routeByHost(start..<(start + name.count), of: address, isLiteral: first.isLiteral, hop)
        return nil
    }

    /// `@[channel]:user@domain`, and `@[anything]:user@domain` for channel smtpx.
    private func channelLiteralRoute(_ hop: Hop, host: Range<Int>, rest: Int, at: Int) -> Route {
        let literal = hop.address[host]
        let content = literal.dropFirst().dropLast()
        let domain = Array(hop.address[(at + 1)...])
        let user = hop.address[rest..<at] + hop.tail + hop.address[at...]
        let isName = content.allSatisfy { ASCII.isDigit($0) || ASCII.lowercase($0) &- UInt8(ascii: "a") < 26 }
        return isName
            ? Route(channel: Array(content), host: domain, user: Array(user), privilege: hop.privilege)
            : Route("smtpx", host: Array(literal), user: Array(user), privilege: hop.privilege)
    }
}
