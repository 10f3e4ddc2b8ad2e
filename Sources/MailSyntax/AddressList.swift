// The address list of an alias value or a header (RFC 5322 3.4), as ZMailer reads it (SEMANTICS 8): two bare words are
// two recipients, empty members are passed over, and one fault anywhere makes the whole list void.

public import Bytes

/// Lists of addresses.
public enum AddressList {
    /// The addresses of a list, in order, each in the form in which it is routed.
    ///
    /// - Parameters:
    ///   - includes: whether `:include:/path` and `":include:/path"` name a file with more addresses; such a member is
    ///     `:include:/path` then. Otherwise the first is a fault, and the second a name.
    ///   - limit: the most members.
    /// - Throws: `AddressError` for the first fault; a list without a member is one, and a member beyond the limit, behind
    ///   which nothing is read.
    public static func members(
        of value: Span<UInt8>, includes: Bool = false, atMost limit: Int = .max
    ) throws(AddressError) -> [[UInt8]] {
        // ZMailer takes a line that begins with # for a comment, and then finds nobody to send to.
        guard value.count > 0, value[0] != UInt8(ascii: "#") else { throw AddressError(.emptyMember, at: 0) }
        var parser = ListParser(includes: includes, limit: limit)
        try parser.readList(value)
        guard !parser.members.isEmpty else { throw AddressError(.emptyMember, at: 0) }
        return parser.members
    }

    /// The place of the `@` of a list's only member, where the list is one mailbox without blanks and quotes, as it nearly
    /// always is.
    ///
    /// - Returns: nil for every other list; `members` has to read it.
    public static func onlyMailbox(_ value: Range<Int>, of text: borrowing TextArena) -> Int? {
        guard text.first(value) != UInt8(ascii: "#"), text.firstIndex(of: UInt8(ascii: "%"), in: value) == nil,
            let at = PlainMailbox.atSign(value, of: text)
        else { return nil }
        return value.lowerBound + at
    }
}

private struct ListParser {
    let includes: Bool
    let limit: Int
    var members: [[UInt8]] = []
    var position = 0
    /// The place where the group began that has not ended yet.
    var group: Int?

    init(includes: Bool, limit: Int) {
        self.includes = includes
        self.limit = limit
    }

    mutating func readList(_ value: Span<UInt8>) throws(AddressError) {
        while true {
            // A backslash directly at the start or after a comma is read as a blank.
            if position < value.count, value[position] == UInt8(ascii: "\\") { position += 1 }
            try Syntax.skipBlanksAndComments(value, &position)
            // A member that is empty is none; only the last one must be there.
            if position < value.count, value[position] == UInt8(ascii: ",") {
                position += 1
                continue
            }
            if try !readGroupStart(value) { try readMember(value) }
            try Syntax.skipBlanksAndComments(value, &position)
            if group != nil, position < value.count, value[position] == UInt8(ascii: ";") {
                group = nil
                position += 1
                try Syntax.skipBlanksAndComments(value, &position)
            }
            guard position < value.count else { break }
            guard value[position] == UInt8(ascii: ",") else { throw unexpected(value) }
            position += 1
        }
        if let group { throw AddressError(.unterminated(":"), at: group) }
    }

    /// `name:` before the members of a group.
    ///
    /// - Returns: true if the group that begins here has no member.
    private mutating func readGroupStart(_ value: Span<UInt8>) throws(AddressError) -> Bool {
        let start = position
        guard group == nil else { return false }
        var text: [UInt8] = []
        var words = 0
        while position < value.count, isWordStart(value[position]) {
            _ = try readWord(value, into: &text)
            words += 1
            try Syntax.skipBlanksAndComments(value, &position)
        }
        guard words > 0, position < value.count, value[position] == UInt8(ascii: ":"), !isDoubled(value) else {
            position = start
            return false
        }
        group = start
        position += 1
        try Syntax.skipBlanksAndComments(value, &position)
        return position < value.count && value[position] == UInt8(ascii: ";")
    }

    private mutating func readMember(_ value: Span<UInt8>) throws(AddressError) {
        var words: [(text: [UInt8], wrongDot: Int?)] = []
        let start = position
        while position < value.count {
            let byte = value[position]
            switch byte {
            case UInt8(ascii: "<"):
                return try readAngleAddress(value)
            case UInt8(ascii: "@") where words.isEmpty:
                return try readAddress(value)
            case UInt8(ascii: "@"):
                return try readAddress(value, from: start, behind: words.count)
            case UInt8(ascii: ":") where !words.isEmpty && isDoubled(value):
                return try readAddress(value, from: start, behind: words.count)
            case UInt8(ascii: ":") where words.isEmpty && includes:
                return try readInclude(value)
            case UInt8(ascii: "[") where words.isEmpty:
                return try readLiteral(value)
            default:
                guard isWordStart(byte) else { break }
                var text: [UInt8] = []
                let wrongDot = try readWord(value, into: &text)
                words.append((text, wrongDot))
                try Syntax.skipBlanksAndComments(value, &position)
                continue
            }
            break
        }
        guard !words.isEmpty else {
            let ends = position == value.count || value[position] == UInt8(ascii: ",")
            throw ends ? AddressError(.emptyMember, at: position) : unexpected(value)
        }
        for (text, wrongDot) in words {
            if let wrongDot { throw AddressError(.misplacedDot, at: wrongDot) }
            try add(text, at: start)
        }
    }

