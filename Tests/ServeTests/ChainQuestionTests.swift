// The maps domain and relation/NAME; maps that fail; and keys of hostile peers.

import LookupProtocols
import Serve
import Testing
import ZRouteTestKit

@Suite struct ChainQuestionTests {
    static let maps = [
        "thishost": "here.example\n.campus.example here.example",
        "aliases": "team: bob, carol@x.example",
        "fqdnaliases": "u@only.example: v@x.example\n@lists.example: root@here.example\nodd@v.example: %1+x@x.example",
        "fqdnroutes":
            "@catch.example smtp-lmtp!store!catcher%2\n@passed.example ignore!\n@gone.example error!nosuchuser",
        "routesdb": """
        .wild.example smtp-lmtp!store!
        exact.example smtp!mx
        passed.example ignore!
        ERROR.example error!nosuchhost
        . smtp!smarthost
        """,
        "smtp-policy.relay": "relayed.example\n.below.example",
        "smtp-policy.relay.manual": "byhand.example yes",
        "other": "key  a value\nempty",
    ]

    static let relations = """
        smtp-policy.relay text - -l @/smtp-policy.relay -lm
        smtp-policy.relay.manual text - -l @/smtp-policy.relay.manual -lm
        smtp-policy.other text - -l @/other -m
        """

    static func site(failing: (relation: String, key: String?)? = nil) throws -> LookupSite {
        try LookupSite(maps, settings: "orgdomain=org.example", relations: relations, failing: failing)
    }

    static let served = [
        "here.example", "HERE.example", "any.campus.example", "lists.example", "catch.example", "gone.example",
        "sub.wild.example", ".wild.example", "exact.example", "error.example", "relayed.example", "sub.below.example",
        "byhand.example", "[127.0.0.1]", "[IPv6:::1]", "Catch.Example",
    ]
    static let foreign = [
        "far.example", "passed.example", "only.example", "sub.exact.example", "sub.relayed.example", "wild.example.com",
        "[192.0.2.1]", "store.internal", "h.store.internal", "", ".", "*", "u@here.example", "@here.example",
        "xhere.example", "\u{0}", String(repeating: "a.", count: 8000) + "a",
    ]

    @Test(arguments: counted("domains", served + foreign))
    func domainKnowsWhatIsServedHere(domain: String) throws {
        let isServed = Self.served.contains(domain)
        #expect(try Self.site().ask(.domain, domain) == (isServed ? "OK domain" : "NOTFOUND"))
    }

    static let values: [(relation: String, key: String, answer: String)] = [
        ("aliases", "team", "OK bob, carol@x.example"), ("aliases", "TEAM", "OK bob, carol@x.example"),
        ("aliases", "nobody", "NOTFOUND"), ("aliases", "", "NOTFOUND"),
        // As the map has it: there is no address whose parts %1 could be.
        ("fqdnaliases", "odd@v.example", "OK %1+x@x.example"), ("fqdnaliases", "Odd@V.example", "OK %1+x@x.example"),
        ("fqdnroutes", "@catch.example", "OK smtp-lmtp!store!catcher%2"), ("fqdnroutes", "u@catch.example", "NOTFOUND"),
        ("routesdb", "a.wild.example", "OK smtp-lmtp!store!"), ("routesdb", "far.example", "OK smtp!smarthost"),
        ("thishost", "x.campus.example", "OK here.example"), ("thishost", "here.example", "TEMP"),
        ("smtp-policy.other", "key", "OK a value"), ("smtp-policy.other", "KEY", "NOTFOUND"),
        ("smtp-policy.other", "empty", "TEMP"),
    ]

    @Test(arguments: counted("relations", values.indices))
    func relationNAMEGivesValuesAsItsMapsHaveThem(index: Int) throws {
        let (relation, key, answer) = Self.values[index]
        let site = try Self.site()
        #expect(site.ask(site.relation(relation), key) == answer, "\(relation) \(key)")
    }

