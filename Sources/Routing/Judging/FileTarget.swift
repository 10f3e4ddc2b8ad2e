// Judges members of lists that look like files (SEMANTICS 4, 8): only a path from the root on, without quotes, is one.

import Configuration
import MailAddress
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
        guard bare.contains(UInt8(ascii: "/")), !bare.contains(UInt8(ascii: "@")), looksLikePath(bare, isQuoted) else {
            return nil
        }
        return EntryFault(
            .pathAsName, "'\(text)' is the name of a user, and no file; \(remedy(bare))", severity: .warning)
    }

    /// A word that no list has, because it is the path of a file from the present directory on.
    static func fault(ofUnreadableWord word: [UInt8]) -> EntryFault? {
        guard word.starts(with: "./".utf8) || word.starts(with: "../".utf8) else { return nil }
        let text = String(decoding: word, as: UTF8.self)
        return EntryFault(
            .valueIsNoList,
            "'\(text)' is neither an address nor a file, and mail for it would go to root; \(remedy(word))")
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
