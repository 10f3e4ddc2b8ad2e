// Judges names of mailboxes, the users of routes, and what other mailers have in place of `%1`.

import Bytes

/// The looks at names of mailboxes.
enum MailboxName {
    /// Whether a route's user can be a mailbox's name, as far as its `@` and domain tell.
    static func canBe(_ user: [UInt8]) -> Bool {
        let at = UInt8(ascii: "@")
        // Quoted names and source routes have a grammar of their own.
        guard user.contains(at), !user.contains(UInt8(ascii: "\"")), !user.contains(UInt8(ascii: ":")),
            let offset = user.firstIndex(of: at)
        else { return true }
        let domain = Array(user[(offset + 1)...])
        return offset > 0 && (domain.first == UInt8(ascii: "[") || DomainJudge.isDomain(domain))
    }
}

extension Placeholders {
    /// Whether a text has what stands for parts of an address in other mailers: `*` alone or before the `@`, `$1`, `\\1`,
    /// `%u`, `%{user}`.
    static func isForeign(in text: [UInt8]) -> Bool {
        if text == [UInt8(ascii: "*")] || text.starts(with: "*@".utf8) { return true }
        for (index, byte) in text.enumerated() where index + 1 < text.count {
            let next = text[index + 1]
            switch byte {
            case UInt8(ascii: "$"), UInt8(ascii: "\\"):
                if ASCII.isDigit(next) || (byte == UInt8(ascii: "$") && next == UInt8(ascii: "{")) { return true }
            case UInt8(ascii: "%"):
                if next == UInt8(ascii: "{") { return true }
                // Alone: `user%unix` is an address of the old kind.
                let isLast = index + 2 == text.count || text[index + 2] == UInt8(ascii: "@")
                if isLast, "udnls".utf8.contains(next) { return true }
            default: break
            }
        }
        return false
    }
}
