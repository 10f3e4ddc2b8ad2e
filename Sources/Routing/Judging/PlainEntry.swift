// The entries that nearly every map is made of: seen to be right in one pass over their bytes, so that a million of them
// cost no time worth mentioning. Whatever is not of this shape, right or wrong, is for the judges proper.

import Bytes

/// The shape of entries that need no judging.
struct PlainEntry: Sendable {
    private enum Values {
        case list
        case route
        case canonicalName
    }

    private let values: Values
    private let hasAddresses: Bool
    private let hasDomains: Bool
    /// Whether `%2` is the tail.
    private let givesTail: Bool
    /// Whether `%1` is the user.
    private let givesUser: Bool
    /// Domains have a limit of 255 bytes; what is longer is rare, and looked at with care.
    private static let longest = 250
    /// Lower-case letters, digits and what else stands in names without a meaning of its own.
    private let ordinary = ByteSet("abcdefghijklmnopqrstuvwxyz0123456789_-")
    private let upper = ByteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

    init(_ relation: RelationName, substitutes: Bool) {
        switch relation {
        case .fqdnroutes, .routesdb: values = .route
        case .thishost: values = .canonicalName
        case .aliases, .fqdnaliases, .accounts, .include: values = .list
        }
        hasAddresses = relation == .fqdnaliases || relation == .fqdnroutes
        hasDomains = relation == .routesdb || relation == .thishost
        givesTail = substitutes && relation == .fqdnroutes
        givesUser = substitutes && relation == .fqdnaliases
    }

    /// Whether an entry is of the shape.
    func contains(key: Span<UInt8>, value: Span<UInt8>) -> Bool {
        guard isPlainKey(key) else { return false }
        switch values {
        case .list: return isPlainList(value)
        case .route: return isPlainRoute(value)
        case .canonicalName: return value.isEmpty || isPlainDomain(value)
        }
    }

    /// `user@domain`, `@domain`, `domain`, `.domain` or a name, in lower case.
    private func isPlainKey(_ key: Span<UInt8>) -> Bool {
        let count = key.count
        guard count > 0, count < Self.longest, hasAddresses || hasDomains || !startsWithReal(key) else { return false }
        var atSigns = 0
        // Names before the @ may have any length, labels of domains not.
        let longestLabel = 63
        var isDomain = hasDomains
        var word = 0
        for index in 0..<count {
            let byte = key[index]
            if ordinary.contains(byte) {
                word &+= 1
                if isDomain, word > longestLabel { return false }
            } else if byte == UInt8(ascii: ".") {
                guard word > 0 || (index == 0 && hasDomains && count > 1) else { return false }
                word = 0
            } else if byte == UInt8(ascii: "@"), hasAddresses {
                guard word > 0 || index == 0 else { return false }
                atSigns &+= 1
                isDomain = true
                word = 0
            } else if byte == UInt8(ascii: "+"), !isDomain {
                word &+= 1
            } else {
                return false
            }
        }
        return word > 0 && atSigns == (hasAddresses ? 1 : 0)
    }

    private func startsWithReal(_ key: Span<UInt8>) -> Bool { key.count > 5 && starts(key, "real-") }

