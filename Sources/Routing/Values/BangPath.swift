// Any address as a path of `!` (RFC 976), which the values of routesdb need in two rare places.

import MailAddress

/// UUCP paths.
enum BangPath {
    /// `a!b!user` for an address: source routes, `@` and `%` all become `!`, the nearest host first.
    static func of(_ address: [UInt8]) -> [UInt8] {
        var route: [UInt8] = []
        var mailbox = address[...]
        if mailbox.first == UInt8(ascii: "@"), let colon = mailbox.firstIndex(of: UInt8(ascii: ":")) {
            let hosts = mailbox[..<colon].split { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: ",") }
            for host in hosts { route += host + [UInt8(ascii: "!")] }
            mailbox = mailbox[(colon + 1)...]
        }
        guard let at = mailbox.lastIndex(of: UInt8(ascii: "@")) else { return route + mailbox }
        route += mailbox[(at + 1)...] + [UInt8(ascii: "!")]
        var local = mailbox[..<at]
        while let percent = local.lastIndex(of: UInt8(ascii: "%")), local.first != UInt8(ascii: "\"") {
            route += local[(percent + 1)...] + [UInt8(ascii: "!")]
            local = local[..<percent]
        }
        return route + local
    }
}
