// The maps transport, mailbox and access, and store-alias with its way back.

import Serve
import Testing
import ZRouteTestKit

@Suite struct DeliveryMapsTests {
    static let maps = [
        "thishost": "here.example",
        "aliases": """
        team: bob, carol@x.example
        keeper: keeper, carol@x.example
        """,
        "fqdnaliases": """
        alias@d.example: box@d.example
        list@d.example: box@d.example, two@d.example
        away@d.example: u@far.example
        awaylist@d.example: box@d.example, u@far.example
        mixed@d.example: box@d.example, gone@d.example
        dead@d.example: gone@d.example, gone2@d.example
        both@d.example: both@d.example, two@d.example
        bothgone@d.example: gone@d.example, bothgone@d.example
        nothing@d.example: /dev/null
        program@d.example: "|/bin/prog"
        first@d.example: fg1
        """,
        "fqdnroutes": """
        box@d.example smtp-lmtp!store!cyrus-box%2
        two@d.example smtp-lmtp!store!two
        both@d.example smtp-lmtp!store!both%2
        bothgone@d.example smtp-lmtp!store!bothgone
        odd@d.example smtp-lmtp!store!a b
        long@d.example smtp-lmtp!store!\(String(repeating: "u", count: 1000))
        full@d.example smtp-lmtp!store
        bare@d.example smtp-lmtp!
        gate@d.example smtp-gate!gw!u
        gone@d.example error!nosuchuser!No such mailbox
        gone2@d.example error!expired
        umlaut@d.example error!nosuchuser!Kein Postfach für Sie
        plain@d.example error!nosuchuser
        @bare.example error!nosuchuser
        other@d.example error!quota
        trash@d.example bitbucket!-!x
        unknown@d.example uucp!host!u
        """,
        "routesdb": """
        relay.example smtp!mx.example
        literal.example smtp![192.0.2.7]
        own.example smtp!
        later.example delay!3600
        moved.example error!nosuchhost!moved away
        """,
    ]

