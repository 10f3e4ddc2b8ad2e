// The map alias: what an address expands to.

import LookupProtocols
import Serve
import Testing
import ZRouteTestKit

@Suite struct AliasTests {
    /// A site with every way in which an address becomes others.
    static let maps = [
        "thishost": "here.example\nalso.example here.example",
        "aliases": """
        team: bob, carol@x.example
        carla: carla, copy@x.example
        root: admin@x.example
        postmaster: root
        base: dest
        """,
        "fqdnaliases": """
        first.last@d.example: fg56778
        list@d.example: a@d.example, b@other.example, "u 1"@d.example, "u,2"@d.example
        outer@d.example: list@d.example, outer2@d.example
        outer2@d.example: b@other.example, c@other.example
        self@d.example: self@d.example
        kept@d.example: kept@d.example, b@other.example
        through@d.example: kept@d.example
        loop1@d.example: loop2@d.example
        loop2@d.example: loop1@d.example
        mixed@d.example: b@other.example, gone@d.example
        dead@d.example: gone@d.example
        dead2@d.example: gone@d.example, gone2@d.example
        command@d.example: "|/bin/prog", b@other.example
        program@d.example: "|/bin/prog"
        file@d.example: /var/mail/x, b@other.example
        nothing@d.example: /dev/null
        both@d.example: /dev/null, b@other.example
        torouted@d.example: box@d.example
        tolocal@d.example: team@here.example
        postmaster@d.example: postmaster
        odd@d.example: "a.@b"@other.example
        origin@d.example: bygate@d.example
        @all.example: %1@target.example
        """,
        "fqdnroutes": """
        box@d.example smtp-lmtp!store!cyrus-box%2
        a@d.example smtp-lmtp!store!a
        bygate@d.example smtp-lmtp!store!u-%4
        gone@d.example error!nosuchuser!No such mailbox
        gone2@d.example error!expired
        @catch.example smtp-lmtp!store!catcher
        """,
    ]

