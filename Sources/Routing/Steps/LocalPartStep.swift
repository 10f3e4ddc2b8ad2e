// A local part without a domain, or in a domain of ours (SEMANTICS 4): the local forms, then aliases with and without
// a tail, then the account.

import MailAddress
import Maps

extension Resolver {
    /// Resolves a local part.
    mutating func resolveLocalPart(_ hop: Hop) throws(ResolutionFailure) {
        trace?.record(.step(.localPart))
        let name = hop.address
        if let user = text.dropping("\\", from: name) ?? quotedBackslashName(name) {
            try routeUser(user, hop, domain: .empty)
        } else if name.count > 1, text.first(name) == UInt8(ascii: "/") {
            try addLocalForm("file.", hop)
        } else if text.dropping("|", from: name) != nil
            || (text.dropping("\"|", from: name) != nil && text.last(name) == UInt8(ascii: "\""))
        {
            try addLocalForm("pipe.", hop)
        } else if request.role == .recipient, let path = text.dropping(":include:", from: name) {
            try include(path, hop)
        } else if text.dropping("\":include:", from: name) != nil, text.last(name) == UInt8(ascii: "\"") {
            try routeUser(name, hop, domain: .empty)
        } else if let split = decnetSplit(name) {
            try add(
                channel: text.append("decnet"), host: name.lowerBound..<split, user: (split + 2)..<name.upperBound, hop)
        } else {
            try routeUser(name, hop, domain: hop.domain.isEmpty ? text.append(rules.atMyDomain) : hop.domain)
        }
    }

    /// The `user` of `"\user"`.
    private func quotedBackslashName(_ name: Piece) -> Piece? {
        guard let rest = text.dropping("\"\\", from: name), rest.count > 1, text.last(rest) == UInt8(ascii: "\"") else {
            return nil
        }
        return rest.dropLast()
    }

    /// The place of the last `::` with something on both sides.
    private func decnetSplit(_ name: Piece) -> Int? {
        guard name.count >= 4, text.first(name) != UInt8(ascii: "\"") else { return nil }
        let colon = UInt8(ascii: ":")
        var place = name.upperBound - 3
        while place > name.lowerBound {
            if text[place] == colon, text[place + 1] == colon { return place }
            place -= 1
        }
        return nil
    }

    /// A command or a file: resolved as ZMailer does, and run or written by nobody here.
    private mutating func addLocalForm(_ prefix: StaticString, _ hop: Hop) throws(ResolutionFailure) {
        guard hop.isTrusted else { throw .syntax(nil) }
        let start = text.append(prefix).lowerBound
        let host = start..<text.append(copyOf: hop.origin).upperBound
        try add(channel: text.append("local"), host: host, user: hop.address, hop)
    }

    // MARK: Users

    /// Resolves a user of this host.
    ///
    /// - Parameter domain: `@domain` where the user belongs to one, otherwise empty.
    private mutating func routeUser(_ name: Piece, _ hop: Hop, domain: Piece) throws(ResolutionFailure) {
        if request.role == .sender {
            return try addUser(joined(name, hop.tail, domain), hop)
        }
        let real = text.dropping("real-", from: name)
        let named = real ?? name
        if namesCommandOrFile(named) || namesInclude(named) {
            guard hop.isTrusted else { throw .syntax(nil) }
            if real == nil, namesCommandOrFile(name) { return try addUser(name, hop) }
        }
        if let real { return try addUser(joined(real, hop.tail, domain), hop) }
        if try expandAlias(name, tail: hop.tail, domain: domain, hop) { return }

        var user = name
        var exists = try accountExists(user)
        if !exists {
            user = TailSplit.replacingDashes(in: name, of: &text)
            if let plus = text.firstIndex(of: UInt8(ascii: "+"), in: user), plus > user.lowerBound {
                let tail = plus..<user.upperBound
                // `base+` is asked for only where something follows the plus, and hands on the tail it was given.
                if tail.count > 1,
                    try expandAlias(user.lowerBound..<(plus + 1), tail: hop.tail, domain: domain, hop)
                {
                    return
                }
                let base = user.lowerBound..<plus
                if try expandAlias(base, tail: tail, domain: domain, hop) { return }
                exists = try accountExists(base)
            }
        }
        if text.starts(user, with: "uid#") {
            var template = Node(address: .empty, origin: hop.origin)
            template.domain = domain
            template.privilege = hop.privilege
            return try expand(to: [Array("postmaster".utf8)], like: template, of: hop.node)
        }
        guard exists || rules.anyLocalUserExists else {
            let unknown = joined(user, hop.tail, domain)
            return try add(channel: text.append("error"), host: text.append("nosuchuser"), user: unknown, hop)
        }
        let kept = rules.localUserKeepsDomain ? domain : .empty
        if hop.isUnquoted, kept.isEmpty, hop.address == hop.origin, user.contains(where: { needsQuotes(text[$0]) }) {
            return try addQuoted(user, hop)
        }
        try addUser(joined(user, hop.tail, kept), hop)
    }

