// What nobody may name who may only submit mail: a command, a file, a list on disk; and a channel, which nobody may.

import Routing
import Testing

@Suite struct TrustTests {
    static let site = MemorySite([
        "thishost": ["here.example": ""],
        "fqdnaliases": [
            "@hand.example": "%1@here.example", "pipe@a.example": "\"|/bin/report\"",
            "@slash.example": "/%1",
        ],
        "fqdnroutes": [
            "@user.example": "local!-!%1", "@box.example": "smtp-lmtp!store!%1", "log@f.example": "local!-!/var/log/x",
        ],
        "aliases": ["backup": "|/bin/backup"],
        "routesdb": ["host.example": "local!-", "again.example": "here.example!"],
    ])

    static var submitted: Resolver.Request {
        var request = Resolver.Request()
        request.isSubmitted = true
        return request
    }

    static let forbidden = [
        "|/bin/sh", "\"|/bin/sh -c x\"", "/etc/passwd", "\"/etc/pass wd\"", ":include:/etc/passwd", "/dev/null",
        "|/bin/sh@here.example", "\"|/bin/sh\"@here.example", "/etc/passwd@here.example", "real-/etc/passwd",
        "/etc/passwd@hand.example", "|/bin/sh@hand.example", "\"|/bin/sh\"@hand.example",
        "\\/etc/passwd", "\"\\/etc/passwd\"", "\"\\|/bin/sh\"@here.example",
        "\":include:/etc/passwd\"", "\":include:/etc/passwd\"@here.example", "\"\\:include:/etc/passwd\"",
        "\"real-:include:/etc/passwd\"", "\"real-|/bin/sh\"", "\":include:/etc/passwd\"@hand.example",
        "/etc/passwd%here.example", "here.example!/etc/passwd", "@here.example:/etc/passwd@here.example",
        "@here.example:\"|/bin/sh\"@here.example", "/etc/passwd+tail@here.example",
        "/etc/passwd@user.example", "|/bin/sh@user.example", "\"|/bin/sh\"@user.example",
        "\":include:/etc/passwd\"@user.example", "etc@slash.example",
    ]

    @Test(arguments: forbidden)
    func nameNoCommandAndNoFile(address: String) throws {
        #expect(try Self.site.routes(address, Self.submitted) == ["error!syntax!\(address)"])
    }

    @Test(arguments: ["/a/b", "|x", "\":include:/x\""])
    func reachStoresThatHaveSuchNames(user: String) throws {
        #expect(try Self.site.routes("\(user)@box.example", Self.submitted) == ["smtp-lmtp!store!\(user)"])
    }

    @Test(arguments: [
        ("pipe@a.example", "local!pipe.pipe@a.example!\"|/bin/report\""),
        ("backup", "local!pipe.backup!|/bin/backup"), ("log@f.example", "local!-!/var/log/x"),
    ])
    func reachWhatTheAdministratorWroteIntoAMap(address: String, route: String) throws {
        #expect(try Self.site.routes(address, Self.submitted) == [route])
    }

    /// Whoever asks the engine itself may: an administrator with route-test.
    @Test(arguments: [
        ("|/bin/sh", "local!pipe.|/bin/sh!|/bin/sh"), ("/etc/x@user.example", "local!-!/etc/x"),
        ("\":include:/x\"@here.example", "local!\":include:/x\"@here.example!\":include:/x\""),
    ])
    func areNotThoseWhoAskRouteTest(address: String, route: String) throws {
        #expect(try Self.site.routes(address) == [route])
    }

    @Test(arguments: [
        "@[local]:u@d.example", "@[192.0.2.3]:u@d.example", "@here.example,@[local]:|x@d.example",
    ])
    func andNobodyElseChooseAChannelUnlessTheSettingAllowsIt(address: String) throws {
        #expect(try Self.site.routes(address) == ["error!syntax!\(address)"])
    }

    @Test func chooseAChannelWhereTheSettingAllowsIt() throws {
        var site = Self.site
        site.settings["allowchannelliteral"] = "1"
        #expect(try site.routes("@[smtp]:u@d.example") == ["smtp!d.example!u@d.example"])
        #expect(try site.routes("@[192.0.2.3]:u@d.example") == ["smtpx![192.0.2.3]!u@d.example"])
    }
}