    static let answers: [(key: String, answer: String)] = [
        // An address that is its own end.
        ("box@d.example", "NOTFOUND"), ("box+tail@d.example", "NOTFOUND"), ("anybody@far.example", "NOTFOUND"),
        ("fg56778@here.example", "NOTFOUND"), ("fg56778@also.example", "NOTFOUND"), ("user", "NOTFOUND"),
        ("u@catch.example", "NOTFOUND"), ("self@d.example", "NOTFOUND"), ("loop1@d.example", "NOTFOUND"),
        // Case: smtpd folds, cleanup does not.
        ("first.last@d.example", "OK fg56778@here.example"), ("First.Last@D.Example", "OK fg56778@here.example"),
        ("SELF@d.example", "NOTFOUND"), ("Box@D.example", "NOTFOUND"),
        // Tails, also in ZMailer's form.
        ("first.last+tail@d.example", "OK fg56778+tail@here.example"),
        ("first.last--tail@d.example", "OK fg56778+tail@here.example"),
        ("base+t@here.example", "OK dest+t@here.example"), ("base--t@here.example", "OK dest+t@here.example"),
        // Lists, lists in lists, each address once.
        ("team@here.example", "OK bob@here.example,carol@x.example"),
        ("team@also.example", "OK bob@here.example,carol@x.example"), ("team", "OK bob@here.example,carol@x.example"),
        (
            "list@d.example",
            #"OK a@d.example,b@other.example,"u 1"@d.example,"u,2"@d.example"#
        ),
        (
            "outer@d.example",
            #"OK a@d.example,b@other.example,"u 1"@d.example,"u,2"@d.example,c@other.example"#
        ),
        ("tolocal@d.example", "OK bob@here.example,carol@x.example"),
        ("torouted@d.example", "OK box@d.example"), ("torouted+x@d.example", "OK box@d.example"),
        ("somebody@all.example", "OK somebody@target.example"),
        ("some+tail@all.example", "OK some+tail@target.example"),
        // An address in its own list stays there.
        ("carla@here.example", "OK carla@here.example,copy@x.example"),
        ("kept@d.example", "OK kept@d.example,b@other.example"),
        ("through@d.example", "OK kept@d.example,b@other.example"),
        ("postmaster@here.example", "OK admin@x.example"), ("postmaster@d.example", "OK admin@x.example"),
        ("postmaster", "OK admin@x.example"), ("uid#0@here.example", "OK admin@x.example"),
        // Members that are refused are left to be refused; where all are, the address itself is.
        ("mixed@d.example", "OK b@other.example,gone@d.example"), ("dead@d.example", "NOTFOUND"),
        ("dead2@d.example", "NOTFOUND"), ("gone@d.example", "NOTFOUND"),
        // Commands and files are given to nobody; what is discarded is nobody.
        ("command@d.example", "TEMP"), ("file@d.example", "TEMP"), ("program@d.example", "NOTFOUND"),
        ("nothing@d.example", "NOTFOUND"), ("both@d.example", "OK b@other.example"),
        // Forms of keys.
        (#""a b"@d.example"#, "NOTFOUND"), ("a b@d.example", "NOTFOUND"), (#""u 1"@d.example"#, "NOTFOUND"),
        (#""x y"@all.example"#, #"OK "x y"@target.example"#), ("x y@all.example", #"OK "x y"@target.example"#),
        ("u..v@all.example", "NOTFOUND"), (#""u..v"@all.example"#, #"OK "u..v"@target.example"#),
        ("a@b@all.example", #"OK "a@b"@target.example"#), ("odd@d.example", #"OK "a.@b"@other.example"#),
        ("@all.example", "NOTFOUND"), (#""@all.example"#, #"OK "\""@target.example"#), ("", "NOTFOUND"),
        ("<>", "NOTFOUND"),
        ("*", "NOTFOUND"), ("@", "NOTFOUND"), ("u@", "NOTFOUND"), ("|/bin/sh", "NOTFOUND"), ("/etc/passwd", "NOTFOUND"),
        (":include:/etc/passwd", "NOTFOUND"), ("\u{0}@all.example", "NOTFOUND"), ("a\nb@all.example", "NOTFOUND"),
        // What the chain takes apart.
        ("u%far.example@here.example", "OK u@far.example"), ("first.last%d.example", "NOTFOUND"),
        ("@far.example:u@other.example", "NOTFOUND"), ("node::user", "NOTFOUND"),
        ("origin@d.example", "OK bygate@d.example"), ("@here.example:u@far.example", "OK u@far.example"),
    ]

    @Test(arguments: counted("alias", answers.indices))
    func saysWhatAnAddressEndsAt(index: Int) throws {
        let (key, answer) = Self.answers[index]
        #expect(try LookupSite(Self.maps).ask(.alias, key) == answer, "\(key)")
    }

    @Test func givesTheSameToPostfixsTwoWaysOfWritingAKey() throws {
        let site = try LookupSite(Self.maps)
        let engine = site.makeEngine()
        for (key, _) in Self.answers {
            let (folded, unfolded) = (engine.ask(.alias, key.lowercased()), engine.ask(.alias, key))
            #expect(folded.lowercased() == unfolded.lowercased(), "\(key)")
        }
    }

    /// What may be the domain of this host, and whether users of this host can be written so that they come to themselves.
    static let domains: [(settings: String, maps: [String: String], answer: String)] = [
        // A catch-all of the domain would take the user: the host's own name does not.
        (
            "mydomain=d.example", ["thishost": "d.example", "fqdnroutes": "@d.example error!nosuchuser"],
            "OK fg1@here.example"
        ),
        // The domain is not this host at all.
        ("mydomain=far.example", [:], "OK fg1@here.example"),
        // No domain leads to the user.
        (
            "mydomain=d.example",
            ["thishost": "d.example", "fqdnroutes": "@d.example error!nosuchuser\n@here.example error!nosuchuser"],
            "TEMP"
        ),
        ("localdoesdomain=1", ["thishost": "d.example"], "OK fg1@d.example"),
        ("localdoesdomain=1", [:], "TEMP"),
    ]

    @Test(arguments: counted("domains", domains.indices))
    func writesUsersOfThisHostWithADomainThatLeadsToThem(index: Int) throws {
        let (settings, maps, answer) = Self.domains[index]
        var all = maps
        all["fqdnaliases"] = "first@d.example: fg1"
        #expect(try LookupSite(all, settings: settings).ask(.alias, "first@d.example") == answer)
    }

    @Test(arguments: counted("limits", [999, 1000, 1001]))
    func knowsPostfixsLimits(count: Int) throws {
        let members = (1...count).map { "user\($0)@x.example" }.joined(separator: ",")
        let engine = try LookupSite(["fqdnaliases": "list@d.example: \(members)"]).makeEngine()
        let reply = engine.ask(.alias, Array("list@d.example".utf8))
        #expect(reply.line == (count <= 1000 ? "OK \(members)" : "TEMP"))
        if count > 1000 { #expect(String(decoding: reply.text, as: UTF8.self).contains("1000 addresses")) }
    }

    @Test(arguments: counted("repetitions", [2, 20, 1500]))
    func countsAnAddressOnce(count: Int) throws {
        let members = Array(repeating: "one@x.example", count: count).joined(separator: ",")
        let site = try LookupSite(["fqdnaliases": "list@d.example: \(members)"])
        #expect(site.ask(.alias, "list@d.example") == "OK one@x.example")
    }

    @Test(arguments: counted("lengths", [999, 1000, 1001]))
    func knowsHowLongAnAddressMayBe(length: Int) throws {
        let member = String(repeating: "u", count: length - 10) + "@x.example"
        let site = try LookupSite(["fqdnaliases": "list@d.example: \(member)"])
        #expect(site.ask(.alias, "list@d.example") == (length <= 1000 ? "OK \(member)" : "TEMP"))
    }

    @Test(arguments: counted("sizes", [99_996, 99_997, 99_998]))
    func knowsHowLongAnAnswerMayBe(size: Int) throws {
        // A hundred addresses of 999 bytes with their commas, the last as long as is left.
        var members = (10..<109).map { "\($0)" + String(repeating: "u", count: 999 - 12) + "@x.example" }
        let left = size - members.reduce(0) { $0 + $1.utf8.count + 1 }
        members.append(String(repeating: "v", count: left - 10) + "@x.example")
        let value = members.joined(separator: ",")
        #expect(value.utf8.count == size)
        let site = try LookupSite(["fqdnaliases": "list@d.example: \(value)"])
        #expect(site.ask(.alias, "list@d.example") == (size <= 99_997 ? "OK \(value)" : "TEMP"))
    }

    @Test func isNotCertainWhereAnEndCannotBeAskedFor() throws {
        let maps = ["fqdnaliases": "list@d.example: a@x.example, b@x.example"]
        let site = try LookupSite(maps, failing: ("routesdb", nil))
        #expect(site.ask(.alias, "list@d.example") == "TEMP")
    }
}
