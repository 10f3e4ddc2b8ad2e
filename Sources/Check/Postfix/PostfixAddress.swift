// Addresses as Postfix sees them in tables and in lists of recipients.

import Bytes

/// A recipient's address: any local part, and a domain in lower case.
struct PostfixAddress: Hashable, Sendable {
    var local: [UInt8]
    let domain: [UInt8]

    init(_ local: [UInt8], _ domain: [UInt8]) { (self.local, self.domain) = (local, domain.lowercased) }

    /// Reads `local@domain`; nil for what has not both.
    init?(_ text: [UInt8]) {
        guard let at = text.lastIndex(of: UInt8(ascii: "@")), at > 0, at + 1 < text.count else { return nil }
        self.init(Array(text[..<at]), Array(text[(at + 1)...]))
    }

    /// `local@domain`.
    var text: [UInt8] { local + [UInt8(ascii: "@")] + domain }
    /// What it is looked up by: letters in lower case.
    var key: [UInt8] { text.lowercased }
    /// What it is looked up by, as an address.
    var folded: PostfixAddress { PostfixAddress(local.lowercased, domain) }

    /// The same address with something at the end of its local part.
    func adding(_ rest: [UInt8]) -> PostfixAddress { PostfixAddress(local + rest, domain) }

    /// Whether it can stand in our maps and lists without quotes, and is taken there for nothing but an address.
    var isPlain: Bool { Self.isPlainLocalPart(local) && Self.isPlainDomain(domain) }

    private static let localSpecials = ByteSet(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-_=~&'/?^$#{}")
    private static let firstSpecials = ByteSet("#'/=")

    /// Whether a local part is a dot-atom without what leads elsewhere (`%`, `!`) or means more than itself.
    static func isPlainLocalPart(_ text: [UInt8]) -> Bool {
        guard let first = text.first, let last = text.last, first != ASCII.dot, last != ASCII.dot,
            !firstSpecials.contains(first), String(validating: text, as: UTF8.self) != nil
        else { return false }
        return !zip(text, text.dropFirst()).contains { $0 == ASCII.dot && $1 == ASCII.dot }
            && text.allSatisfy { $0 >= 0x80 || localSpecials.contains($0) }
    }

    private static let domainCharacters = ByteSet("0123456789abcdefghijklmnopqrstuvwxyz.-_")

    static func isPlainDomain(_ text: [UInt8]) -> Bool {
        guard let first = text.first, let last = text.last, first != ASCII.dot, last != ASCII.dot,
            String(validating: text, as: UTF8.self) != nil
        else { return false }
        return !zip(text, text.dropFirst()).contains { $0 == ASCII.dot && $1 == ASCII.dot }
            && text.allSatisfy { $0 >= 0x80 || domainCharacters.contains($0) }
    }
}

/// A member of a list in a table of aliases.
enum ListedRecipient: Hashable, Sendable {
    /// `local@domain`.
    case address(PostfixAddress)
    /// A name without a domain.
    case name([UInt8])
    /// `@domain`: the same user there.
    case domain([UInt8])
    /// `|command`, `/file`, `:include:/path`, `:fail: text` and their like.
    case other([UInt8])
}

/// Reads lists of recipients.
struct RecipientList {
    /// Whether blanks separate members, as commas do (Postfix, but not Exim).
    var blanksSeparate = true

    /// The members of a list, comments and the phrases before `<...>` left out.
    func members(of value: [UInt8]) -> [ListedRecipient] { words(of: value).compactMap(Self.member) }

    private static func member(_ word: (text: [UInt8], isQuoted: Bool)) -> ListedRecipient? {
        guard let first = word.text.first else { return nil }
        if first == UInt8(ascii: "|") || first == UInt8(ascii: "/") || first == UInt8(ascii: ":") {
            // An address may begin with a slash, as those of X.400 gateways do.
            if first == UInt8(ascii: "/"), let address = PostfixAddress(word.text) { return .address(address) }
            return .other(word.text)
        }
        if first == UInt8(ascii: "@"), word.text.count > 1, !word.text.contains(UInt8(ascii: ":")) {
            return .domain(Array(word.text.dropFirst()).lowercased)
        }
        return PostfixAddress(word.text).map { .address($0) } ?? .name(word.text)
    }

    private func words(of value: [UInt8]) -> [(text: [UInt8], isQuoted: Bool)] {
        var words: [(text: [UInt8], isQuoted: Bool)] = []
        /// Where the words of the member at hand begin: those before `<` are a phrase.
        var start = 0
        var word: [UInt8] = []
        var isQuoted = false, isOpen = false, comment = 0
        func end() {
            guard !word.isEmpty || isQuoted else { return }
            // Quotes around a local part that needs them not, or around all of a member, are no part of it.
            words.append((word, isQuoted))
            (word, isQuoted) = ([], false)
        }
        var position = 0
        while position < value.count {
            let byte = value[position]
            position += 1
            if isOpen {
                if byte == UInt8(ascii: "\\"), position < value.count {
                    word.append(value[position])
                    position += 1
                } else if byte == UInt8(ascii: "\"") {
                    isOpen = false
                } else {
                    word.append(byte)
                }
                continue
            }
            if comment > 0 {
                comment += byte == UInt8(ascii: "(") ? 1 : byte == UInt8(ascii: ")") ? -1 : 0
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                (isOpen, isQuoted) = (true, true)
            case UInt8(ascii: "("):
                comment = 1
            case UInt8(ascii: ","):
                end()
                start = words.count
            case UInt8(ascii: "<"):
                (word, isQuoted) = ([], false)
                words.removeSubrange(start...)
            case UInt8(ascii: ">"):
                end()
                start = words.count
            case UInt8(ascii: "\\") where position < value.count:
                word.append(value[position])
                position += 1
            case _ where ASCII.isBlank(byte) || byte == ASCII.lineFeed || byte == ASCII.carriageReturn:
                if blanksSeparate || word.isEmpty { end() } else { word.append(ASCII.space) }
            default:
                word.append(byte)
            }
        }
        while !blanksSeparate, word.last == ASCII.space { word.removeLast() }
        end()
        return words.map { word in
            var text = word.text
            while !word.isQuoted, text.last == ASCII.space { text.removeLast() }
            return (text, word.isQuoted)
        }
    }
}