    private mutating func addUser(_ user: Piece, _ hop: Hop) throws(ResolutionFailure) {
        try add(channel: text.append("local"), host: hop.origin, user: user, hop)
    }

    /// A quoted string by itself loses its quotes, but for a name with blanks that nothing was added to.
    private mutating func addQuoted(_ user: Piece, _ hop: Hop) throws(ResolutionFailure) {
        let host = text.append(QuotedString.quoted(text[hop.origin]))
        let quoted = text.append(QuotedString.quoted(text[user]))
        try add(channel: text.append("local"), host: host, user: quoted, hop)
    }

    private mutating func accountExists(_ user: Piece) throws(ResolutionFailure) -> Bool {
        guard !rules.anyLocalUserExists else { return false }
        if try maps.find(.accounts, user, of: &text) != nil { return true }
        // Account names are lower-case; an address need not be.
        let folded = text.lowercase(of: user)
        guard folded != user else { return false }
        return try maps.find(.accounts, folded, of: &text) != nil
    }

    /// Expands an alias, if there is one and it is not being expanded already.
    private mutating func expandAlias(
        _ name: Piece, tail: Piece, domain: Piece, _ hop: Hop
    ) throws(ResolutionFailure) -> Bool {
        guard let hit = try maps.find(.aliases, name, of: &text) else { return false }
        guard !expansion.isExpanding(.aliases, hit.key, at: hop.node, in: text) else {
            trace?.record(.deviation(.duplicate, "this key of aliases is already being expanded: passed over"))
            return false
        }
        var template = Node(address: .empty, origin: hop.origin)
        template.tail = tail
        template.domain = domain
        template.privilege = hit.privilege
        template.isTrusted = hop.isTrusted || !handsOn(hit.value)
        template.key = ExpandedKey(relation: .aliases, key: hit.key)
        let value = try value(of: hit, growingAtMost: mostSubstitutedInList)
        try expand(value: value, like: template, of: hop.node)
        return true
    }

    /// Whether a name, in quotes or not, is that of a command or a file.
    func namesCommandOrFile(_ name: Piece) -> Bool {
        let first = text.first(text.dropping("\"", from: name) ?? name)
        return first == UInt8(ascii: "|") || first == UInt8(ascii: "/")
    }

    /// Whether a name, in quotes or not, is that of a file with addresses.
    func namesInclude(_ name: Piece) -> Bool {
        text.starts(text.dropping("\"", from: name) ?? name, with: ":include:")
    }

    /// Whether a value has places for what was asked for: what a submitter typed stays his where it hands that on.
    func handsOn(_ value: Piece) -> Bool { text.firstIndex(of: UInt8(ascii: "%"), in: value) != nil }
}

/// Whether a byte keeps a local name in its quotes.
private func needsQuotes(_ byte: UInt8) -> Bool {
    ASCII.isBlank(byte) || byte == UInt8(ascii: "\"")
}
