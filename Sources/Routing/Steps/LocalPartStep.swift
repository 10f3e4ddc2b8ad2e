// A local part without a domain, or in a domain of ours (SEMANTICS 4): the local forms, then aliases with and without
// a tail, then the account.

import Bytes
import MailSyntax
import Maps

extension Resolver {
    /// Resolves a local part.
    mutating func resolveLocalPart(_ current: WorkingAddress) throws(ResolutionFailure) {
        trace?.record(.step(.localPart))
        let name = current.address
        if let user = text.dropping("\\", from: name) ?? quotedBackslashName(name) {
            try routeUser(user, current, domain: .empty)
        } else if name.count > 1, text.first(name) == UInt8(ascii: "/") {
            try addLocalForm("file.", current)
        } else if text.dropping("|", from: name) != nil
            || (text.dropping("\"|", from: name) != nil && text.last(name) == UInt8(ascii: "\""))
        {
            try addLocalForm("pipe.", current)
        } else if request.role == .recipient, let path = text.dropping(":include:", from: name) {
            try include(path, current)
        } else if text.dropping("\":include:", from: name) != nil, text.last(name) == UInt8(ascii: "\"") {
            try routeUser(name, current, domain: .empty)
        } else if let split = decnetSplit(name) {
            try add(
                channel: text.append("decnet"), host: name.lowerBound..<split, user: (split + 2)..<name.upperBound,
                end: .noAddress(name), current)
        } else {
            try routeUser(
                name, current, domain: current.domain.isEmpty ? text.append(rules.atMyDomain) : current.domain)
        }
    }

    /// The `user` of `"\user"`.
    private func quotedBackslashName(_ name: TextRange) -> TextRange? {
        guard let rest = text.dropping("\"\\", from: name), rest.count > 1, text.last(rest) == UInt8(ascii: "\"") else {
            return nil
        }
        return rest.dropLast()
    }

    /// The offset of the last `::` with something on both sides.
    private func decnetSplit(_ name: TextRange) -> Int? {
        guard name.count >= 4, text.first(name) != UInt8(ascii: "\"") else { return nil }
        let colon = UInt8(ascii: ":")
        var offset = name.upperBound - 3
        while offset > name.lowerBound {
            if text[offset] == colon, text[offset + 1] == colon { return offset }
            offset -= 1
        }
        return nil
    }

    /// A command or a file: resolved as ZMailer does, and run or written by nobody here.
    private mutating func addLocalForm(_ prefix: StaticString, _ current: WorkingAddress) throws(ResolutionFailure) {
        guard mayNameLocalForms(current) else { throw .syntax(nil) }
        let start = text.append(prefix).lowerBound
        let host = start..<text.append(copyOf: current.origin).upperBound
        try add(
            channel: text.append("local"), host: host, user: current.address, end: .noAddress(current.address), current)
    }

    // MARK: Users

    /// Resolves a user of this host.
    ///
    /// - Parameter domain: `@domain` where the user belongs to one, otherwise empty.
    private mutating func routeUser(_ name: TextRange, _ current: WorkingAddress, domain: TextRange)
        throws(ResolutionFailure)
    {
        if request.role == .sender {
            return try addUser(joined(name, current.tail, domain), end: .noAddress(name), current)
        }
        let real = text.dropping("real-", from: name)
        let named = real ?? name
        if namesCommandOrFile(named) || namesInclude(named) {
            guard mayNameLocalForms(current) else { throw .syntax(nil) }
            if real == nil, namesCommandOrFile(name) { return try addUser(name, end: .noAddress(name), current) }
        }
        if let real {
            let end = Answer.EndPlace.localUser(joined(name, current.tail), domain: domain)
            return try addUser(joined(real, current.tail, domain), end: end, current)
        }
        if try expandAlias(name, tail: current.tail, domain: domain, current) { return }

        var user = name
        var exists = try accountExists(user)
        if !exists {
            user = TailSplit.replacingDashes(in: name, of: &text)
            if let plus = text.firstIndex(of: UInt8(ascii: "+"), in: user), plus > user.lowerBound {
                let tail = plus..<user.upperBound
                // `base+` is asked for only where something follows the plus, and hands on the tail it was given.
                if tail.count > 1,
                    try expandAlias(user.lowerBound..<(plus + 1), tail: current.tail, domain: domain, current)
                {
                    return
                }
                let base = user.lowerBound..<plus
                if try expandAlias(base, tail: tail, domain: domain, current) { return }
                exists = try accountExists(base)
            }
        }
        if text.starts(user, with: "uid#") {
            var template = Node(address: .empty, origin: current.origin)
            template.domain = domain
            template.privilege = current.privilege
            return try expand(
                to: [Array("postmaster".utf8)], readAs: .postmaster, like: template, of: current.node)
        }
        // Asked for again it is split anew, and comes to the same.
        let end = Answer.EndPlace.localUser(joined(name, current.tail), domain: domain)
        guard exists || rules.anyLocalUserExists else {
            let unknown = joined(user, current.tail, domain)
            return try add(
                channel: text.append("error"), host: text.append("nosuchuser"), user: unknown, end: end, current)
        }
        let kept = rules.localUserKeepsDomain ? domain : .empty
        if current.isUnquoted, kept.isEmpty, current.address == current.origin,
            user.contains(where: { needsQuotes(text[$0]) })
        {
            return try addQuoted(user, current)
        }
        try addUser(joined(user, current.tail, kept), end: end, current)
    }

