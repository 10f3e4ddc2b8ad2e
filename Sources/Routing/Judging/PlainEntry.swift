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
    private let substitutes: Bool
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
        self.substitutes = substitutes && relation == .fqdnroutes
    }

    /// Whether an entry is of the shape.
    func contains(key: Span<UInt8>, value: Span<UInt8>) -> Bool {
        guard isPlainKey(key) else { return false }
        switch values {
        case .list: return isPlainAddress(value)
        case .route: return isPlainRoute(value)
        case .canonicalName: return value.isEmpty
        }
    }

    /// `user@domain`, `@domain`, `domain`, `.domain` or a name, in lower case.
    private func isPlainKey(_ key: Span<UInt8>) -> Bool {
        let count = key.count
        // Labels have a limit, and names a few words before them.
        guard count > 0, count < 64, hasAddresses || hasDomains || !startsWithReal(key) else { return false }
        var atSigns = 0
        var word = 0
        for index in 0..<count {
            let byte = key[index]
            if ordinary.contains(byte) {
                word &+= 1
            } else if byte == UInt8(ascii: ".") {
                guard word > 0 || (index == 0 && hasDomains && count > 1) else { return false }
                word = 0
            } else if byte == UInt8(ascii: "@"), hasAddresses {
                guard word > 0 || index == 0 else { return false }
                atSigns &+= 1
                word = 0
            } else if byte == UInt8(ascii: "+"), atSigns == 0, !hasDomains {
                word &+= 1
            } else {
                return false
            }
        }
        return word > 0 && atSigns == (hasAddresses ? 1 : 0)
    }

    private func startsWithReal(_ key: Span<UInt8>) -> Bool {
        key.count > 5 && key[0] == UInt8(ascii: "r") && key[4] == UInt8(ascii: "-") && key[1] == UInt8(ascii: "e")
            && key[2] == UInt8(ascii: "a") && key[3] == UInt8(ascii: "l")
    }

    /// One mailbox or one name.
    private func isPlainAddress(_ value: Span<UInt8>) -> Bool {
        let count = value.count
        guard count > 0, count < 64 else { return false }
        var atSigns = 0
        var word = 0
        for index in 0..<count {
            let byte = value[index]
            if ordinary.contains(byte) || upper.contains(byte) || byte == UInt8(ascii: "+") {
                word &+= 1
            } else if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "@") {
                guard word > 0 else { return false }
                if byte == UInt8(ascii: "@") { atSigns &+= 1 }
                word = 0
            } else {
                return false
            }
        }
        return word > 0 && atSigns < 2
    }

    /// `channel!host` or `channel!host!user`, with at most one `%N` in the user, behind something else.
    private func isPlainRoute(_ value: Span<UInt8>) -> Bool {
        let count = value.count
        // The channels with a grammar of their own do not begin with s or l, or have other bytes.
        guard count > 2, startsWithKnownChannel(value) else { return false }
        var bangs = 0
        var word = 0
        var percent = -1
        var atSigns = 0
        for index in 0..<count {
            let byte = value[index]
            if ordinary.contains(byte) || upper.contains(byte) {
                word &+= 1
            } else if byte == UInt8(ascii: "."), atSigns == 0 || value[index &- 1] != UInt8(ascii: ".") {
                word &+= 1
            } else if byte == UInt8(ascii: "!"), bangs < 2 {
                guard word > 0 else { return false }
                bangs &+= 1
                word = 0
            } else if byte == UInt8(ascii: "+"), bangs == 2 {
                word &+= 1
            } else if byte == UInt8(ascii: "@"), bangs == 2, word > 0, atSigns == 0, index &+ 1 < count,
                value[index &+ 1] != UInt8(ascii: "."), value[count &- 1] != UInt8(ascii: ".")
            {
                atSigns = 1
                word &+= 1
            } else if byte == UInt8(ascii: "%"), bangs == 2, word > 0, percent < 0, substitutes, index &+ 1 < count,
                value[index &+ 1] == UInt8(ascii: "2")
            {
                percent = index
            } else {
                return false
            }
        }
        return bangs > 0 && word > 0
    }

    private func startsWithKnownChannel(_ value: Span<UInt8>) -> Bool {
        (value[0] == UInt8(ascii: "s") && value[1] == UInt8(ascii: "m"))
            || (value[0] == UInt8(ascii: "l") && value[2] == UInt8(ascii: "c"))
    }
}
