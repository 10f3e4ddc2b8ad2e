// A local part without a domain, or in a domain of ours (SEMANTICS 4): the local forms, then aliases with and without
// a tail, then the account.

import MailAddress
import Maps

extension Resolver {
    /// Resolves a local part.
    ///
    /// - Returns: an address to go on with, or nil when it is resolved.
    mutating func resolveLocalPart(_ hop: Hop) throws(ResolutionFailure) -> Hop? {
        trace?.record(.step(.localPart))
        let name = hop.address
        if let user = name.dropping("\\") ?? quotedBackslashName(name) {
            try routeUser(user, hop, domain: [])
        } else if name.count > 1, name.first == UInt8(ascii: "/") {
            try addLocalForm("file.", hop)
        } else if name.dropping("|") != nil || (name.dropping("\"|") != nil && name.last == UInt8(ascii: "\"")) {
            try addLocalForm("pipe.", hop)
        } else if request.role == .recipient, let path = name.dropping(":include:") {
            try include(path, hop)
        } else if name.dropping("\":include:") != nil, name.last == UInt8(ascii: "\"") {
            try routeUser(name, hop, domain: [])
        } else if let split = decnetSplit(name) {
            try add(
                Route(
                    "decnet", host: Array(name[..<split]), user: Array(name[(split + 2)...]), privilege: hop.privilege),
                from: hop.node)
        } else {
            try routeUser(name, hop, domain: hop.domain.isEmpty ? rules.atMyDomain : hop.domain)
        }
        return nil
    }

    /// The `user` of `"\user"`.
    private func quotedBackslashName(_ name: [UInt8]) -> [UInt8]? {
        guard let rest = name.dropping("\"\\"), rest.count > 1, rest.last == UInt8(ascii: "\"") else { return nil }
        return Array(rest.dropLast())
    }

    /// The place of the last `::` with something on both sides.
    private func decnetSplit(_ name: [UInt8]) -> Int? {
        guard name.count >= 4, name.first != UInt8(ascii: "\"") else { return nil }
        return (1...(name.count - 3)).last { name[$0] == UInt8(ascii: ":") && name[$0 + 1] == UInt8(ascii: ":") }
    }

    /// A command or a file: resolved as ZMailer does, and run or written by nobody here.
    private mutating func addLocalForm(_ prefix: StaticString, _ hop: Hop) throws(ResolutionFailure) {
        guard hop.isTrusted else { throw .syntax(nil) }
        try add(
            Route("local", host: prefix.bytes + hop.origin, user: hop.address, privilege: hop.privilege), from: hop.node
        )
    }

    // MARK: Users

    /// Resolves a user of this host.
    ///
    /// - Parameter domain: `@domain` where the user belongs to one, otherwise empty.
    private mutating func routeUser(_ name: [UInt8], _ hop: Hop, domain: [UInt8]) throws(ResolutionFailure) {
        var user = name
        if request.role == .sender {
            return try addUser(user + hop.tail + domain, hop)
        }
        let real = user.dropping("real-")
        if namesCommandOrFile(real ?? user) {
            guard hop.isTrusted else { throw .syntax(nil) }
            if real == nil { return try addUser(user, hop) }
        }
        if let real { return try addUser(real + hop.tail + domain, hop) }
        if try expandAlias(user[...], tail: hop.tail, domain: domain, hop) { return }

        var exists = try accountExists(user)
        if !exists {
            user = TailSplit.replacingDashes(in: user)
            if let plus = user.firstIndex(of: UInt8(ascii: "+")), plus > 0 {
                let tail = Array(user[plus...])
                // `base+` is asked for only where something follows the plus, and hands on the tail it was given.
                if tail.count > 1, try expandAlias(user[...plus], tail: hop.tail, domain: domain, hop) { return }
                if try expandAlias(user[..<plus], tail: tail, domain: domain, hop) { return }
                exists = try accountExists(Array(user[..<plus]))
            }
        }
        if user.starts(with: "uid#".utf8) {
            var template = Node(address: [], origin: hop.origin)
            template.domain = domain
            template.privilege = hop.privilege
            return try expand(to: [Array("postmaster".utf8)], like: template, of: hop.node)
        }
        guard exists || rules.anyLocalUserExists else {
            return try add(
                Route(
                    "error", host: Array("nosuchuser".utf8), user: user + hop.tail + domain, privilege: hop.privilege),
                from: hop.node)
        }
        let kept = rules.localUserKeepsDomain ? domain : []
        // A quoted string by itself loses its quotes, but for a name with blanks that nothing was added to.
        if hop.isUnquoted, kept.isEmpty, hop.address == hop.origin, user.contains(where: needsQuotes) {
            let host = QuotedString.quoted(hop.origin)
            return try add(
                Route("local", host: host, user: QuotedString.quoted(user), privilege: hop.privilege), from: hop.node)
        }
        try addUser(user + hop.tail + kept, hop)
    }

    private mutating func addUser(_ user: [UInt8], _ hop: Hop) throws(ResolutionFailure) {
        try add(Route("local", host: hop.origin, user: user, privilege: hop.privilege), from: hop.node)
    }

    private mutating func accountExists(_ user: [UInt8]) throws(ResolutionFailure) -> Bool {
        guard !rules.anyLocalUserExists else { return false }
        if try maps.find(.accounts, user.span, into: &hit) { return true }
        // Account names are lower-case; an address need not be.
        let folded = user.map(ASCII.lowercase)
        guard folded != user else { return false }
        return try maps.find(.accounts, folded.span, into: &hit)
    }

    /// Expands an alias, if there is one and it is not being expanded already.
    private mutating func expandAlias(
        _ name: ArraySlice<UInt8>, tail: [UInt8], domain: [UInt8], _ hop: Hop
    ) throws(ResolutionFailure) -> Bool {
        guard try maps.find(.aliases, name.span, into: &hit) else { return false }
        guard !expansion.isExpanding(.aliases, hit.key, at: hop.node) else {
            trace?.record(.deviation(.duplicate, "this key of aliases is already being expanded: passed over"))
            return false
        }
        hit.substitute(noArguments)
        var template = Node(address: [], origin: hop.origin)
        template.tail = tail
        template.domain = domain
        template.privilege = hit.privilege
        template.key = ExpandedKey(relation: .aliases, key: hit.key)
        try expandValue(like: template, of: hop.node)
        return true
    }
}

extension [UInt8] {
    /// What follows a prefix, or nil if the prefix is not there or nothing follows it.
    func dropping(_ prefix: StaticString) -> [UInt8]? {
        let prefix = prefix.bytes
        return count > prefix.count && starts(with: prefix) ? Array(self[prefix.count...]) : nil
    }
}

/// Whether a name, in quotes or not, is that of a command or a file.
private func namesCommandOrFile(_ name: [UInt8]) -> Bool {
    let first = (name.dropping("\"") ?? name).first
    return first == UInt8(ascii: "|") || first == UInt8(ascii: "/")
}

/// Whether a byte keeps a local name in its quotes.
private func needsQuotes(_ byte: UInt8) -> Bool {
    ASCII.isBlank(byte) || byte == UInt8(ascii: "\"")
}