    private mutating func addUser(
        _ user: TextRange, end: Answer.EndPlace, _ current: WorkingAddress
    ) throws(ResolutionFailure) {
        try add(channel: text.append("local"), host: current.origin, user: user, end: end, current)
    }

    /// A quoted string by itself loses its quotes, but for a name with blanks that nothing was added to.
    private mutating func addQuoted(_ user: TextRange, _ current: WorkingAddress) throws(ResolutionFailure) {
        let host = text.append(QuotedString.quoted(text[current.origin]))
        let quoted = text.append(QuotedString.quoted(text[user]))
        try add(
            channel: text.append("local"), host: host, user: quoted, end: .localUser(quoted, domain: .empty), current)
    }

    private mutating func accountExists(_ user: TextRange) throws(ResolutionFailure) -> Bool {
        guard !rules.anyLocalUserExists else { return false }
        if try maps.find(.accounts, user, of: &text) != nil { return true }
        // Account names are lower-case; an address need not be.
        let folded = text.lowercase(of: user)
        guard !text.equals(folded, user) else { return false }
        return try maps.find(.accounts, folded, of: &text) != nil
    }

    /// Expands an alias, if there is one and it is not being expanded already.
    private mutating func expandAlias(
        _ name: TextRange, tail: TextRange, domain: TextRange, _ current: WorkingAddress
    ) throws(ResolutionFailure) -> Bool {
        guard let hit = try maps.find(.aliases, name, of: &text) else { return false }
        guard !expansion.isExpanding(.aliases, hit.key, at: current.node, in: text) else {
            trace?.record(.deviation(.duplicate, "this key of aliases is already being expanded: passed over"))
            return false
        }
        var template = Node(address: .empty, origin: current.origin)
        template.tail = tail
        template.domain = domain
        template.privilege = hit.privilege
        template.isTrusted = current.isTrusted || !handsOn(hit.value)
        template.key = ExpandedKey(relation: .aliases, key: hit.key)
        let value = try value(of: hit, in: .aliases, growingAtMost: mostSubstitutedInList)
        try expand(value: value, like: template, of: current.node)
        return true
    }

    /// Whether a name, in quotes or not, is that of a command or a file.
    func namesCommandOrFile(_ name: TextRange) -> Bool {
        let first = text.first(text.dropping("\"", from: name) ?? name)
        return first == UInt8(ascii: "|") || first == UInt8(ascii: "/")
    }

    /// Whether a name, in quotes or not, is that of a file with addresses.
    func namesInclude(_ name: TextRange) -> Bool {
        text.starts(text.dropping("\"", from: name) ?? name, with: ":include:")
    }

    /// Whether a value has places for what was asked for: what a submitter typed stays his where it hands that on.
    func handsOn(_ value: TextRange) -> Bool { text.firstIndex(of: UInt8(ascii: "%"), in: value) != nil }
}

/// Whether a byte keeps a local name in its quotes.
private func needsQuotes(_ byte: UInt8) -> Bool {
    ASCII.isBlank(byte) || byte == UInt8(ascii: "\"")
}

// Tails (SEMANTICS 3): `user+tail` and `user--tail` are the user `user` with the tail `+tail`.

/// Where a local part divides into a base and a tail.
///
/// The last `--` counts as a `+`; then the first `+` divides. The base has at least one byte.
struct TailSplit {
    /// Where the base ends.
    let baseEnd: Int
    /// Where the `--` stands that counts as a `+`.
    private let dashes: Int?

    /// Divides a user.
    ///
    /// - Returns: nil if there is no tail, or no base before it; a quoted string is never divided.
    init?(_ user: TextRange, of text: borrowing TextArena) {
        guard let first = text.first(user), first != UInt8(ascii: "\"") else { return nil }
        // Most users have neither of the two.
        guard let sign = text.firstIndex(of: UInt8(ascii: "+"), or: UInt8(ascii: "-"), in: user) else { return nil }
        let plus = text.firstIndex(of: UInt8(ascii: "+"), in: sign..<user.upperBound)
        let dashes = text.lastPair(of: UInt8(ascii: "-"), in: user.dropFirst())
        guard plus != nil || dashes != nil, plus != user.lowerBound else { return nil }
        baseEnd = min(plus ?? user.upperBound, dashes ?? user.upperBound)
        self.dashes = dashes
    }

    /// The tail, with its `+`, of a user that is divided as this one was, at most in another case.
    func tail(of user: TextRange, dividedLike other: TextRange, in text: inout TextArena) -> TextRange {
        let distance = user.lowerBound - other.lowerBound
        guard let dashes else { return (baseEnd + distance)..<user.upperBound }
        let start = text.end
        text.append(copyOf: (baseEnd + distance)..<(dashes + distance))
        text.append(UInt8(ascii: "+"))
        text.append(copyOf: (dashes + distance + 2)..<user.upperBound)
        return start..<text.end
    }

    /// A name with its last `--` as a `+`, as the local part step reads it: nothing stays before the first byte.
    static func replacingDashes(in name: TextRange, of text: inout TextArena) -> TextRange {
        guard let dashes = text.lastPair(of: UInt8(ascii: "-"), in: name.dropFirst()) else { return name }
        let start = text.end
        text.append(copyOf: name.lowerBound..<dashes)
        text.append(UInt8(ascii: "+"))
        text.append(copyOf: (dashes + 2)..<name.upperBound)
        return start..<text.end
    }
}
