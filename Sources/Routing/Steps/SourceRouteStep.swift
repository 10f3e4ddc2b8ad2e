// Source routes (RFC 5321, A-d-l; SEMANTICS 7): through this host they are stripped, to another they go as they are.

import Bytes
import MailSyntax
import Maps

extension Resolver {
    /// Resolves `@host:rest` or `@host,rest`.
    ///
    /// - Returns: the rest to go on with where the first host is this one, otherwise nil.
    mutating func resolveSourceRoute(
        _ current: WorkingAddress, host: TextRange, rest: Int
    ) throws(ResolutionFailure) -> WorkingAddress? {
        guard let at = text.lastIndex(of: UInt8(ascii: "@"), in: current.address), at > rest,
            at + 1 < current.address.upperBound
        else {
            try refuse(current, AddressError(.routeWithoutMailbox, at: 0))
            return nil
        }
        if text.first(host) == UInt8(ascii: "["), text[rest - 1] == UInt8(ascii: ":") {
            // Stripping a route through this host may lay a channel literal bare.
            guard !current.isTyped || rules.allowsChannelLiteral else { throw .syntax(nil) }
            try addChannelLiteral(current, host: host, rest: rest, at: at)
            return nil
        }
        let first = try canonicalHost(host)
        let name = first.name ?? host
        let folded = text[name].map(ASCII.lowercase)
        let isOurs = first.isLocal || rules.organisationDomains.contains { $0.map(ASCII.lowercase) == folded }
        if isOurs {
            var next = current
            next.address = joined(rest..<at, current.tail, at..<current.address.upperBound)
            next.tail = .empty
            next.domain = .empty
            if trace != nil { record(.sourceRoute, to: next.address) }
            return next
        }
        // ZMailer puts a tail before the whole route, where it helps nobody; so it is.
        let start = text.append(copyOf: current.tail).lowerBound
        text.append(UInt8(ascii: "@"))
        let target = text.append(copyOf: name)
        text.append(copyOf: (rest - 1)..<current.address.upperBound)
        try routeByHost(target, of: start..<text.end, isLiteral: first.isLiteral, current)
        return nil
    }

    /// `@[channel]:user@domain`, and `@[anything]:user@domain` for channel smtpx.
    private mutating func addChannelLiteral(_ current: WorkingAddress, host: TextRange, rest: Int, at: Int)
        throws(ResolutionFailure)
    {
        let content = host.dropFirst().dropLast()
        let user = joined(rest..<at, current.tail, at..<current.address.upperBound)
        let isName = content.allSatisfy { offset in
            ASCII.isDigit(text[offset]) || ASCII.lowercase(text[offset]) &- UInt8(ascii: "a") < 26
        }
        if isName {
            try add(
                channel: content, host: (at + 1)..<current.address.upperBound, user: user,
                end: .noAddress(current.address), current)
        } else {
            try add(
                channel: text.append("smtpx"), host: host, user: user, end: .noAddress(current.address), current)
        }
    }
}
