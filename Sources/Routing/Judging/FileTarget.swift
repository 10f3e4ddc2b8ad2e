// Judges members of lists that look like files (SEMANTICS 4, 8): only a path from the root on, without quotes, is one.

import Bytes
import Configuration
import Maps

/// The looks at members that look like files and are something else.
enum FileTarget {
    /// A member that is the name of a user, although it looks like a file, or an included file without its whole path.
    static func fault(ofMember member: [UInt8]) -> EntryFault? {
        let text = String(decoding: member, as: UTF8.self)
        let isQuoted = member.first == UInt8(ascii: "\"") && member.last == UInt8(ascii: "\"") && member.count > 2
        let bare = isQuoted ? Array(member.dropFirst().dropLast()) : member
        if bare.starts(with: ":include:".utf8) {
            guard bare.dropFirst(":include:".utf8.count).first != UInt8(ascii: "/") else { return nil }
            return EntryFault(
                .valueIsNoList,
                "'\(text)' names no file from the root on, and all mail for it would be held; write :include:/path")
        }
        if isQuoted, isAddress(bare) {
            return EntryFault(
                .quotedAddress,
                "'\(text)' is the name of a local user; write \(String(decoding: bare, as: UTF8.self)) without the quotes",
                severity: .warning)
        }
        if !isQuoted, bare.first == UInt8(ascii: "/"), isMisspeltNull(bare) {
            return EntryFault(
                .pathAsName, "'\(text)' is a file, and mail is delivered to none; to discard mail write /dev/null",
                severity: .warning)
        }
        guard bare.contains(UInt8(ascii: "/")), !bare.contains(UInt8(ascii: "@")), looksLikePath(bare, isQuoted) else {
            return nil
        }
        return EntryFault(
            .pathAsName, "'\(text)' is the name of a user, and no file; \(remedy(bare))", severity: .warning)
    }

    /// A word that no list has, because it is the path of a file in a form of another kind.
    static func fault(ofUnreadableWord word: [UInt8]) -> EntryFault? {
        let text = String(decoding: word, as: UTF8.self)
        if text.lowercased().utf8.starts(with: ":include:".utf8) || text.lowercased().utf8.starts(with: "include:".utf8)
        {
            return EntryFault(
                .valueIsNoList,
                "'\(text)' names no file, and mail for it would go to root; write :include:/path, or \":include:/path\" where "
                    + "the path has a blank")
        }
        let isPath = word.starts(with: "./".utf8) || word.starts(with: "../".utf8)
        guard isPath || (DiscardHabit.isOne(word) && word.contains(UInt8(ascii: "/")) && word != Self.null) else {
            return nil
        }
        return EntryFault(
            .valueIsNoList,
            "'\(text)' is neither an address nor a file, and mail for it would go to root; \(remedy(word))")
    }

    private static let null = Array("/dev/null".utf8)

    /// `/dev/null` in other letters, or with a letter or a slash too many or too few.
    private static func isMisspeltNull(_ path: [UInt8]) -> Bool {
        let name = path.map(ASCII.lowercase).filter { $0 != UInt8(ascii: "/") }
        return path != null && ["devnull", "devnul", "devnulll"].contains { name.elementsEqual($0.utf8) }
    }

    /// `user@domain`, as far as quotes hold one.
    private static func isAddress(_ bare: [UInt8]) -> Bool {
        guard let at = bare.lastIndex(of: UInt8(ascii: "@")), at > 0, !bare.contains(where: ASCII.isBlank) else {
            return false
        }
        return bare.first != UInt8(ascii: "|") && DomainJudge.isDomain(Array(bare[(at + 1)...]))
    }

    private static func looksLikePath(_ bare: [UInt8], _ isQuoted: Bool) -> Bool {
        guard let first = bare.first else { return false }
        // A command or a file of ZMailer's own.
        if first == UInt8(ascii: "|") { return false }
        guard first == UInt8(ascii: "/") else { return !bare.contains(UInt8(ascii: "=")) }
        return isQuoted
    }

    private static func remedy(_ path: [UInt8]) -> String {
        DiscardHabit.isOne(path)
            ? "to discard mail write /dev/null, without quotes"
            : "write an address: mail is delivered to no file, but for /dev/null, which discards it"
    }
}

/// What other mailers write to discard mail.
enum DiscardHabit {
    private static let words = ["bitbucket", "discard", "discard:", "blackhole", "devnull", "null", "nul", "trash"].map
    {
        Array($0.utf8)
    }

    /// Whether a value means to discard mail: `/dev/null` in whatever spelling, `:blackhole:` and others.
    static func isOne(_ value: [UInt8]) -> Bool {
        var bare = value.map(ASCII.lowercase).filter { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'") }
        while let last = bare.last, ASCII.isBlank(last) { bare.removeLast() }
        if bare.first == UInt8(ascii: ":"), bare.last == UInt8(ascii: ":"), bare.count > 2 {
            bare = Array(bare.dropFirst().dropLast())
        }
        return bare.reversed().starts(with: "dev/null".utf8.reversed()) || words.contains(bare)
    }
}
