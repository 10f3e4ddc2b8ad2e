// What a route says of its recipient before any server is asked, and in which words one is refused: the one rule for queue
// files, direct delivery and other mailers' questions.

import Bytes
package import MailSyntax

/// What becomes of a recipient by the channel and user of its route.
package enum RouteVerdict: Sendable, Hashable {
    /// It is not known now.
    case deferred
    /// Discarded, as an administrator's `bitbucket` route or alias `/dev/null` says: it counts as delivered.
    case discarded
    /// Refused for good by channel `error`.
    case refused
    /// Refused for good, because a command, a file or an include is named.
    case refusedLocalForm
    /// A server has it; which one is for ``DeliveryPlan`` to say.
    case delivers

    /// The verdict on a route, its fields without the quotes that a control file puts around some.
    package init(channel: Span<UInt8>, user: Span<UInt8>) {
        if channel.isEqual(to: "hold") {
            self = .deferred
        } else if channel.isEqual(to: "error") {
            self = .refused
        } else if channel.isEqual(to: "bitbucket") {
            self = .discarded
        } else if !channel.isEqual(to: "local") {
            self = .delivers
        } else if user.isEqual(to: "/dev/null") {
            self = .discarded
        } else {
            self = Self.namesLocalForm(user) ? .refusedLocalForm : .delivers
        }
    }

    /// Whether a local route names a command (`|command`), a file (`/file`) or an include.
    ///
    /// Only the user says it: a host that begins with `pipe.` or `file.` may as well be the address of somebody called so.
    private static func namesLocalForm(_ user: Span<UInt8>) -> Bool {
        var place = 0
        while place < user.count, user[place] == UInt8(ascii: "\"") { place += 1 }
        guard place < user.count else { return false }
        return user[place] == UInt8(ascii: "|") || user[place] == UInt8(ascii: "/")
            || user.extracting(place...).begins(with: ":include:")
    }
}

/// Why a recipient is refused, in words for its sender.
package struct RouteRefusal: Sendable, Hashable {
    /// The status (RFC 3463), of class 5.
    package let code: EnhancedStatusCode
    /// The reason: the map's own text where it has one.
    package let text: String
    /// Whether the address that is refused belongs behind the text: not where the map says all.
    package let wantsAddress: Bool

    /// The refusal of a command, a file or an include.
    package static let localForm = RouteRefusal(
        code: EnhancedStatusCode(5, 3, 3),
        text: "delivery to programs and files is not done here: no command is run and no file appended to",
        wantsAddress: false)

    private init(code: EnhancedStatusCode, text: String, wantsAddress: Bool) {
        self.code = code
        self.text = text
        self.wantsAddress = wantsAddress
    }

    /// What an `error` route says: `error!KIND!text` or `error!KIND!address`, where the kind may carry a text of its own
    /// (`nosuchuser!No such mailbox`).
    package init(host: [UInt8], user: [UInt8]) {
        let parts = host.split(separator: UInt8(ascii: "!"), maxSplits: 1)
        let kind = parts.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let (code, usual) = Self.meaning(of: kind)
        self.code = code
        // The router's own kinds have no text: what stands there is an address, whatever is in it.
        let isText =
            user.contains(ASCII.space) && !["syntax", "expansionlimit"].contains(kind.lowercased())
            && !LocalPart.isQuotedAddress(user.span)
        wantsAddress = parts.count == 2 || !isText
        text = parts.count == 2 ? printable(parts[1]) : isText ? printable(user) : usual
    }

    private static func meaning(of kind: String) -> (EnhancedStatusCode, String) {
        switch kind.lowercased() {
        case "nosuchuser": (EnhancedStatusCode(5, 1, 1), "no such user")
        case "nosuchhost", "nohost", "unresolvable": (EnhancedStatusCode(5, 1, 2), "no such host")
        case "syntax": (EnhancedStatusCode(5, 1, 3), "not a valid address")
        case "expansionlimit": (EnhancedStatusCode(5, 4, 6), "the address expands to too many others, or without end")
        case "expired": (EnhancedStatusCode(5, 4, 7), "expired")
        default: (EnhancedStatusCode(5, 0, 0), kind.isEmpty ? "undeliverable" : printable(kind.utf8))
        }
    }
}