    /// Mailboxes and names, with commas between them.
    private func isPlainList(_ value: Span<UInt8>) -> Bool {
        let count = value.count
        guard count > 0, count < Self.longest else { return false }
        var atSigns = 0
        var word = 0
        var isFirst = true
        var index = 0
        while index < count {
            let byte = value[index]
            index &+= 1
            if ordinary.contains(byte) || upper.contains(byte) || (byte == UInt8(ascii: "+") && atSigns == 0) {
                // A sign alone is no name.
                guard !isFirst || byte >= UInt8(ascii: "0"), byte != UInt8(ascii: "_") || !isFirst else { return false }
                isFirst = false
                word &+= 1
                if word > 63 { return false }
            } else if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "@") {
                guard word > 0 else { return false }
                if byte == UInt8(ascii: "@") { atSigns &+= 1 }
                word = 0
            } else if byte == UInt8(ascii: ",") {
                guard word > 0, atSigns < 2 else { return false }
                word = 0
                atSigns = 0
                isFirst = true
                while index < count, value[index] == UInt8(ascii: " ") { index &+= 1 }
            } else if byte == UInt8(ascii: "%"), givesUser, word == 0, atSigns == 0, index &+ 1 < count,
                value[index] == UInt8(ascii: "1"), value[index &+ 1] == UInt8(ascii: "@")
            {
                index &+= 1
                isFirst = false
                word = 1
            } else {
                return false
            }
        }
        return word > 0 && atSigns < 2
    }

    /// `channel!`, `channel!host` or `channel!host!user`, with at most one `%2` in the user, behind something else.
    private func isPlainRoute(_ value: Span<UInt8>) -> Bool {
        let count = value.count
        guard count > 2, count < Self.longest, (value[0] | 0x20) &- UInt8(ascii: "a") < 26, !hasOwnGrammar(value) else {
            return false
        }
        var bangs = 0
        var word = 0
        var hasPercent = false
        var atSigns = 0
        var index = 0
        while index < count {
            let byte = value[index]
            index &+= 1
            if ordinary.contains(byte) {
                word &+= 1
                if word > 63, bangs < 2 || atSigns > 0 { return false }
            } else if upper.contains(byte) {
                // A channel's name in capitals may be meant for another.
                guard bangs > 0 else { return false }
                word &+= 1
            } else if byte == UInt8(ascii: ".") {
                guard word > 0 else { return false }
                // Dots of a mailbox's name may stand anywhere.
                if bangs < 2 || atSigns > 0 { word = 0 }
            } else if byte == UInt8(ascii: "!"), bangs < 2 {
                guard word > 0 || (bangs == 1 && index > 1 && value[index &- 2] == UInt8(ascii: ".")) else {
                    return false
                }
                bangs &+= 1
                word = 0
                if index == count { return bangs == 1 }
            } else if byte == UInt8(ascii: "+"), bangs == 2, atSigns == 0 {
                word &+= 1
            } else if byte == UInt8(ascii: "@"), bangs == 2, word > 0, atSigns == 0 {
                atSigns = 1
                word = 0
            } else if byte == UInt8(ascii: "%"), bangs == 2, word > 0, !hasPercent, atSigns == 0, givesTail,
                index < count, value[index] == UInt8(ascii: "2")
            {
                hasPercent = true
                index &+= 1
            } else {
                return false
            }
        }
        return bangs > 0 && word > 0
    }

    /// Whether a value may begin with a channel whose values have a grammar of their own, or with a word of ZMailer's.
    private func hasOwnGrammar(_ value: Span<UInt8>) -> Bool {
        starts(value, "lotusgw!") || starts(value, "bsmtp3") || starts(value, "defrt1") || starts(value, "delay!")
            || starts(value, "ignore!")
    }

    /// A domain of two labels or more.
    private func isPlainDomain(_ value: Span<UInt8>) -> Bool {
        guard value.count < Self.longest else { return false }
        var dots = 0
        var word = 0
        for index in value.indices {
            let byte = value[index]
            if ordinary.contains(byte) || upper.contains(byte) {
                word &+= 1
                if word > 63 { return false }
            } else if byte == UInt8(ascii: "."), word > 0 {
                dots &+= 1
                word = 0
            } else {
                return false
            }
        }
        return dots > 0 && word > 0
    }

    private func starts(_ text: Span<UInt8>, _ beginning: StaticString) -> Bool {
        let count = beginning.utf8CodeUnitCount
        guard text.count >= count else { return false }
        return beginning.withUTF8Buffer { buffer in
            for index in 0..<count where unsafe buffer[index] != text[index] { return false }
            return true
        }
    }
}
