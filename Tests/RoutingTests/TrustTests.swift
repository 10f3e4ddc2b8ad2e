// What an outsider may not name: a command, a file, a list on disk, a channel.

import Routing
import Testing

@Suite("Outsiders")
struct TrustTests {
    static let site = MemorySite([
        "thishost": ["here.example": ""],
        "fqdnaliases": ["@hand.example": "%1@here.example", "pipe@a.example": "\"|/bin/report\""],
        "aliases": ["backup": "|/bin/backup"],
    ])

    static var external: Resolver.Request {
        var request = Resolver.Request()
        request.isExternal = true
        return request
    }

    static let forbidden = [
        "|/bin/sh", "\"|/bin/sh -c x\"", "/etc/passwd", "\"/etc/pass wd\"", ":include:/etc/passwd",
        "|/bin/sh@here.example", "\"|/bin/sh\"@here.example", "/etc/passwd@here.example", "real-/etc/passwd",
        "/etc/passwd@hand.example", "|/bin/sh@hand.example", "\"|/bin/sh\"@hand.example",
    ]

    @Test("name no command and no file", arguments: forbidden)
    func external(address: String) throws {
        #expect(try Self.site.routes(address, Self.external) == ["error!syntax!\(address)"])
    }

    @Test(
        "reach what the administrator wrote into a map",
        arguments: [
            ("pipe@a.example", "local!pipe.pipe@a.example!\"|/bin/report\""),
            ("backup", "local!pipe.backup!|/bin/backup"),
        ])
    func maps(address: String, route: String) throws {
        #expect(try Self.site.routes(address, Self.external) == [route])
    }

    @Test(
        "and nobody else choose a channel, unless the setting allows it",
        arguments: [
            "@[local]:u@d.example", "@[192.0.2.3]:u@d.example", "@here.example,@[local]:|x@d.example",
        ])
    func channelLiterals(address: String) throws {
        #expect(try Self.site.routes(address) == ["error!syntax!\(address)"])
    }

    @Test("choose a channel where the setting allows it")
    func allowedChannelLiteral() throws {
        var site = Self.site
        site.rules.allowsChannelLiteral = true
        #expect(try site.routes("@[smtp]:u@d.example") == ["smtp!d.example!u@d.example"])
        #expect(try site.routes("@[192.0.2.3]:u@d.example") == ["smtpx![192.0.2.3]!u@d.example"])
    }
}