    /// An address whose local part, one word, was read already.
    private mutating func readAddress(_ value: Span<UInt8>, from start: Int, behind words: Int) throws(AddressError) {
        guard words == 1 else { throw AddressError(.unexpectedWord, at: start) }
        position = start
        try readAddress(value)
    }

    /// Whether a second colon follows the one here, as in `node::user`.
    private func isDoubled(_ value: Span<UInt8>) -> Bool {
        position + 1 < value.count && value[position + 1] == UInt8(ascii: ":")
    }

    /// `:include:/path`.
    private mutating func readInclude(_ value: Span<UInt8>) throws(AddressError) {
        let start = position
        var parser = MailboxParser()
        parser.position = position
        try parser.readInclude(value)
        position = parser.position
        try append(parser.text, at: start)
    }

    /// `[192.0.2.1]` without anything before it: a name like any other.
    private mutating func readLiteral(_ value: Span<UInt8>) throws(AddressError) {
        let start = position
        var text: [UInt8] = []
        try Syntax.readDomain(value, &position, into: &text)
        try append(text, at: start)
    }

    private func isWordStart(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: ".") || byte >= 0x80
            || (byte > 0x20 && byte != 0x7F && !Syntax.specials.contains(byte))
    }

    /// One quoted string, or atoms with dots between them.
    ///
    /// - Returns: the place of a dot that stands wrong: in a phrase that is fine, in a recipient it is not.
    private mutating func readWord(_ value: Span<UInt8>, into text: inout [UInt8]) throws(AddressError) -> Int? {
        let start = position
        if value[position] == UInt8(ascii: "\"") {
            try Syntax.skipQuotedString(value, &position)
            text.append(from: value, start..<position)
            if position < value.count, isWordStart(value[position]) {
                throw AddressError(.joinedQuotedString, at: position)
            }
            return nil
        }
        var wrongDot: Int?
        var afterDot = true
        while position < value.count, isWordStart(value[position]) {
            let byte = value[position]
            if byte == UInt8(ascii: "\"") { throw AddressError(.joinedQuotedString, at: position) }
            if byte == UInt8(ascii: "."), afterDot, wrongDot == nil { wrongDot = position }
            afterDot = byte == UInt8(ascii: ".")
            try Syntax.skipCharacter(value, &position)
        }
        text.append(from: value, start..<position)
        let isPath = value[start] == UInt8(ascii: "|") || value[start] == UInt8(ascii: "/")
        if afterDot, wrongDot == nil { wrongDot = position - 1 }
        return isPath ? nil : wrongDot
    }

    private mutating func readAngleAddress(_ value: Span<UInt8>) throws(AddressError) {
        let opening = position
        position += 1
        try Syntax.skipBlanksAndComments(value, &position)
        guard position < value.count else { throw AddressError(.unterminated("<"), at: opening) }
        guard value[position] != UInt8(ascii: ">") else { throw AddressError(.empty, at: opening) }
        try readAddress(value)
        try Syntax.skipBlanksAndComments(value, &position)
        guard position < value.count else { throw AddressError(.unterminated("<"), at: opening) }
        guard value[position] == UInt8(ascii: ">") else { throw unexpected(value) }
        position += 1
    }

    /// One address, with the grammar of an envelope but none of its tolerance.
    private mutating func readAddress(_ value: Span<UInt8>) throws(AddressError) {
        let start = position
        var parser = MailboxParser()
        parser.tolerated = ByteSet("")
        parser.position = position
        if value[position] == UInt8(ascii: "@") {
            try parser.readRoute(value)
        } else {
            try parser.readMailbox(value)
        }
        position = parser.position
        let text = parser.form == .quotedLocal ? QuotedString.quoted(parser.text) : parser.text
        guard parser.form != .include else { throw AddressError(.unquotedSpecial(UInt8(ascii: ":")), at: start) }
        try add(text, at: start)
    }

    private mutating func add(_ text: [UInt8], at start: Int) throws(AddressError) {
        var atStart = true
        // What stands in quotes is no word of its own.
        let unquoted =
            text.first == UInt8(ascii: "\"") ? text[(text.lastIndex(of: UInt8(ascii: "\"")) ?? 0)...] : text[...]
        for byte in unquoted {
            if atStart, byte == UInt8(ascii: "%") { throw AddressError(.leadingPercent, at: start) }
            atStart = byte == UInt8(ascii: ".") || byte == UInt8(ascii: "@")
        }
        try append(includes ? Self.include(quotedAs: text) ?? text : text, at: start)
    }

    private mutating func append(_ member: [UInt8], at start: Int) throws(AddressError) {
        guard members.count < limit else { throw AddressError(.tooManyMembers(limit), at: start) }
        members.append(member)
    }

    /// `:include:/path` for `":include:/path"`; nil for everything else.
    private static func include(quotedAs text: [UInt8]) -> [UInt8]? {
        guard text.starts(with: "\":include:".utf8), text.last == UInt8(ascii: "\"") else { return nil }
        return QuotedString.unquoted(text[...])
    }

    private func unexpected(_ value: Span<UInt8>) -> AddressError {
        let byte = value[position]
        if ASCII.isControl(byte) { return AddressError(.controlCharacter, at: position) }
        if Syntax.specials.contains(byte) { return AddressError(.unquotedSpecial(byte), at: position) }
        return AddressError(.unexpectedWord, at: position)
    }
}