    /// Key, and the answers of transport, mailbox, access and store-alias.
    static let answers: [(key: String, transport: String, mailbox: String, access: String, store: String)] = [
        (
            "box@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK cyrus-box@store.store.internal"
        ),
        (
            "Box+Tail@D.Example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK cyrus-box+tail@store.store.internal"
        ),
        (
            "odd@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            #"OK "a b"@store.store.internal"#
        ),
        (
            "full@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            #"OK "full@d.example"@store.store.internal"#
        ),
        ("long@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO", "TEMP"),
        (
            "fg1@here.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK fg1@here.example.store.internal"
        ),
        (
            "pipe.jones@here.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK pipe.jones@here.example.store.internal"
        ),
        (
            "alias@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK cyrus-box@store.store.internal"
        ),
        (
            "first@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK fg1@here.example.store.internal"
        ),
        (
            "list@d.example", "OK retry:4.3.5", "OK mailbox", "OK DUNNO",
            "OK cyrus-box@store.store.internal,two@store.store.internal"
        ),
        (
            "awaylist@d.example", "OK retry:4.3.5", "OK mailbox", "OK DUNNO",
            "OK cyrus-box@store.store.internal,u@far.example"
        ),
        (
            "team@here.example", "OK retry:4.3.5", "OK mailbox", "OK DUNNO",
            "OK bob@here.example.store.internal,carol@x.example"
        ),
        (
            "mixed@d.example", "OK retry:4.3.5", "OK mailbox", "OK DUNNO",
            "OK cyrus-box@store.store.internal,gone@d.example"
        ),
        // A copy of its own is asked for by whoever has expanded the list.
        (
            "Both@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK both@store.store.internal,two@store.store.internal"
        ),
        (
            "bothgone@d.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK gone@d.example,bothgone@store.store.internal"
        ),
        (
            "keeper@here.example", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO",
            "OK keeper@here.example.store.internal,carol@x.example"
        ),
        ("away@d.example", "OK retry:4.3.5", "OK mailbox", "OK DUNNO", "OK u@far.example"),
        ("gate@d.example", "OK smtp:[192.0.2.9]:2525", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("u@relay.example", "OK smtp:mx.example", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("u@literal.example", "OK smtp:[192.0.2.7]:25", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("u@own.example", "OK smtp:own.example", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("u@far.example", "NOTFOUND", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("u@[192.0.2.8]", "NOTFOUND", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        (
            "gone@d.example", "OK error:5.1.1 No such mailbox", "NOTFOUND", "OK REJECT 5.1.1 No such mailbox",
            "NOTFOUND"
        ),
        (
            "dead@d.example", "OK error:5.1.1 No such mailbox", "NOTFOUND", "OK REJECT 5.1.1 No such mailbox",
            "NOTFOUND"
        ),
        (
            "umlaut@d.example", "OK error:5.1.1 Kein Postfach für Sie", "NOTFOUND",
            "OK REJECT 5.1.1 Kein Postfach für Sie", "NOTFOUND"
        ),
        (
            #""no body"@bare.example"#, "OK error:5.1.1 no such user", "NOTFOUND", "OK REJECT 5.1.1 no such user",
            "NOTFOUND"
        ),
        ("no body@bare.example", "OK error:5.1.1 no such user", "NOTFOUND", "OK REJECT 5.1.1 no such user", "NOTFOUND"),
        (
            #""a\" b@c"@bare.example"#, "OK error:5.1.1 no such user", "NOTFOUND", "OK REJECT 5.1.1 no such user",
            "NOTFOUND"
        ),
        ("plain@d.example", "OK error:5.1.1 no such user", "NOTFOUND", "OK REJECT 5.1.1 no such user", "NOTFOUND"),
        ("gone2@d.example", "OK error:5.4.7 expired", "NOTFOUND", "OK REJECT 5.4.7 expired", "NOTFOUND"),
        ("other@d.example", "OK error:5.0.0 quota", "NOTFOUND", "OK REJECT 5.0.0 quota", "NOTFOUND"),
        ("u@moved.example", "OK error:5.1.2 moved away", "NOTFOUND", "OK REJECT 5.1.2 moved away", "NOTFOUND"),
        ("program@d.example", "OK error:5.3.3", "NOTFOUND", "OK REJECT 5.3.3", "NOTFOUND"),
        ("u@later.example", "TEMP", "TEMP", "TEMP", "TEMP"),
        ("nothing@d.example", "OK discard:", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("trash@d.example", "OK discard:", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("unknown@d.example", "TEMP", "OK mailbox", "OK DUNNO", "TEMP"),
        // Keys that are no recipients, and keys that are no addresses.
        ("*", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"), ("", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        ("<>", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        ("@d.example", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        ("a b@far.example", "NOTFOUND", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("a..b@far.example", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        (".ab@far.example", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        ("ab.@far.example", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        (".@far.example", "NOTFOUND", "NOTFOUND", "NOTFOUND", "NOTFOUND"),
        (#""a..b"@far.example"#, "NOTFOUND", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("a. b@far.example", "NOTFOUND", "OK mailbox", "OK DUNNO", "NOTFOUND"),
        ("u@a..b", "OK error:5.1.3 not a valid address", "NOTFOUND", "OK REJECT 5.1.3 not a valid address", "NOTFOUND"),
        ("u@", "OK error:5.1.3 not a valid address", "NOTFOUND", "OK REJECT 5.1.3 not a valid address", "NOTFOUND"),
        (
            "\u{1}@d.example", "OK error:5.1.3 not a valid address", "NOTFOUND", "OK REJECT 5.1.3 not a valid address",
            "NOTFOUND"
        ),
        (
            "|/bin/sh", "OK error:5.1.3 not a valid address", "NOTFOUND", "OK REJECT 5.1.3 not a valid address",
            "NOTFOUND"
        ),
        // Addresses of stores.
        (
            "cyrus-box@store.store.internal", "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO", "NOTFOUND"
        ),
        (
            #""a b"@Store.STORE.internal"#, "OK lmtp:unix:/run/store/lmtp", "OK mailbox", "OK DUNNO", "NOTFOUND"
        ),
        ("u@store.internal", "OK error:5.1.2", "NOTFOUND", "OK REJECT 5.1.2", "NOTFOUND"),
    ]

    @Test(arguments: counted("transport, mailbox, access, store-alias", answers.indices))
    func sayHowAnAddressFares(index: Int) throws {
        let expected = Self.answers[index]
        let engine = try LookupSite(Self.maps).makeEngine()
        let key = expected.key
        // Of texts of our own the code is enough.
        func begins(_ answer: String, _ beginning: String) -> Bool {
            answer == beginning || (beginning.hasPrefix("OK ") && beginning.count < 18 && answer.hasPrefix(beginning))
        }
        let transport = engine.ask(.transport, key)
        #expect(begins(transport, expected.transport), "\(key): \(transport)")
        #expect(engine.ask(.mailbox, key) == expected.mailbox, "\(key)")
        let access = engine.ask(.access, key)
        #expect(begins(access, expected.access), "\(key): \(access)")
        #expect(engine.ask(.storeAlias, key) == expected.store, "\(key)")
    }

    @Test(arguments: counted("store-alias", answers.map(\.key)))
    func comeBackFromEachAddressOfAStore(key: String) throws {
        let engine = try LookupSite(Self.maps).makeEngine()
        let answer = engine.ask(.storeAlias, key)
        guard answer.hasPrefix("OK ") else { return }
        for address in answer.dropFirst(3).split(separator: ",").map(String.init) {
            #expect(engine.ask(.storeAlias, address) == "NOTFOUND", "\(address)")
            #expect(engine.ask(.alias, address) == "NOTFOUND", "\(address)")
            guard address.hasSuffix(".store.internal") else { continue }
            #expect(engine.ask(.transport, address) == "OK lmtp:unix:/run/store/lmtp", "\(address)")
            #expect(engine.ask(.mailbox, address) == "OK mailbox", "\(address)")
        }
    }

    static let hops: [(command: String, host: String, transport: String)] = [
        ("smtp -M -x -F UNIX:/run/x/lmtp", "h", "OK lmtp:unix:/run/x/lmtp"),
        ("smtp -M -x -p 24", "h.example", "OK lmtp:inet:h.example:24"),
        ("smtp -M -x -p 24", "[192.0.2.1]", "OK lmtp:inet:192.0.2.1:24"),
        ("smtp -M -x -F [2001:db8::1] -p 24", "h", "OK lmtp:inet:[2001:db8::1]:24"),
        ("smtp -x -F relay.example", "h", "OK smtp:[relay.example]:25"),
        ("smtp -F [relay.example] -p 587", "h", "OK smtp:[relay.example]:587"),
        ("smtp -x -F [2001:db8::1]", "h", "OK smtp:[2001:db8::1]:25"),
        ("smtp -x", "h.example", "OK smtp:[h.example]:25"), ("smtp", "h.example", "OK smtp:h.example"),
        // Faults of the configuration.
        ("smtp -M -x", "h.example", "TEMP"), ("sm -c $channel procmail", "h", "TEMP"), ("smtp -Q", "h", "TEMP"),
        ("smtp -M -x -F UNIX:/run/a,b", "h", "TEMP"),
    ]

    @Test(arguments: counted("servers", hops.indices))
    func nameServersAsPostfixDoes(index: Int) throws {
        let (command, host, transport) = Self.hops[index]
        let site = try LookupSite(
            ["fqdnroutes": "u@d.example smtp-x!\(host)!u"], scheduler: "smtp-x/*\n command=\"\(command)\"\n")
        #expect(site.ask(.transport, "u@d.example") == transport)
    }

    @Test func keepMailWhileSchedulerConfSaysQueueonly() throws {
        let site = try LookupSite(
            ["fqdnroutes": "u@d.example smtp-x!h!u"],
            scheduler: "smtp-x/*\n command=\"smtp -M -x -F UNIX:/s\"\n queueonly\n")
        #expect(site.ask(.transport, "u@d.example") == "TEMP")
        #expect(site.ask(.mailbox, "u@d.example") == "OK mailbox")
    }

    /// Where two channels lead to different stores, the address says which.
    static let stores: [(scheduler: String, answer: String, transport: String)] = [
        (
            "smtp-lmtp/*\n command=\"smtp -M -F UNIX:/a\"\nsmtp-other/*\n command=\"smtp -M -F UNIX:/b\"\n",
            "OK u@h._smtp-other.store.internal", "OK lmtp:unix:/b"
        ),
        (
            "smtp-other/*\n command=\"smtp -M -F UNIX:/b\"\n", "OK u@h.store.internal", "OK lmtp:unix:/b"
        ),
        ("smtp-*/*\n command=\"smtp -M -p 24\"\n", "OK u@h.store.internal", "OK lmtp:inet:h:24"),
        ("smtp-o*/h\n command=\"smtp -M -p 24\"\n", "OK u@h._smtp-other.store.internal", "OK lmtp:inet:h:24"),
    ]

    @Test(arguments: counted("stores", stores.indices))
    func tellStoresApart(index: Int) throws {
        let (scheduler, answer, transport) = Self.stores[index]
        let engine = try LookupSite(["fqdnroutes": "u@d.example smtp-other!H!u"], scheduler: scheduler).makeEngine()
        #expect(engine.ask(.storeAlias, "u@d.example") == answer)
        #expect(engine.ask(.transport, String(answer.dropFirst(3))) == transport)
    }

    @Test func sayWhatIsMissingInTheConfiguration() throws {
        let site = try LookupSite(Self.maps, settings: "storedomain=")
        #expect(site.ask(.storeAlias, "box@d.example") == "TEMP")
        #expect(site.ask(.transport, "u@store.store.internal") == "NOTFOUND")
        let other = try LookupSite(Self.maps, scheduler: nil)
        #expect(other.ask(.storeAlias, "box@d.example") == "TEMP")
        #expect(other.ask(.transport, "box@d.example") == "TEMP")
        #expect(other.ask(.transport, "u@relay.example") == "OK smtp:mx.example")
        #expect(other.ask(.transport, "u@far.example") == "NOTFOUND")
        #expect(other.ask(.transport, "gone@d.example") == "OK error:5.1.1 No such mailbox")
    }

    static let handedOver: [(key: String, answer: String)] = [
        ("box@d.example", "OK lmtp:unix:zroute/lmtp"), ("list@d.example", "OK lmtp:unix:zroute/lmtp"),
        ("away@d.example", "OK lmtp:unix:zroute/lmtp"), ("unknown@d.example", "OK lmtp:unix:zroute/lmtp"),
        ("nothing@d.example", "OK lmtp:unix:zroute/lmtp"), ("fg1@here.example", "OK lmtp:unix:zroute/lmtp"),
        ("u@far.example", "NOTFOUND"), ("*", "NOTFOUND"), ("gone@d.example", "OK error:5.1.1 No such mailbox"),
        ("u@later.example", "TEMP"),
    ]

    @Test(arguments: counted("--transport-to", handedOver.indices))
    func handAllOfOursToTheLMTPListener(index: Int) throws {
        let (key, answer) = Self.handedOver[index]
        #expect(try LookupSite(Self.maps, transportTo: "unix:zroute/lmtp").ask(.transport, key) == answer, "\(key)")
    }
}