    @Test func aMapThatFailsIsNeverAnAbsence() throws {
        var asked = 0
        for relation in ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"] {
            let site = try Self.site(failing: (relation, nil))
            let engine = site.makeEngine()
            let address = relation == "aliases" ? "team@here.example" : "somebody@far.example"
            for map in ServedMap.ofAddresses {
                // Senders are not expanded.
                if map == .sender, !["routesdb", "thishost"].contains(relation) { continue }
                asked += 1
                #expect(engine.ask(map, address) == "TEMP", "\(relation) \(map)")
            }
            if relation != "aliases" {
                asked += 1
                #expect(engine.ask(.domain, "far.example") == "TEMP", "\(relation)")
            }
            for key in ["team", "u@far.example", "@far.example", "far.example", "here.example"] {
                asked += 1
                #expect(engine.ask(site.relation(relation), key) == "TEMP", "\(relation) \(key)")
            }
        }
        for relation in ["smtp-policy.relay", "smtp-policy.relay.manual"] {
            asked += 1
            #expect(try Self.site(failing: (relation, nil)).ask(.domain, "far.example") == "TEMP")
        }
        print("failing maps: \(asked) questions")
    }

    /// Where a failing key is met only behind others.
    static let later: [(relation: String, key: String, address: String)] = [
        ("aliases", "bob", "team@here.example"), ("routesdb", "x.example", "team@here.example"),
        ("fqdnroutes", "v@x.example", "u@only.example"), ("fqdnaliases", "@x.example", "u@only.example"),
        ("thishost", "x.example", "u@only.example"),
    ]

    @Test(arguments: counted("members", later.indices))
    func aMapThatFailsForAMemberFailsTheList(index: Int) throws {
        let (relation, key, address) = Self.later[index]
        let engine = try Self.site(failing: (relation, key)).makeEngine()
        for map in ServedMap.ofAddresses where map != .sender {
            #expect(engine.ask(map, address) == "TEMP", "\(relation) \(map)")
        }
    }

    static let hostile: [[UInt8]] = [
        [], [0], Array("u\u{0}@here.example".utf8), [0xFF, 0x40, 0x61], Array("u@here.example\r\n".utf8),
        Array(repeating: UInt8(ascii: "a"), count: 16_384),
        Array(repeating: UInt8(ascii: "@"), count: 16_384), Array(repeating: UInt8(ascii: "\""), count: 16_384),
        Array(repeating: UInt8(ascii: "("), count: 16_384), Array(repeating: UInt8(ascii: "."), count: 16_384),
        Array(repeating: UInt8(ascii: "!"), count: 16_384), Array(repeating: UInt8(ascii: "%"), count: 16_384),
        Array(repeating: UInt8(ascii: "a"), count: 16_000) + Array("@catch.example".utf8),
        Array((String(repeating: "x%", count: 8000) + "y@here.example").utf8),
        Array((String(repeating: "a.", count: 8000) + "a").utf8),
        Array("u@\(String(repeating: "a.", count: 8000))a".utf8), Array("caf\u{e9}@catch.example".utf8),
        Array("%n%s%1%2@catch.example".utf8), Array("../../etc/passwd".utf8), Array("\"|/bin/sh\"@here.example".utf8),
        Array("\":include:/etc/passwd\"".utf8), Array("<:include:/etc/passwd>".utf8),
    ]

    @Test(arguments: counted("hostile keys", hostile.indices))
    func keysOfAllKindsAreAnswered(index: Int) throws {
        let site = try Self.site()
        let engine = site.makeEngine()
        let relations = site.served.maps.relations.indices.map { ServedMap.relation($0) }
        for map in ServedMap.ofAddresses + [.domain] + relations {
            let reply = engine.ask(map, Self.hostile[index])
            #expect(reply.status != .refused)
            #expect(!reply.text.isEmpty)
            // What is asked by name is never opened.
            #expect(!String(decoding: reply.text, as: UTF8.self).contains("root:x:"))
        }
    }
}
